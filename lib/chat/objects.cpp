#include "chat/objects.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

// An iterator over positions 0 … n - 1 of something.
class IndexIterator : public Iterator {
 public:
  IndexIterator(int64_t n, std::function<Value(int64_t)> at) : n_(n), at_(std::move(at)) {}
  bool next(Value& out) override {
    if (i_ >= n_) return false;
    out = at_(i_++);
    return true;
  }

 private:
  int64_t n_, i_ = 0;
  std::function<Value(int64_t)> at_;
};

// Where a value is in a range, or -1.
int64_t position_in(Runtime& runtime, const Range& range, const Value& value) {
  runtime.budget().step(range.size());
  for (int64_t i = 0; i < range.size(); ++i) {
    if (equal(Value(range.at(i)), value)) return i;
  }
  return -1;
}

Value range_count(Runtime& runtime, const Call& call) {
  return position_in(runtime, *call[0].object_as<Range>(), call[1]) < 0 ? 0 : 1;
}
Value range_index(Runtime& runtime, const Call& call) {
  const int64_t at = position_in(runtime, *call[0].object_as<Range>(), call[1]);
  if (at < 0) fail("the value is not in range");
  return at;
}

constexpr Builtin kRangeCount{"count", "self value /", range_count};
constexpr Builtin kRangeIndex{"index", "self value /", range_index};

Value part_of(Runtime& runtime, const Dict& dict, DictView::Part part, int64_t i) {
  const auto& [key, value] = dict.items()[static_cast<size_t>(i)];
  switch (part) {
    case DictView::Part::keys:
      return key;
    case DictView::Part::values:
      return value;
    case DictView::Part::items:
      break;
  }
  return make_tuple(runtime.budget(), {key, value});
}

}  // namespace

std::string Object::print(Runtime&) const {
  // Python prints an address here, which no two runs share.
  fail(fmt::format("a '{}' object cannot be printed", type_name()));
}

Value Object::attribute(Runtime&, std::string_view) { return {}; }
Value Object::item(Runtime&, const Value&) { return {}; }
Value Object::call(Runtime&, Arguments) {
  fail(fmt::format("'{}' object is not callable", type_name()));
}
std::unique_ptr<Iterator> Object::iterate(Runtime&) { return nullptr; }
std::unique_ptr<Iterator> Object::iterate_reversed(Runtime&) { return nullptr; }
std::optional<int64_t> Object::length(Runtime&) const { return std::nullopt; }
bool Object::truthy(Runtime&) const { return true; }

Range::Range(int64_t start, int64_t stop, int64_t step) : start_(start), stop_(stop), step_(step) {
  // Unsigned differences: they hold what two int64 can be apart.
  const auto apart = [](int64_t low, int64_t high) {
    return static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  };
  uint64_t n = 0;
  if (step > 0 && start < stop) n = (apart(start, stop) - 1) / static_cast<uint64_t>(step) + 1;
  if (step < 0 && start > stop) n = (apart(stop, start) - 1) / apart(step, 0) + 1;
  constexpr uint64_t kMost = 100'000;  // jinja2.sandbox.MAX_RANGE
  if (n > kMost) {
    fail(fmt::format("range too big (template step limit reached): at most {} items", kMost));
  }
  size_ = static_cast<int64_t>(n);
}

Value Range::slice(int64_t begin, int64_t stop, int64_t step) const {
  int64_t product = 0;
  if (__builtin_mul_overflow(step, step_, &product))
    fail("integer overflow: a step beyond 64 bits");
  return std::make_shared<Range>(at(begin), at(stop), product);
}

std::string Range::print(Runtime&) const {
  return step_ == 1 ? fmt::format("range({}, {})", start_, stop_)
                    : fmt::format("range({}, {}, {})", start_, stop_, step_);
}

Value Range::attribute(Runtime&, std::string_view name) {
  if (name == "start") return start_;
  if (name == "stop") return stop_;
  if (name == "step") return step_;
  if (name == "count") return std::make_shared<Function>(kRangeCount, Value(shared_from_this()));
  if (name == "index") return std::make_shared<Function>(kRangeIndex, Value(shared_from_this()));
  return {};
}

Value Range::item(Runtime&, const Value& key) {
  auto index = key.integer();
  if (!index) return {};
  if (*index < 0) *index += size_;
  if (*index < 0 || *index >= size_) return {};
  return at(*index);
}

std::unique_ptr<Iterator> Range::iterate(Runtime&) {
  return std::make_unique<IndexIterator>(size_, [r = *this](int64_t i) { return Value(r.at(i)); });
}

std::unique_ptr<Iterator> Range::iterate_reversed(Runtime&) {
  return std::make_unique<IndexIterator>(
      size_, [r = *this](int64_t i) { return Value(r.at(r.size_ - 1 - i)); });
}

bool Range::equals(const Object& other) const {
  const auto* range = dynamic_cast<const Range*>(&other);
  if (range == nullptr || range->size_ != size_) return false;
  return size_ == 0 || (range->start_ == start_ && (size_ == 1 || range->step_ == step_));
}

DictView::DictView(Value dict, Part part) : dict_(std::move(dict)), part_(part) {
  extent_.include(dict_.extent());
}

std::string_view DictView::type_name() const {
  constexpr std::string_view kNames[] = {"dict_keys", "dict_values", "dict_items"};
  return kNames[static_cast<size_t>(part_)];
}

std::string DictView::print(Runtime& runtime) const {
  std::vector<Value> items;
  for (size_t i = 0; i < dict_.dict().size(); ++i) {
    items.push_back(part_of(runtime, dict_.dict(), part_, static_cast<int64_t>(i)));
  }
  const Value list = repr_of(runtime, make_list(runtime.budget(), std::move(items)));
  return fmt::format("{}({})", type_name(), list.text().view());
}

std::unique_ptr<Iterator> DictView::iterate(Runtime& runtime) {
  return std::make_unique<IndexIterator>(static_cast<int64_t>(dict_.dict().size()),
                                         [&runtime, dict = dict_, part = part_](int64_t i) {
                                           return part_of(runtime, dict.dict(), part, i);
                                         });
}

std::unique_ptr<Iterator> DictView::iterate_reversed(Runtime& runtime) {
  const auto n = static_cast<int64_t>(dict_.dict().size());
  return std::make_unique<IndexIterator>(n, [&runtime, n, dict = dict_, part = part_](int64_t i) {
    return part_of(runtime, dict.dict(), part, n - 1 - i);
  });
}

std::optional<int64_t> DictView::length(Runtime&) const {
  return static_cast<int64_t>(dict_.dict().size());
}

bool DictView::equals(const Object& other) const {
  const auto* view = dynamic_cast<const DictView*>(&other);
  if (view == nullptr || part_ == Part::values || view->part_ != part_) return this == &other;
  if (part_ == Part::items) return equal(dict_, view->dict_);
  const auto& items = dict_.dict().items();
  return items.size() == view->dict_.dict().size() &&
         std::all_of(items.begin(), items.end(), [view](const Dict::Item& item) {
           return view->dict_.dict().find(item.first) != nullptr;
         });
}

Generator::Generator(Budget& budget, const Value& source, Next next)
    : next_(std::make_shared<Next>(std::move(next))) {
  extent_.include(source.extent());
  budget.extent(extent_.depth, extent_.weight);
}

std::unique_ptr<Iterator> Generator::iterate(Runtime& runtime) {
  class Reader : public Iterator {
   public:
    Reader(std::shared_ptr<Next> next, Budget& budget) : next_(std::move(next)), budget_(budget) {}
    bool next(Value& out) override {
      const auto level = budget_.call();
      return (*next_)(out);
    }

   private:
    std::shared_ptr<Next> next_;
    Budget& budget_;
  };
  return std::make_unique<Reader>(next_, runtime.budget());
}

Value make_generator(Runtime& runtime, const Value& source, Generator::Next next) {
  return std::make_shared<Generator>(runtime.budget(), source, std::move(next));
}

Function::Function(const Builtin& builtin, Value self) : builtin_(builtin), self_(std::move(self)) {
  if (self_.extent().depth > 0) extent_.include(self_.extent());
}

Value Function::call(Runtime& runtime, Arguments arguments) {
  if (!self_.is_missing()) {
    arguments.positional.insert(arguments.positional.begin(), self_);
  }
  return invoke(runtime, builtin_, std::move(arguments));
}

Value Namespace::attribute(Runtime&, std::string_view name) {
  const Value* found = attributes_.find(name);
  return found == nullptr ? Value() : *found;
}

void Namespace::set(std::string_view name, Value value) {
  if (!name.empty() && name[0] == '_') {
    fail(fmt::format("a namespace cannot have the attribute {}: it begins with an underscore",
                     quoted(name)));
  }
  attributes_.set(Value::made(std::string(name)), std::move(value));
}

Cycler::Cycler(Value items) : items_(std::move(items)) { extent_.include(items_.extent()); }

Value Cycler::next() {
  const auto& items = items_.sequence().items;
  const Value& current = items[at_];
  at_ = (at_ + 1) % items.size();
  return current;
}

Value Joiner::call(Runtime&, Arguments arguments) {
  if (!arguments.positional.empty() || !arguments.keywords.empty()) {
    fail("a joiner takes no arguments");
  }
  return std::exchange(used_, true) ? separator_ : Value::made("");
}

}  // namespace nalar::chat
