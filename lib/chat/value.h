#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "chat/text.h"

namespace nalar::chat {

class Dict;
class Object;
class Runtime;
class Value;

struct None {};

// A name or attribute that is not there. It prints as nothing; most other uses fail with `message`.
struct Undefined {
  std::string message;
};

// How large a value is: levels of containers, and how many values it has inside, each counted as
// often as it is reached. Bounds what comparing, hashing or printing it costs.
struct Extent {
  int depth = 0;
  int64_t weight = 1;

  void include(const Extent& inner);
};

struct Sequence {
  std::vector<Value> items;
  Extent extent;
};
struct List : Sequence {};
struct Tuple : Sequence {
  bool group = false;  // of the groupby filter: has the attributes grouper and list
};

// A value of Python, as far as templates have them: immutable and shared, but for the state of some
// objects (namespaces, iterators).
class Value {
 public:
  enum class Kind {
    missing,
    undefined,
    none,
    boolean,
    integer,
    number,
    text,
    list,
    tuple,
    dict,
    object
  };

  Value() = default;  // missing: no value at all, never seen by a template
  Value(None) : data_(None{}) {}
  Value(bool v) : data_(v) {}
  Value(int v) : data_(int64_t{v}) {}
  Value(int64_t v) : data_(v) {}
  Value(double v) : data_(v) {}
  Value(Undefined v) : data_(std::make_shared<const Undefined>(std::move(v))) {}
  Value(Text v) : data_(std::make_shared<const Text>(std::move(v))) {}
  Value(List v);
  Value(Tuple v);
  Value(Dict v);
  template <class T, class = std::enable_if_t<std::is_base_of_v<Object, T>>>
  Value(std::shared_ptr<T> v) : data_(std::shared_ptr<Object>(std::move(v))) {}
  // Text that the template's side made.
  static Value made(std::string bytes) { return Text(std::move(bytes), kTemplate); }

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_missing() const { return kind() == Kind::missing; }
  bool is_undefined() const { return kind() == Kind::undefined; }
  bool is_none() const { return kind() == Kind::none; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_text() const { return kind() == Kind::text; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_tuple() const { return kind() == Kind::tuple; }
  bool is_dict() const { return kind() == Kind::dict; }
  bool is_object() const { return kind() == Kind::object; }
  bool is_double() const { return kind() == Kind::number; }
  bool is_number() const { return is_bool() || kind() == Kind::integer || is_double(); }

  // An int or bool, which is an int in Python.
  std::optional<int64_t> integer() const;
  // Any number.
  std::optional<double> number() const;

  // REQUIRE the kind.
  bool boolean() const { return std::get<bool>(data_); }
  const Undefined& undefined() const { return *std::get<std::shared_ptr<const Undefined>>(data_); }
  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  const Sequence& sequence() const;  // of a list or tuple
  const Tuple& tuple() const { return *std::get<std::shared_ptr<const Tuple>>(data_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(data_); }
  template <class T>
  T* object_as() const {
    return is_object() ? dynamic_cast<T*>(&object()) : nullptr;
  }

  // Whether both are one and the same object (Python's `is`).
  bool same_as(const Value& other) const;
  Extent extent() const;
  // Python's name of the type: "str", "NoneType", …
  std::string_view type_name() const;

 private:
  std::variant<std::monostate, std::shared_ptr<const Undefined>, None, bool, int64_t, double,
               std::shared_ptr<const Text>, std::shared_ptr<const List>,
               std::shared_ptr<const Tuple>, std::shared_ptr<const Dict>, std::shared_ptr<Object>>
      data_;
};

// A dict of Python: keys in the order of their arrival; 1, 1.0 and True are one key.
class Dict {
 public:
  using Item = std::pair<Value, Value>;

  const std::vector<Item>& items() const { return items_; }
  size_t size() const { return items_.size(); }
  const Extent& extent() const { return extent_; }
  // nullptr when it is not there. An unhashable key fails.
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(Value key, Value value);
  void erase(std::string_view key);

 private:
  std::optional<size_t> position(const Value& key) const;

  std::vector<Item> items_;
  std::unordered_multimap<size_t, size_t> index_;  // hash → position, once there are many
  Extent extent_{1, 1};
};

// Python's hash, as far as equal values have equal ones. Fails for a list or dict.
size_t hash_of(const Value& value);
bool is_hashable(const Value& value);

// Values of one Python iterator, one after the other.
class Iterator {
 public:
  virtual ~Iterator() = default;
  // False when there are no more.
  virtual bool next(Value& out) = 0;
};

// A list, tuple or dict of these items; its extent is checked.
Value make_list(Budget& budget, std::vector<Value> items);
Value make_tuple(Budget& budget, std::vector<Value> items, bool group = false);
Value make_dict(Budget& budget, Dict dict);

}  // namespace nalar::chat
