#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "chat/builtins/attribute_path.h"
#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

// What map() does to one item: an attribute, or a filter.
Value map_item(Runtime& runtime, const Arguments& arguments, const Value& item) {
  if (arguments.positional.empty()) {
    Value attribute, fallback;
    for (const auto& [name, value] : arguments.keywords) {
      if (name == "attribute") {
        attribute = value;
      } else if (name == "default") {
        fallback = value;
      } else {
        fail(fmt::format("unexpected keyword argument '{}'", base::escaped(name)));
      }
    }
    if (attribute.is_missing()) fail("map requires a filter argument");
    return AttributePath(attribute).get(runtime, item, fallback);
  }
  Arguments passed;
  passed.positional.push_back(item);
  passed.positional.insert(passed.positional.end(), arguments.positional.begin() + 1,
                           arguments.positional.end());
  passed.keywords = arguments.keywords;
  return runtime.filter(need_text(arguments.positional[0], "a filter's name").view(),
                        std::move(passed));
}

Value map(Runtime& runtime, const Call& call) {
  const Value value = call[0];
  return make_generator(runtime, value,
                        [&runtime, value, arguments = call.rest,
                         source = std::shared_ptr<Iterator>()](Value& out) mutable {
                          if (!truthy(runtime, value)) return false;
                          if (!source) source = iterate(runtime, value);
                          Value item;
                          if (!source->next(item)) return false;
                          runtime.budget().step();
                          out = map_item(runtime, arguments, item);
                          return true;
                        });
}

// Whether an item passes the test that the arguments name, from position `offset` on.
bool passes(Runtime& runtime, const Arguments& arguments, size_t offset, const Value& item) {
  if (arguments.positional.size() <= offset) return truthy(runtime, item);
  Arguments passed;
  passed.positional.push_back(item);
  passed.positional.insert(passed.positional.end(),
                           arguments.positional.begin() + static_cast<std::ptrdiff_t>(offset) + 1,
                           arguments.positional.end());
  passed.keywords = arguments.keywords;
  return runtime.test(need_text(arguments.positional[offset], "a test's name").view(),
                      std::move(passed));
}

template <bool wanted, bool of_attribute>
Value select(Runtime& runtime, const Call& call) {
  const Value value = call[0];
  return make_generator(
      runtime, value,
      [&runtime, value, arguments = call.rest,
       source = std::shared_ptr<Iterator>()](Value& out) mutable {
        if (!truthy(runtime, value)) return false;
        if (of_attribute && arguments.positional.empty()) {
          fail("missing parameter for attribute name");
        }
        if (!source) source = iterate(runtime, value);
        while (source->next(out)) {
          runtime.budget().step();
          const Value judged =
              of_attribute ? AttributePath(arguments.positional[0]).get(runtime, out) : out;
          if (passes(runtime, arguments, of_attribute ? 1 : 0, judged) == wanted) return true;
        }
        return false;
      });
}

Value unique(Runtime& runtime, const Call& call) {
  const Value value = call[0];
  const bool case_sensitive = flag_or(runtime, call[1], false);
  const AttributePath path(call.has(2) ? call[2] : Value(None{}));
  return make_generator(runtime, value,
                        [&runtime, value, case_sensitive, path,
                         source = std::shared_ptr<Iterator>(), seen = Dict()](Value& out) mutable {
                          if (!source) source = iterate(runtime, value);
                          while (source->next(out)) {
                            Value key = path.get(runtime, out);
                            if (!case_sensitive) key = ignore_case(runtime, key);
                            runtime.budget().step(key.extent().weight);
                            if (seen.find(key) != nullptr) continue;
                            seen.set(key, None{});
                            return true;
                          }
                          return false;
                        });
}

constexpr Builtin kFilters[] = {
    {"map", "value / * **", map},
    {"reject", "value / * **", select<false, false>},
    {"rejectattr", "value / * **", select<false, true>},
    {"select", "value / * **", select<true, false>},
    {"selectattr", "value / * **", select<true, true>},
    {"unique", "value case_sensitive= attribute=", unique},
};

}  // namespace

std::span<const Builtin> select_filters() { return kFilters; }

AttributePath::AttributePath(const Value& attribute) {
  if (attribute.is_none()) return;
  if (!attribute.is_text()) {
    parts_.push_back(attribute);
    return;
  }
  std::string_view rest = attribute.text().view();
  while (true) {
    const size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    const bool digits = !part.empty() && part.size() < 18 &&
                        part.find_first_not_of("0123456789") == std::string_view::npos;
    parts_.push_back(digits ? Value(int64_t{std::stoll(std::string(part))})
                            : Value::made(std::string(part)));
    if (dot == rest.size()) break;
    rest.remove_prefix(dot + 1);
  }
}

Value AttributePath::get(Runtime& runtime, Value item, const Value& fallback) const {
  for (const Value& part : parts_) {
    item = get_item(runtime, item, part);
    if (item.is_undefined() && !fallback.is_missing() && !fallback.is_none()) item = fallback;
  }
  return item;
}

Value attribute_of_each(Runtime& runtime, const Value& items, const Value& attribute) {
  const AttributePath path(attribute);
  std::vector<Value> out;
  for (Value& item : to_vector(runtime, items)) out.push_back(path.get(runtime, std::move(item)));
  return make_list(runtime.budget(), std::move(out));
}

Value ignore_case(Runtime& runtime, const Value& value) {
  return value.is_text() ? lower(runtime, value.text()) : value;
}

}  // namespace nalar::chat
