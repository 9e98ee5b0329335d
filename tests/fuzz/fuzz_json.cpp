#include <nalar/error.h>
#include <nalar/json.h>

#include <string>

#include "base/utf8.h"
#include "fuzz/fuzz.h"
#include "io/json_walk.h"

namespace nalar::fuzz {
namespace {

// The text as a parser understands it, written again; or that it refused it.
template <typename F>
std::string understood(F&& parse) {
  try {
    return to_text(parse());
  } catch (const Error&) {
    return "refused";
  }
}

}  // namespace

void one(std::string_view input) {
  const std::string fast = understood([&] { return parse_json(input); });
  const std::string slow = understood([&] { return io::parse_json_slowly(input, {}); });
  need(fast == slow, "the fast parser and the slow one agree");
  if (fast != "refused") {
    need(base::is_valid_utf8(fast), "what is written is UTF-8");
    need(to_text(parse_json(fast)) == fast, "what is written is read as it was");
    need(to_text(parse_json(to_text(parse_json(fast), 2))) == fast, "indented text means the same");
  }
  parse_json(input);
}

}  // namespace nalar::fuzz
