#include "chat/loop.h"

#include <fmt/format.h>

#include <utility>

#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

Value cycle_method(Runtime&, const Call& call) {
  return call[0].object_as<Loop>()->cycle(call.rest.positional);
}
Value changed_method(Runtime& runtime, const Call& call) {
  return call[0].object_as<Loop>()->changed(runtime, call.rest.positional);
}

constexpr Builtin kCycle{"cycle", "self / *", cycle_method};
constexpr Builtin kChanged{"changed", "self / *", changed_method};

// What an exhausted loop's own iterator left over.
class VectorIterator : public Iterator {
 public:
  explicit VectorIterator(std::vector<Value> items) : items_(std::move(items)) {}
  bool next(Value& out) override {
    if (at_ >= items_.size()) return false;
    out = items_[at_++];
    return true;
  }

 private:
  std::vector<Value> items_;
  size_t at_ = 0;
};

}  // namespace

Loop::Loop(Runtime& runtime, Value iterable, int64_t depth, Recursion recursion)
    : runtime_(runtime),
      iterable_(std::move(iterable)),
      depth0_(depth),
      recursion_(recursion),
      iterator_(chat::iterate(runtime, iterable_)) {
  extent_.include(iterable_.extent());
  runtime.budget().extent(extent_.depth, extent_.weight);
}

bool Loop::next(Value& out) {
  if (!after_.is_missing()) {
    out = std::exchange(after_, Value());
  } else if (!iterator_->next(out)) {
    return false;
  }
  ++index0_;
  before_ = std::move(current_);
  current_ = out;
  return true;
}

const Value& Loop::peek() const {
  Value next;
  if (after_.is_missing() && iterator_->next(next)) after_ = std::move(next);
  return after_;
}

std::optional<int64_t> Loop::length(Runtime&) const {
  if (!length_) length_ = length_of(runtime_, iterable_);
  if (!length_) {
    std::vector<Value> rest;
    for (Value item; iterator_->next(item);) {
      runtime_.budget().step();
      rest.push_back(std::move(item));
    }
    length_ = static_cast<int64_t>(rest.size()) + index0_ + 1 + (after_.is_missing() ? 0 : 1);
    iterator_ = std::make_unique<VectorIterator>(std::move(rest));
  }
  return length_;
}

Value Loop::cycle(const std::vector<Value>& values) const {
  if (values.empty()) fail("no items for cycling given");
  return values[static_cast<size_t>(index0_) % values.size()];
}

Value Loop::changed(Runtime& runtime, std::vector<Value> values) {
  Value now = make_tuple(runtime.budget(), std::move(values));
  if (last_changed_.is_missing()) runtime.keep(shared_from_this());
  if (!last_changed_.is_missing() && compare(runtime, Comparison::equal, last_changed_, now)) {
    return false;
  }
  last_changed_ = std::move(now);
  return true;
}

std::string Loop::print(Runtime& runtime) const {
  return fmt::format("<LoopContext {}/{}>", index0_ + 1, *length(runtime));
}

Value Loop::attribute(Runtime& runtime, std::string_view name) {
  if (name == "index0") return index0_;
  if (name == "index") return index0_ + 1;
  if (name == "first") return index0_ == 0;
  if (name == "last") return peek().is_missing();
  if (name == "length") return *length(runtime);
  if (name == "revindex") return *length(runtime) - index0_;
  if (name == "revindex0") return *length(runtime) - index0_ - 1;
  if (name == "depth") return depth0_ + 1;
  if (name == "depth0") return depth0_;
  if (name == "cycle") return std::make_shared<Function>(kCycle, Value(shared_from_this()));
  if (name == "changed") return std::make_shared<Function>(kChanged, Value(shared_from_this()));
  if (name == "previtem") {
    return index0_ == 0 ? Value(Undefined{"there is no previous item"}) : before_;
  }
  if (name == "nextitem") {
    const Value& next = peek();
    return next.is_missing() ? Value(Undefined{"there is no next item"}) : next;
  }
  return {};
}

Value Loop::call(Runtime&, Arguments arguments) {
  if (recursion_.interpreter == nullptr) {
    fail("the loop must have the 'recursive' marker to be called recursively");
  }
  if (arguments.positional.size() != 1 || !arguments.keywords.empty()) {
    fail("a loop is called with one iterable");
  }
  return recursion_.interpreter->call_loop(*recursion_.node, *recursion_.outer,
                                           arguments.positional[0], depth0_ + 1);
}

}  // namespace nalar::chat
