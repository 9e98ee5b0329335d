#include <algorithm>

#include "chat/builtins/attribute_path.h"
#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

Value key_of(Runtime& runtime, const AttributePath& path, const Value& item, bool case_sensitive) {
  const Value key = path.get(runtime, item);
  return case_sensitive ? key : ignore_case(runtime, key);
}

// "age,name": one path for each attribute. Keys are lists of their values.
std::vector<AttributePath> paths_of(const Value& attribute) {
  if (!attribute.is_text())
    return {AttributePath(attribute.is_missing() ? Value(None{}) : attribute)};
  std::vector<AttributePath> out;
  std::string_view rest = attribute.text().view();
  while (true) {
    const size_t comma = std::min(rest.find(','), rest.size());
    out.emplace_back(Value::made(std::string(rest.substr(0, comma))));
    if (comma == rest.size()) return out;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<Value> values_of(const std::vector<Keyed>& sorted) {
  std::vector<Value> out;
  out.reserve(sorted.size());
  for (const Keyed& item : sorted) out.push_back(item.value);
  return out;
}

Value sort(Runtime& runtime, const Call& call) {
  const bool reverse = integer_or(call[1], 0) != 0;
  const bool case_sensitive = flag_or(runtime, call[2], false);
  const std::vector<AttributePath> paths = paths_of(call[3]);
  std::vector<Keyed> items;
  for (Value& item : to_vector(runtime, call[0])) {
    std::vector<Value> keys;
    for (const AttributePath& path : paths) {
      keys.push_back(key_of(runtime, path, item, case_sensitive));
    }
    items.push_back({make_list(runtime.budget(), std::move(keys)), std::move(item)});
  }
  sort_keyed(runtime, items, reverse);
  return make_list(runtime.budget(), values_of(items));
}

template <bool largest>
Value extreme(Runtime& runtime, const Call& call) {
  const bool case_sensitive = flag_or(runtime, call[1], false);
  const AttributePath path(call.has(2) ? call[2] : Value(None{}));
  Value best, best_key;
  const auto iterator = iterate(runtime, call[0]);
  for (Value item; iterator->next(item);) {
    runtime.budget().step();
    Value key = key_of(runtime, path, item, case_sensitive);
    const bool better =
        best.is_missing() ||
        compare(runtime, largest ? Comparison::greater : Comparison::less, key, best_key);
    if (!better) continue;
    best = item;
    best_key = std::move(key);
  }
  if (best.is_missing()) return Undefined{"no aggregated item, sequence was empty"};
  return best;
}

Value dict_sort(Runtime& runtime, const Call& call) {
  const Value& value = call[0];
  const bool case_sensitive = flag_or(runtime, call[1], false);
  const std::string_view by = call.has(2) ? need_text(call[2], "by").view() : "key";
  if (by != "key" && by != "value") fail("you can only sort by either \"key\" or \"value\"");
  if (value.is_undefined()) fail(value.undefined().message);
  if (!value.is_dict()) fail("dictsort needs a mapping");
  std::vector<Keyed> items;
  for (const auto& [name, item] : value.dict().items()) {
    const Value& key = by == "key" ? name : item;
    items.push_back({case_sensitive ? key : ignore_case(runtime, key),
                     make_tuple(runtime.budget(), {name, item})});
  }
  sort_keyed(runtime, items, integer_or(call[3], 0) != 0);
  return make_list(runtime.budget(), values_of(items));
}

Value group_by(Runtime& runtime, const Call& call) {
  const AttributePath path(call[1]);
  const Value fallback = call.has(2) ? call[2] : Value(None{});
  const bool case_sensitive = flag_or(runtime, call[3], false);
  std::vector<Keyed> items;
  for (Value& item : to_vector(runtime, call[0])) {
    const Value key = path.get(runtime, item, fallback);
    items.push_back({case_sensitive ? key : ignore_case(runtime, key), std::move(item)});
  }
  sort_keyed(runtime, items, false);
  std::vector<Value> groups;
  for (size_t begin = 0, end = 0; begin < items.size(); begin = end) {
    std::vector<Value> members;
    while (end < items.size() &&
           compare(runtime, Comparison::equal, items[end].key, items[begin].key)) {
      members.push_back(items[end++].value);
    }
    if (end == begin) members.push_back(items[end++].value);  // a NaN equals nothing
    const Value key = case_sensitive ? items[begin].key : path.get(runtime, members[0], fallback);
    const Value list = make_list(runtime.budget(), std::move(members));
    groups.push_back(make_tuple(runtime.budget(), {key, list}, true));
  }
  return make_list(runtime.budget(), std::move(groups));
}

constexpr Builtin kFilters[] = {
    {"dictsort", "value case_sensitive= by= reverse=", dict_sort},
    {"groupby", "value attribute default= case_sensitive=", group_by},
    {"max", "value case_sensitive= attribute=", extreme<true>},
    {"min", "value case_sensitive= attribute=", extreme<false>},
    {"sort", "value reverse= case_sensitive= attribute=", sort},
};

}  // namespace

std::span<const Builtin> order_filters() { return kFilters; }

}  // namespace nalar::chat
