#include <nalar/log.h>

namespace nalar {
namespace {
NoticeSink& sink() {
  static NoticeSink the_sink;
  return the_sink;
}
}  // namespace

void set_notice_sink(NoticeSink new_sink) { sink() = std::move(new_sink); }

void notice(std::string_view text) {
  if (sink()) sink()(text);
}

}  // namespace nalar
