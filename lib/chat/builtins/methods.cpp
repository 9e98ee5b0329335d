#include "chat/builtins/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <unordered_map>

#include "base/utf8.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

Value list_index(Runtime& runtime, const Call& call) {
  const auto& items = call[0].sequence().items;
  const auto length = static_cast<int64_t>(items.size());
  const auto clamp = [length](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? i + length : i, 0, length);
  };
  const int64_t begin = clamp(integer_or(call[2], 0)), end = clamp(integer_or(call[3], length));
  for (int64_t i = begin; i < end; ++i) {
    if (compare(runtime, Comparison::equal, items[static_cast<size_t>(i)], call[1])) return i;
    runtime.budget().step();
  }
  const Value wanted = repr_of(runtime, call[1]);
  fail(fmt::format("{} is not in the list", base::escaped(wanted.text().view(), 60)));
}

Value list_count(Runtime& runtime, const Call& call) {
  const auto& items = call[0].sequence().items;
  runtime.budget().step(static_cast<int64_t>(items.size()));
  return static_cast<int64_t>(std::count_if(items.begin(), items.end(), [&](const Value& v) {
    return compare(runtime, Comparison::equal, v, call[1]);
  }));
}

Value copy(Runtime&, const Call& call) { return call[0]; }

Value dict_get(Runtime& runtime, const Call& call) {
  runtime.budget().step(call[1].extent().weight);
  const Value* found = call[0].dict().find(call[1]);
  if (found != nullptr) return *found;
  return call.has(2) ? call[2] : Value(None{});
}

template <DictView::Part part>
Value dict_view(Runtime&, const Call& call) {
  return std::make_shared<DictView>(call[0], part);
}

Value dict_fromkeys(Runtime& runtime, const Call& call) {
  Dict dict;
  for (const Value& key : to_vector(runtime, call[1])) {
    dict.set(key, call.has(2) ? call[2] : Value(None{}));
  }
  return make_dict(runtime.budget(), std::move(dict));
}

Value is_integer(Runtime&, const Call& call) {
  const double v = *call[0].number();
  return std::isfinite(v) && std::floor(v) == v;
}

Value bit_length(Runtime&, const Call& call) {
  int64_t v = *call[0].integer();
  int64_t n = 0;
  for (uint64_t rest = v < 0 ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v); rest != 0;
       rest >>= 1) {
    ++n;
  }
  return n;
}

constexpr Builtin kListMethods[] = {
    {"copy", "self /", copy},
    {"count", "self value /", list_count},
    {"index", "self value start= stop= /", list_index},
};
constexpr Builtin kDictMethods[] = {
    {"copy", "self /", copy},
    {"fromkeys", "self iterable value= /", dict_fromkeys},
    {"get", "self key default= /", dict_get},
    {"items", "self /", dict_view<DictView::Part::items>},
    {"keys", "self /", dict_view<DictView::Part::keys>},
    {"values", "self /", dict_view<DictView::Part::values>},
};
constexpr Builtin kIntegerMethods[] = {{"bit_length", "self /", bit_length}};
constexpr Builtin kNumberMethods[] = {{"is_integer", "self /", is_integer}};

const Builtin* find_in(std::span<const Builtin> table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [name](const Builtin& builtin) { return builtin.name == name; });
  return it == table.end() ? nullptr : &*it;
}

const Builtin* find_text_method(std::string_view name) {
  for (const auto table : {text_methods(), search_methods(), predicate_methods()}) {
    if (const Builtin* found = find_in(table, name)) return found;
  }
  return nullptr;
}

const Builtin* find_builtin_method(const Value& value, std::string_view name) {
  switch (value.kind()) {
    case Value::Kind::text:
      return find_text_method(name);
    case Value::Kind::list:
      return find_in(kListMethods, name);
    case Value::Kind::tuple:
      return name == "copy" ? nullptr : find_in(kListMethods, name);
    case Value::Kind::dict:
      return find_in(kDictMethods, name);
    case Value::Kind::boolean:
    case Value::Kind::integer:
      return find_in(kIntegerMethods, name);
    case Value::Kind::number:
      return find_in(kNumberMethods, name);
    default:
      return nullptr;
  }
}

template <size_t n>
bool is_one_of(std::string_view name, const std::string_view (&names)[n]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

Value find_method(const Value& value, std::string_view name) {
  if (value.is_tuple() && value.tuple().group) {
    if (name == "grouper") return value.sequence().items[0];
    if (name == "list") return value.sequence().items[1];
  }
  const Builtin* method = find_builtin_method(value, name);
  if (method == nullptr) return {};
  return std::make_shared<Function>(*method, value);
}

bool is_mutating_method(const Value& value, std::string_view name) {
  constexpr std::string_view kOfLists[] = {"append", "clear",  "extend",  "insert",
                                           "pop",    "remove", "reverse", "sort"};
  constexpr std::string_view kOfDicts[] = {"clear", "pop", "popitem", "setdefault", "update"};
  if (value.is_list()) return is_one_of(name, kOfLists);
  return value.is_dict() && is_one_of(name, kOfDicts);
}

}  // namespace nalar::chat
