#include <fmt/format.h>

#include "chat/operators.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

class SequenceIterator : public Iterator {
 public:
  explicit SequenceIterator(Value sequence) : sequence_(std::move(sequence)) {}
  bool next(Value& out) override {
    const auto& items = sequence_.sequence().items;
    if (at_ >= items.size()) return false;
    out = items[at_++];
    return true;
  }

 private:
  Value sequence_;
  size_t at_ = 0;
};

class KeyIterator : public Iterator {
 public:
  explicit KeyIterator(Value dict) : dict_(std::move(dict)) {}
  bool next(Value& out) override {
    const auto& items = dict_.dict().items();
    if (at_ >= items.size()) return false;
    out = items[at_++].first;
    return true;
  }

 private:
  Value dict_;
  size_t at_ = 0;
};

class CharacterIterator : public Iterator {
 public:
  explicit CharacterIterator(Value text) : text_(std::move(text)) {}
  bool next(Value& out) override {
    const Text& text = text_.text();
    const std::string_view bytes = text.view();
    if (at_ >= bytes.size()) return false;
    size_t end = at_ + 1;
    while (end < bytes.size() && (static_cast<unsigned char>(bytes[end]) & 0xC0) == 0x80) ++end;
    out = Text(std::string(bytes.substr(at_, end - at_)), text.origin_at(at_));
    at_ = end;
    return true;
  }

 private:
  Value text_;
  size_t at_ = 0;
};

class NoIterator : public Iterator {
 public:
  bool next(Value&) override { return false; }
};

std::unique_ptr<Iterator> try_iterate(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::undefined:
      runtime.may_ignore(value);
      return std::make_unique<NoIterator>();
    case Value::Kind::text:
      return std::make_unique<CharacterIterator>(value);
    case Value::Kind::list:
    case Value::Kind::tuple:
      return std::make_unique<SequenceIterator>(value);
    case Value::Kind::dict:
      return std::make_unique<KeyIterator>(value);
    case Value::Kind::object:
      return value.object().iterate(runtime);
    default:
      return nullptr;
  }
}

}  // namespace

std::unique_ptr<Iterator> iterate(Runtime& runtime, const Value& value) {
  auto iterator = try_iterate(runtime, value);
  if (!iterator) fail(fmt::format("'{}' object is not iterable", value.type_name()));
  return iterator;
}

bool is_iterable(Runtime& runtime, const Value& value) {
  return try_iterate(runtime, value) != nullptr;
}

std::vector<Value> to_vector(Runtime& runtime, const Value& value) {
  if (value.is_list() || value.is_tuple()) {
    runtime.budget().step(static_cast<int64_t>(value.sequence().items.size()));
    return value.sequence().items;
  }
  std::vector<Value> out;
  const auto iterator = iterate(runtime, value);
  for (Value item; iterator->next(item);) {
    runtime.budget().step();
    out.push_back(std::move(item));
  }
  return out;
}

std::optional<int64_t> length_of(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::undefined:
      runtime.may_ignore(value);
      return 0;
    case Value::Kind::text:
      return static_cast<int64_t>(value.text().length());
    case Value::Kind::list:
    case Value::Kind::tuple:
      return static_cast<int64_t>(value.sequence().items.size());
    case Value::Kind::dict:
      return static_cast<int64_t>(value.dict().size());
    case Value::Kind::object:
      return value.object().length(runtime);
    default:
      return std::nullopt;
  }
}

}  // namespace nalar::chat
