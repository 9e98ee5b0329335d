#include "chat/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "chat/object.h"
#include "chat/operators.h"

namespace nalar::chat {
namespace {

constexpr size_t kIndexedFrom = 9;  // entries from which a dict keeps a hash index

Extent extent_of(const std::vector<Value>& items) {
  Extent extent{1, 1};
  for (const Value& item : items) extent.include(item.extent());
  return extent;
}

size_t hash_of_text(std::string_view text) { return std::hash<std::string_view>{}(text); }

size_t hash_of_number(double v) {
  // Equal numbers of all kinds must meet: integers hash as doubles, exactly or not.
  return std::hash<double>{}(v == 0.0 ? 0.0 : v);
}

}  // namespace

Value::Value(List v) : data_(std::make_shared<const List>(std::move(v))) {}
Value::Value(Tuple v) : data_(std::make_shared<const Tuple>(std::move(v))) {}
Value::Value(Dict v) : data_(std::make_shared<const Dict>(std::move(v))) {}

std::optional<int64_t> Value::integer() const {
  if (const bool* b = std::get_if<bool>(&data_)) return *b ? 1 : 0;
  if (const int64_t* i = std::get_if<int64_t>(&data_)) return *i;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (const double* d = std::get_if<double>(&data_)) return *d;
  if (const auto i = integer()) return static_cast<double>(*i);
  return std::nullopt;
}

const Sequence& Value::sequence() const {
  if (is_list()) return *std::get<std::shared_ptr<const List>>(data_);
  return *std::get<std::shared_ptr<const Tuple>>(data_);
}

bool Value::same_as(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::missing:
    case Kind::none:
      return true;
    case Kind::undefined:
      return &undefined() == &other.undefined();
    case Kind::boolean:
      return boolean() == other.boolean();
    case Kind::integer:  // CPython keeps one object for each small integer
      return integer() == other.integer() && *integer() >= -5 && *integer() <= 256;
    case Kind::number:
      return this == &other;
    case Kind::text:
      return &text() == &other.text();
    case Kind::list:
    case Kind::tuple:
      return &sequence() == &other.sequence();
    case Kind::dict:
      return &dict() == &other.dict();
    case Kind::object:
      return &object() == &other.object();
  }
  return false;
}

void Extent::include(const Extent& inner) {
  depth = std::max(depth, 1 + inner.depth);
  weight = std::min(weight + inner.weight, int64_t{1} << 40);
}

Extent Value::extent() const {
  switch (kind()) {
    case Kind::list:
    case Kind::tuple:
      return sequence().extent;
    case Kind::dict:
      return dict().extent();
    case Kind::object:
      return object().extent();
    default:
      return {};
  }
}

std::string_view Value::type_name() const {
  switch (kind()) {
    case Kind::missing:
      return "missing";
    case Kind::undefined:
      return "Undefined";
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::number:
      return "float";
    case Kind::text:
      return text().markup() ? "Markup" : "str";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::dict:
      return "dict";
    case Kind::object:
      return object().type_name();
  }
  return "?";
}

bool is_hashable(const Value& value) {
  if (value.is_list() || value.is_dict()) return false;
  if (!value.is_tuple()) return true;
  const auto& items = value.sequence().items;
  return std::all_of(items.begin(), items.end(), is_hashable);
}

size_t hash_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::text:
      return hash_of_text(value.text().view());
    case Value::Kind::boolean:
    case Value::Kind::integer:
    case Value::Kind::number:
      return hash_of_number(*value.number());
    case Value::Kind::tuple: {
      size_t hash = 0x9E3779B9;
      for (const Value& item : value.sequence().items) hash = hash * 1000003 ^ hash_of(item);
      return hash;
    }
    case Value::Kind::list:
    case Value::Kind::dict:
      fail(fmt::format("unhashable type: '{}'", value.type_name()));
    case Value::Kind::object:
      return std::hash<const void*>{}(&value.object());
    default:
      return static_cast<size_t>(value.kind());
  }
}

std::optional<size_t> Dict::position(const Value& key) const {
  const size_t hash = hash_of(key);
  if (items_.size() < kIndexedFrom) {
    for (size_t i = 0; i < items_.size(); ++i) {
      if (equal(items_[i].first, key)) return i;
    }
    return std::nullopt;
  }
  const auto [begin, end] = index_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (equal(items_[it->second].first, key)) return it->second;
  }
  return std::nullopt;
}

const Value* Dict::find(const Value& key) const {
  const auto at = position(key);
  return at ? &items_[*at].second : nullptr;
}

const Value* Dict::find(std::string_view key) const {
  const auto is_key = [key](const Value& v) { return v.is_text() && v.text().view() == key; };
  if (items_.size() < kIndexedFrom) {
    for (const auto& [name, value] : items_) {
      if (is_key(name)) return &value;
    }
    return nullptr;
  }
  const auto [begin, end] = index_.equal_range(hash_of_text(key));
  for (auto it = begin; it != end; ++it) {
    if (is_key(items_[it->second].first)) return &items_[it->second].second;
  }
  return nullptr;
}

void Dict::set(Value key, Value value) {
  extent_.include(key.extent());
  extent_.include(value.extent());
  if (const auto at = position(key)) {
    items_[*at].second = std::move(value);
    return;
  }
  items_.emplace_back(std::move(key), std::move(value));
  if (items_.size() == kIndexedFrom) {
    for (size_t i = 0; i < items_.size(); ++i) index_.emplace(hash_of(items_[i].first), i);
  } else if (items_.size() > kIndexedFrom) {
    index_.emplace(hash_of(items_.back().first), items_.size() - 1);
  }
}

void Dict::erase(std::string_view key) {
  Dict rest;
  for (auto& [name, value] : items_) {
    if (!(name.is_text() && name.text().view() == key)) rest.set(name, value);
  }
  *this = std::move(rest);
}

Value make_list(Budget& budget, std::vector<Value> items) {
  budget.step(static_cast<int64_t>(items.size()) / 4);
  List list;
  list.extent = extent_of(items);
  budget.extent(list.extent.depth, list.extent.weight);
  list.items = std::move(items);
  return list;
}

Value make_tuple(Budget& budget, std::vector<Value> items, bool group) {
  budget.step(static_cast<int64_t>(items.size()) / 4);
  Tuple tuple;
  tuple.extent = extent_of(items);
  budget.extent(tuple.extent.depth, tuple.extent.weight);
  tuple.items = std::move(items);
  tuple.group = group;
  return tuple;
}

Value make_dict(Budget& budget, Dict dict) {
  budget.step(static_cast<int64_t>(dict.size()));
  budget.extent(dict.extent().depth, dict.extent().weight);
  return dict;
}

}  // namespace nalar::chat
