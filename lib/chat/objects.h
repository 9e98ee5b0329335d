#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/builtins/builtin.h"
#include "chat/object.h"

namespace nalar::chat {

class Range : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step);

  int64_t size() const { return size_; }
  // Wraps around for the one behind the last, where that is beyond 64 bits.
  int64_t at(int64_t i) const {
    return static_cast<int64_t>(static_cast<uint64_t>(start_) +
                                static_cast<uint64_t>(i) * static_cast<uint64_t>(step_));
  }
  // [begin:stop:step] with bounds that are resolved already.
  Value slice(int64_t begin, int64_t stop, int64_t step) const;

  std::string_view type_name() const override { return "range"; }
  std::string print(Runtime& runtime) const override;
  Value attribute(Runtime& runtime, std::string_view name) override;
  Value item(Runtime& runtime, const Value& key) override;
  std::unique_ptr<Iterator> iterate(Runtime& runtime) override;
  std::unique_ptr<Iterator> iterate_reversed(Runtime& runtime) override;
  std::optional<int64_t> length(Runtime&) const override { return size_; }
  bool truthy(Runtime&) const override { return size_ > 0; }
  bool equals(const Object& other) const override;
  bool is_sequence() const override { return true; }

 private:
  int64_t start_, stop_, step_, size_;
};

// dict.keys(), .values() or .items().
class DictView : public Object {
 public:
  enum class Part { keys, values, items };
  DictView(Value dict, Part part);

  std::string_view type_name() const override;
  std::string print(Runtime& runtime) const override;
  std::unique_ptr<Iterator> iterate(Runtime& runtime) override;
  std::unique_ptr<Iterator> iterate_reversed(Runtime& runtime) override;
  std::optional<int64_t> length(Runtime&) const override;
  bool truthy(Runtime&) const override { return dict_.dict().size() > 0; }
  bool equals(const Object& other) const override;

 private:
  Value dict_;
  Part part_;
};

// A Python generator: gives its values once, whoever asks. `next` must go on saying no at its end.
class Generator : public Object {
 public:
  using Next = std::function<bool(Value& out)>;
  // `source`: what it reads from, for its extent.
  Generator(Budget& budget, const Value& source, Next next);

  std::string_view type_name() const override { return "generator"; }
  std::unique_ptr<Iterator> iterate(Runtime& runtime) override;

 private:
  std::shared_ptr<Next> next_;
};
// As a Value.
Value make_generator(Runtime& runtime, const Value& source, Generator::Next next);

// A builtin, and the value whose method it is (or missing).
class Function : public Object {
 public:
  explicit Function(const Builtin& builtin, Value self = {});

  std::string_view type_name() const override { return "builtin_function_or_method"; }
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, Arguments arguments) override;

 private:
  const Builtin& builtin_;
  Value self_;
};

// namespace(): the one value whose attributes a template can set.
class Namespace : public Object {
 public:
  std::string_view type_name() const override { return "Namespace"; }
  Value attribute(Runtime& runtime, std::string_view name) override;
  // Failure for names that begin with an underscore.
  void set(std::string_view name, Value value);
  void release() override { attributes_ = Dict(); }

 private:
  Dict attributes_;
};

class Cycler : public Object {
 public:
  explicit Cycler(Value items);
  std::string_view type_name() const override { return "Cycler"; }
  Value attribute(Runtime& runtime, std::string_view name) override;
  Value next();
  void reset() { at_ = 0; }

 private:
  Value items_;  // a tuple
  size_t at_ = 0;
};

class Joiner : public Object {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {
    extent_.include(separator_.extent());
  }
  std::string_view type_name() const override { return "Joiner"; }
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, Arguments arguments) override;

 private:
  Value separator_;
  bool used_ = false;
};

// range, dict, namespace, cycler, joiner, raise_exception, strftime_now. Missing: no such name.
Value find_global(std::string_view name);

}  // namespace nalar::chat
