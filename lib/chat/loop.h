#pragma once

#include <memory>
#include <optional>

#include "chat/interpreter.h"
#include "chat/object.h"

namespace nalar::chat {

// The variable `loop`: an iteration that can be asked about its neighbours.
class Loop : public Object {
 public:
  struct Recursion {
    Interpreter* interpreter = nullptr;
    const ast::For* node = nullptr;
    Activation* outer = nullptr;
  };
  Loop(Runtime& runtime, Value iterable, int64_t depth, Recursion recursion);

  // Goes on to the next item.
  bool next(Value& out);

  Value cycle(const std::vector<Value>& values) const;
  Value changed(Runtime& runtime, std::vector<Value> values);

  std::string_view type_name() const override { return "LoopContext"; }
  std::string print(Runtime& runtime) const override;
  Value attribute(Runtime& runtime, std::string_view name) override;
  bool is_callable() const override { return true; }
  Value call(Runtime& runtime, Arguments arguments) override;
  std::optional<int64_t> length(Runtime& runtime) const override;
  void release() override { last_changed_ = Value(); }
  bool truthy(Runtime& runtime) const override { return *length(runtime) > 0; }

 private:
  const Value& peek() const;

  Runtime& runtime_;
  Value iterable_;
  int64_t depth0_;
  Recursion recursion_;
  int64_t index0_ = -1;
  Value before_, current_, last_changed_;
  // Asking about what comes next reads ahead.
  mutable std::unique_ptr<Iterator> iterator_;
  mutable std::optional<int64_t> length_;
  mutable Value after_;
};

}  // namespace nalar::chat
