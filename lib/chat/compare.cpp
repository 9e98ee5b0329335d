#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

// -1, 0, 1, or 2 when one of them is no number. Exact also between an integer and a double.
int compare_numbers(const Value& a, const Value& b) {
  if (!a.is_double() && !b.is_double()) {
    const int64_t x = *a.integer(), y = *b.integer();
    return x < y ? -1 : (x > y ? 1 : 0);
  }
  // An x86 long double holds every int64 and every double.
  const auto wide = [](const Value& v) {
    return v.is_double() ? static_cast<long double>(*v.number())
                         : static_cast<long double>(*v.integer());
  };
  const long double x = wide(a), y = wide(b);
  if (std::isnan(x) || std::isnan(y)) return 2;
  return x < y ? -1 : (x > y ? 1 : 0);
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.items().begin(), a.items().end(), [&b](const Dict::Item& item) {
    const Value* other = b.find(item.first);
    return other != nullptr && equal(item.second, *other);
  });
}

[[noreturn]] void no_order(const Value& a, const Value& b, std::string_view symbol) {
  if (a.is_undefined()) fail(a.undefined().message);
  if (b.is_undefined()) fail(b.undefined().message);
  fail(fmt::format("'{}' not supported between instances of '{}' and '{}'", symbol, a.type_name(),
                   b.type_name()));
}

bool same_or_equal(const Value& a, const Value& b) { return a.same_as(b) || equal(a, b); }

// Whether a stands before b; `or_equal`: or is equal.
bool before(const Value& a, const Value& b, bool or_equal, std::string_view symbol) {
  if (a.is_number() && b.is_number()) {
    const int order = compare_numbers(a, b);
    return order == -1 || (or_equal && order == 0);
  }
  if (a.is_text() && b.is_text()) {
    // The order of UTF-8 bytes is the order of code points.
    const int order = a.text().view().compare(b.text().view());
    return order < 0 || (or_equal && order == 0);
  }
  if ((a.is_list() && b.is_list()) || (a.is_tuple() && b.is_tuple())) {
    const auto& x = a.sequence().items;
    const auto& y = b.sequence().items;
    for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (!same_or_equal(x[i], y[i])) return before(x[i], y[i], or_equal, symbol);
    }
    return x.size() < y.size() || (or_equal && x.size() == y.size());
  }
  no_order(a, b, symbol);
}

// What comparing the two may cost.
void pay(Budget& budget, const Value& a, const Value& b) {
  if (a.is_text() && b.is_text()) {
    budget.bytes(std::min(a.text().view().size(), b.text().view().size()));
  } else {
    budget.step(std::min(a.extent().weight, b.extent().weight) - 1);
  }
}

}  // namespace

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::text:
      return &a.text() == &b.text() || a.text().view() == b.text().view();
    case Value::Kind::list:
    case Value::Kind::tuple: {
      const auto& x = a.sequence().items;
      const auto& y = b.sequence().items;
      return &x == &y || std::equal(x.begin(), x.end(), y.begin(), y.end(), same_or_equal);
    }
    case Value::Kind::dict:
      return &a.dict() == &b.dict() || equal_dicts(a.dict(), b.dict());
    case Value::Kind::object:
      return a.object().equals(b.object());
    default:
      return true;  // none, undefined, missing
  }
}

bool less(const Value& a, const Value& b) { return before(a, b, false, "<"); }

bool compare(Runtime& runtime, Comparison op, const Value& a, const Value& b) {
  pay(runtime.budget(), a, b);
  switch (op) {
    case Comparison::equal:
      return equal(a, b);
    case Comparison::not_equal:
      return !equal(a, b);
    case Comparison::less:
      return before(a, b, false, "<");
    case Comparison::less_equal:
      return before(a, b, true, "<=");
    case Comparison::greater:
      return before(b, a, false, ">");
    case Comparison::greater_equal:
      return before(b, a, true, ">=");
    case Comparison::in:
      return contains(runtime, b, a);
    case Comparison::not_in:
      return !contains(runtime, b, a);
  }
  return false;
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) {
      fail(fmt::format("'in <string>' requires string as left operand, not {}", item.type_name()));
    }
    runtime.budget().bytes(container.text().view().size());
    return container.text().view().find(item.text().view()) != std::string_view::npos;
  }
  if (container.is_dict()) {
    runtime.budget().step(item.extent().weight);
    return container.dict().find(item) != nullptr;
  }
  if (container.is_list() || container.is_tuple()) {
    const auto& items = container.sequence().items;
    return std::any_of(items.begin(), items.end(), [&](const Value& v) {
      runtime.budget().step();
      pay(runtime.budget(), v, item);
      return same_or_equal(v, item);
    });
  }
  if (!is_iterable(runtime, container)) {
    fail(fmt::format("argument of type '{}' is not iterable", container.type_name()));
  }
  const auto iterator = iterate(runtime, container);
  for (Value value; iterator->next(value);) {
    runtime.budget().step();
    if (same_or_equal(value, item)) return true;
  }
  return false;
}

bool truthy(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::boolean:
      return value.boolean();
    case Value::Kind::integer:
      return *value.integer() != 0;
    case Value::Kind::number:
      return *value.number() != 0;
    case Value::Kind::text:
      return !value.text().empty();
    case Value::Kind::list:
    case Value::Kind::tuple:
      return !value.sequence().items.empty();
    case Value::Kind::dict:
      return value.dict().size() > 0;
    case Value::Kind::object:
      return value.object().truthy(runtime);
    case Value::Kind::undefined:
      runtime.may_ignore(value);
      return false;
    default:
      return false;
  }
}

void sort_keyed(Runtime& runtime, std::vector<Keyed>& items, bool reverse) {
  const auto in_order = [&](const Keyed& a, const Keyed& b) {
    runtime.budget().step();
    pay(runtime.budget(), a.key, b.key);
    return less(a.key, b.key);
  };
  // Reversed sorting keeps equal items in their order, too.
  if (reverse) std::reverse(items.begin(), items.end());
  std::stable_sort(items.begin(), items.end(), in_order);
  if (reverse) std::reverse(items.begin(), items.end());
}

}  // namespace nalar::chat
