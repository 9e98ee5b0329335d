#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

#include "base/utf8.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

// dict(mapping or pairs, **keywords).
Dict make_mapping(Runtime& runtime, const Call& call) {
  Dict dict;
  if (call.rest.positional.size() > 1) fail("dict expected at most 1 argument");
  if (!call.rest.positional.empty()) {
    const Value& source = call.rest.positional[0];
    if (source.is_dict()) {
      runtime.budget().step(static_cast<int64_t>(source.dict().size()));
      dict = source.dict();
    } else {
      for (const Value& pair : to_vector(runtime, source)) {
        const std::vector<Value> items = to_vector(runtime, pair);
        if (items.size() != 2) {
          fail(fmt::format("dictionary update sequence element has length {}; 2 is required",
                           items.size()));
        }
        dict.set(items[0], items[1]);
      }
    }
  }
  for (const auto& [name, value] : call.rest.keywords) dict.set(Value::made(name), value);
  return dict;
}

Value make_range(Runtime&, const Call& call) {
  int64_t start = 0, step = 1;
  int64_t stop = need_integer(call[0]);
  if (call.has(1)) {
    start = stop;
    stop = need_integer(call[1]);
  }
  if (call.has(2)) step = need_integer(call[2]);
  if (step == 0) fail("range() arg 3 must not be zero");
  return std::make_shared<Range>(start, stop, step);
}

Value make_dict_global(Runtime& runtime, const Call& call) {
  return make_dict(runtime.budget(), make_mapping(runtime, call));
}

Value make_namespace(Runtime& runtime, const Call& call) {
  auto ns = std::make_shared<Namespace>();
  const Dict attributes = make_mapping(runtime, call);
  for (const auto& [name, value] : attributes.items()) {
    ns->set(need_text(name, "an attribute's name").view(), value);
  }
  runtime.keep(ns);
  return std::shared_ptr<Object>(ns);
}

Value make_cycler(Runtime& runtime, const Call& call) {
  if (call.rest.positional.empty()) fail("at least one item has to be provided");
  return std::make_shared<Cycler>(make_tuple(runtime.budget(), call.rest.positional));
}

Value make_joiner(Runtime&, const Call& call) {
  return std::make_shared<Joiner>(call.has(0) ? call[0] : Value::made(", "));
}

Value raise_exception(Runtime& runtime, const Call& call) {
  throw Refused(std::string(str_of(runtime, call[0]).text().view()));
}

Value strftime_global(Runtime& runtime, const Call& call) {
  return strftime_now(runtime, need_text(call[0], "strftime() argument 1"));
}

constexpr Builtin kGlobals[] = {
    {"range", "start stop= step= /", make_range},
    {"dict", "* **", make_dict_global},
    {"namespace", "* **", make_namespace},
    {"cycler", "*", make_cycler},
    {"joiner", "sep=", make_joiner},
    {"raise_exception", "message", raise_exception},
    {"strftime_now", "format", strftime_global},
};

Value cycler_next(Runtime&, const Call& call) { return call[0].object_as<Cycler>()->next(); }
Value cycler_reset(Runtime&, const Call& call) {
  call[0].object_as<Cycler>()->reset();
  return None{};
}

constexpr Builtin kCyclerNext{"next", "self /", cycler_next};
constexpr Builtin kCyclerReset{"reset", "self /", cycler_reset};

struct Now {
  std::tm time{};
  long microseconds = 0;
};

Now now(std::optional<int64_t> clock) {
  Now out;
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH"); epoch != nullptr && !clock) {
    clock = std::strtoll(epoch, nullptr, 10);
  }
  if (clock) {
    const std::time_t seconds = *clock;
    gmtime_r(&seconds, &out.time);
    return out;
  }
  std::timespec ts{};
  std::timespec_get(&ts, TIME_UTC);
  localtime_r(&ts.tv_sec, &out.time);
  out.microseconds = ts.tv_nsec / 1000;
  return out;
}

// strftime in the C locale, whatever the program's is.
std::string format_time(const std::string& format, const std::tm& time) {
  static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
  std::string out(64 + format.size() * 8, '\0');
  // A format may stand for nothing at all: a mark makes its length positive.
  const size_t n = strftime_l(out.data(), out.size(), (format + "\x01").c_str(), &time, c_locale);
  if (n == 0) fail("strftime_now: the result is too long");
  out.resize(n - 1);
  return out;
}

}  // namespace

Value find_global(std::string_view name) {
  for (const Builtin& builtin : kGlobals) {
    if (builtin.name == name) return std::make_shared<Function>(builtin);
  }
  return {};
}

Value Cycler::attribute(Runtime&, std::string_view name) {
  if (name == "next") return std::make_shared<Function>(kCyclerNext, Value(shared_from_this()));
  if (name == "reset") return std::make_shared<Function>(kCyclerReset, Value(shared_from_this()));
  if (name == "current") return items_.sequence().items[at_];
  if (name == "items") return items_;
  if (name == "pos") return static_cast<int64_t>(at_);
  return {};
}

Value strftime_now(Runtime& runtime, const Text& text) {
  const Now clock = now(runtime.clock());
  std::string format, out;
  runtime.budget().bytes(text.view().size() * 16);
  for (size_t i = 0; i < text.view().size(); ++i) {
    const char c = text.view()[i];
    if (c == '\0') fail("embedded null character");
    if (c != '%' || i + 1 == text.view().size()) {
      format += c;
      continue;
    }
    const char code = text.view()[++i];
    if (code == 'f') {
      format += fmt::format("{:06}", clock.microseconds);
    } else if (code != 'z' && code != 'Z') {  // a time without zone: both are empty
      format += c;
      format += code;
    }
  }
  if (!format.empty()) out = format_time(format, clock.time);
  runtime.budget().text_size(out.size());
  return Text(base::to_valid_utf8(out), text.all_template() ? kTemplate : kMessage);
}

}  // namespace nalar::chat
