#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "chat/builtins/attribute_path.h"
#include "chat/builtins/builtin.h"
#include "chat/builtins/methods.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

Value first(Runtime& runtime, const Call& call) {
  Value out;
  if (iterate(runtime, call[0])->next(out)) return out;
  return Undefined{"no first item, sequence was empty"};
}

Value last(Runtime& runtime, const Call& call) {
  const Value& value = call[0];
  const Undefined nothing{"no last item, sequence was empty"};
  if (value.is_list() || value.is_tuple()) {
    const auto& items = value.sequence().items;
    return items.empty() ? Value(nothing) : items.back();
  }
  if (value.is_text()) {
    const size_t n = value.text().length();
    return n == 0 ? Value(nothing) : substring(runtime, value, n - 1, n);
  }
  if (value.is_dict()) {
    const auto& items = value.dict().items();
    return items.empty() ? Value(nothing) : items.back().first;
  }
  if (value.is_undefined()) return nothing;
  const auto reversed = value.is_object() ? value.object().iterate_reversed(runtime) : nullptr;
  if (!reversed) fail(fmt::format("'{}' object is not reversible", value.type_name()));
  Value out;
  return reversed->next(out) ? out : Value(nothing);
}

Value length(Runtime& runtime, const Call& call) {
  if (const auto n = length_of(runtime, call[0])) return *n;
  fail(fmt::format("object of type '{}' has no len()", call[0].type_name()));
}

Value list(Runtime& runtime, const Call& call) {
  return make_list(runtime.budget(), to_vector(runtime, call[0]));
}

Value reverse(Runtime& runtime, const Call& call) {
  if (call[0].is_text()) {
    return get_slice(runtime, call[0], {None{}, None{}, Value(-1)});
  }
  auto items = std::make_shared<std::vector<Value>>(to_vector(runtime, call[0]));
  return make_generator(runtime, call[0], [items](Value& out) {
    if (items->empty()) return false;
    out = std::move(items->back());
    items->pop_back();
    return true;
  });
}

Value items(Runtime& runtime, const Call& call) {
  const Value& value = call[0];
  if (value.is_undefined()) return make_generator(runtime, value, [](Value&) { return false; });
  return make_generator(runtime, value, [&runtime, value, i = size_t{0}](Value& out) mutable {
    if (!value.is_dict()) fail("can only get item pairs from a mapping");
    if (i >= value.dict().size()) return false;
    const auto& [key, item] = value.dict().items()[i++];
    out = make_tuple(runtime.budget(), {key, item});
    return true;
  });
}

Value default_value(Runtime& runtime, const Call& call) {
  const bool replaces =
      call[0].is_undefined() || (flag_or(runtime, call[2], false) && !truthy(runtime, call[0]));
  if (!replaces) return call[0];
  return call.has(1) ? call[1] : Value::made("");
}

Value sum(Runtime& runtime, const Call& call) {
  Value items = call[0];
  if (call.has(1) && !call[1].is_none()) items = attribute_of_each(runtime, items, call[1]);
  Value total = call.has(2) ? call[2] : Value(0);
  if (total.is_text()) fail("sum() can't sum strings [use ''.join(seq) instead]");
  const auto iterator = iterate(runtime, items);
  for (Value item; iterator->next(item);) {
    runtime.budget().step();
    total = apply(runtime, Operator::add, total, item);
  }
  return total;
}

// Rows of `size` items; the last one filled up with `fill`, unless that is none.
class Batches {
 public:
  Batches(Runtime& runtime, const Call& call)
      : runtime_(runtime),
        value_(call[0]),
        size_(call[1]),
        fill_(call.has(2) ? call[2] : Value(None{})) {}

  bool operator()(Value& out) {
    if (done_) return false;
    if (!source_) source_ = iterate(runtime_, value_);
    std::vector<Value> row;
    if (!held_.is_missing()) row.push_back(std::exchange(held_, Value()));
    for (Value item; source_->next(item);) {
      runtime_.budget().step();
      if (equal(Value(static_cast<int64_t>(row.size())), size_)) {
        held_ = std::move(item);
        break;
      }
      row.push_back(std::move(item));
    }
    if (held_.is_missing()) {
      done_ = true;
      if (row.empty()) return false;
      fill_up(row);
    }
    out = make_list(runtime_.budget(), std::move(row));
    return true;
  }

 private:
  void fill_up(std::vector<Value>& row) {
    if (fill_.is_none()) return;
    const int64_t size = need_integer(size_);
    if (size > static_cast<int64_t>(row.size())) runtime_.budget().step(size);
    while (static_cast<int64_t>(row.size()) < size) row.push_back(fill_);
  }

  Runtime& runtime_;
  Value value_, size_, fill_;
  std::shared_ptr<Iterator> source_;
  Value held_;  // the first item of the next row
  bool done_ = false;
};

Value batch(Runtime& runtime, const Call& call) {
  return make_generator(runtime, call[0], Batches(runtime, call));
}

Value slice(Runtime& runtime, const Call& call) {
  const Value count = call[1];
  const Value fill = call.has(2) ? call[2] : Value(None{});
  const Value source = call[0];
  const auto all = std::make_shared<std::vector<Value>>();
  return make_generator(runtime, source,
                        [&runtime, source, count, fill, all, slices = int64_t{0},
                         number = int64_t{-1}](Value& out) mutable {
                          if (number < 0) {
                            slices = need_integer(count);
                            *all = to_vector(runtime, source);
                            if (slices == 0) fail("integer division or modulo by zero");
                            number = 0;
                          }
                          if (number >= slices) return false;
                          const auto length = static_cast<int64_t>(all->size());
                          const int64_t each = length / slices, larger = length % slices;
                          const int64_t begin = number * each + std::min(number, larger);
                          const int64_t end = begin + each + (number < larger ? 1 : 0);
                          std::vector<Value> row(all->begin() + begin, all->begin() + end);
                          if (!fill.is_none() && number >= larger) row.push_back(fill);
                          ++number;
                          runtime.budget().step(1 + end - begin);
                          out = make_list(runtime.budget(), std::move(row));
                          return true;
                        });
}

Value attribute(Runtime& runtime, const Call& call) {
  const std::string_view name = need_text(call[1], "attribute name").view();
  if (call[0].is_dict() && find_method(call[0], name).is_missing() &&
      !is_mutating_method(call[0], name)) {
    return Undefined{fmt::format("'dict' object has no attribute {}", quoted(name.substr(0, 200)))};
  }
  return get_attribute(runtime, call[0], name);
}

Value to_json(Runtime& runtime, const Call& call) {
  JsonStyle style;
  style.ascii = flag_or(runtime, call[1], false);
  style.sorted = flag_or(runtime, call[4], false);
  if (call.has(2) && !call[2].is_none()) {
    const int64_t width = call[2].is_text() ? 0 : need_integer(call[2]);
    runtime.budget().text_size(static_cast<size_t>(std::max<int64_t>(width, 0)));
    style.indent = call[2].is_text()
                       ? std::string(call[2].text().view())
                       : std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
    style.item_separator = ",";
  }
  if (call.has(3) && !call[3].is_none()) {
    const auto separators = to_vector(runtime, call[3]);
    if (separators.size() != 2) fail("separators must be a pair of strings");
    style.item_separator = need_text(separators[0], "a separator").view();
    style.key_separator = need_text(separators[1], "a separator").view();
  }
  return json_dumps(runtime, call[0], style);
}

constexpr Builtin kFilters[] = {
    {"attr", "obj name", attribute},
    {"batch", "value linecount fill_with=", batch},
    {"count", "obj /", length},
    {"d", "value default_value= boolean=", default_value},
    {"default", "value default_value= boolean=", default_value},
    {"first", "seq", first},
    {"items", "value", items},
    {"last", "seq", last},
    {"length", "obj /", length},
    {"list", "value", list},
    {"reverse", "value", reverse},
    {"slice", "value slices fill_with=", slice},
    {"sum", "iterable attribute= start=", sum},
    {"tojson", "x ensure_ascii= indent= separators= sort_keys=", to_json},
};

}  // namespace

std::span<const Builtin> sequence_filters() { return kFilters; }

}  // namespace nalar::chat
