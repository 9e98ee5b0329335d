#include <fmt/format.h>

#include <algorithm>

#include "chat/builtins/methods.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

void need_defined(const Value& value) {
  if (value.is_undefined()) fail(value.undefined().message);
}

// value[key] of Python; missing where it would raise TypeError or LookupError.
Value raw_item(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is_dict()) {
    if (!is_hashable(key)) return {};
    runtime.budget().step(key.extent().weight);
    const Value* found = value.dict().find(key);
    return found == nullptr ? Value() : *found;
  }
  if (value.is_object()) return value.object().item(runtime, key);
  auto index = key.integer();
  if (!index || !(value.is_text() || value.is_list() || value.is_tuple())) return {};
  const int64_t length = *length_of(runtime, value);
  if (*index < 0) *index += length;
  if (*index < 0 || *index >= length) return {};
  if (!value.is_text()) return value.sequence().items[static_cast<size_t>(*index)];
  return substring(runtime, value, static_cast<size_t>(*index), static_cast<size_t>(*index) + 1);
}

// getattr() as the immutable sandbox allows it: missing when the class has no such attribute,
// Undefined when it is forbidden.
Value safe_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  Value found =
      value.is_object() ? value.object().attribute(runtime, name) : find_method(value, name);
  const bool is_special =
      name.size() > 4 && name.substr(0, 2) == "__" && name.substr(name.size() - 2) == "__";
  if (is_special || is_mutating_method(value, name) || (!found.is_missing() && name[0] == '_')) {
    return Undefined{fmt::format("access to attribute {} of '{}' object is unsafe", quoted(name),
                                 value.type_name())};
  }
  return found;
}

Undefined nothing_there(const Value& value, const Value& key) {
  if (!key.is_text()) {
    return {fmt::format("'{}' object has no element {}", value.type_name(),
                        key.integer() ? fmt::format("{}", *key.integer()) : "of that key")};
  }
  return {fmt::format("'{}' object has no attribute {}", value.type_name(),
                      quoted(key.text().view().substr(0, 200)))};
}

struct Bounds {
  int64_t start, stop, step;
  int64_t count() const {
    if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
    return start > stop ? (start - stop - 1) / -step + 1 : 0;
  }
};

// slice.indices().
Bounds resolve(const SliceBounds& bounds, int64_t length) {
  const auto number = [](const Value& v, int64_t absent) {
    if (v.is_none()) return absent;
    if (const auto i = v.integer()) return *i;
    fail("slice indices must be integers or None or have an __index__ method");
  };
  const int64_t step = number(bounds.step, 1);
  if (step == 0) fail("slice step cannot be zero");
  const int64_t lowest = step > 0 ? 0 : -1;
  const int64_t highest = step > 0 ? length : length - 1;
  const auto clamp = [&](const Value& v, int64_t absent) {
    if (v.is_none()) return absent;
    int64_t i = number(v, 0);
    if (i < 0) i = i < -length ? lowest - length : i;
    return std::clamp(i < 0 ? i + length : i, lowest, highest);
  };
  return {clamp(bounds.start, step > 0 ? lowest : highest),
          clamp(bounds.stop, step > 0 ? highest : lowest),
          std::clamp(step, -length - 1, length + 1)};
}

Value slice_text(Runtime& runtime, const Value& value, const Bounds& bounds) {
  const Text& text = value.text();
  if (bounds.step == 1) {
    return substring(runtime, value, static_cast<size_t>(bounds.start),
                     static_cast<size_t>(std::max(bounds.start, bounds.stop)));
  }
  runtime.budget().bytes(text.view().size());
  std::vector<size_t> offsets;
  for (size_t at = 0; at < text.view().size(); ++at) {
    if ((static_cast<unsigned char>(text.view()[at]) & 0xC0) != 0x80) offsets.push_back(at);
  }
  offsets.push_back(text.view().size());
  TextBuilder out(runtime.budget());
  const int64_t n = bounds.count();
  runtime.budget().step(n / 8);
  for (int64_t i = 0, at = bounds.start; i < n; ++i, at += bounds.step) {
    out.add(text, offsets[static_cast<size_t>(at)], offsets[static_cast<size_t>(at) + 1]);
  }
  return out.finish(text.markup());
}

}  // namespace

Value substring(Runtime& runtime, const Value& value, size_t begin, size_t end) {
  const Text& text = value.text();
  if (begin == 0 && end >= text.length()) return value;
  if (!text.ascii()) runtime.budget().bytes(text.view().size());
  TextBuilder out(runtime.budget());
  out.add(text, text.offset_of(begin), text.offset_of(end));
  return out.finish(text.markup());
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  need_defined(value);
  Value found = raw_item(runtime, value, key);
  if (!found.is_missing()) return found;
  if (key.is_text()) {
    found = safe_attribute(runtime, value, key.text().view());
    if (!found.is_missing()) return found;
  }
  return nothing_there(value, key);
}

Value get_attribute(Runtime& runtime, const Value& value, std::string_view name) {
  need_defined(value);
  Value found = safe_attribute(runtime, value, name);
  if (!found.is_missing()) return found;
  if (value.is_dict()) {
    if (const Value* item = value.dict().find(name)) return *item;
  }
  return nothing_there(value, Value::made(std::string(name)));
}

Value get_slice(Runtime& runtime, const Value& value, const SliceBounds& given) {
  need_defined(value);
  if (auto* range = value.object_as<Range>()) {
    const Bounds bounds = resolve(given, range->size());
    return range->slice(bounds.start, bounds.stop, given.step.integer().value_or(1));
  }
  if (value.is_dict()) fail("unhashable type: 'slice'");
  if (!value.is_text() && !value.is_list() && !value.is_tuple()) {
    fail(fmt::format("'{}' object is not subscriptable", value.type_name()));
  }
  const Bounds bounds = resolve(given, *length_of(runtime, value));
  if (value.is_text()) return slice_text(runtime, value, bounds);
  const auto& items = value.sequence().items;
  std::vector<Value> out;
  const int64_t n = bounds.count();
  runtime.budget().step(n);
  for (int64_t i = 0, at = bounds.start; i < n; ++i, at += bounds.step) {
    out.push_back(items[static_cast<size_t>(at)]);
  }
  return value.is_list() ? make_list(runtime.budget(), std::move(out))
                         : make_tuple(runtime.budget(), std::move(out));
}

}  // namespace nalar::chat
