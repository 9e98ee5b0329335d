#include "support/gguf_builder.h"

#include <algorithm>

namespace nalar::test {

std::string some_floats(int64_t n, float scale) {
  std::vector<float> values(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    values[static_cast<size_t>(i)] = static_cast<float>(i * 37 % 101 - 50) * scale;
  }
  return bytes_of(values);
}

namespace {

void append_text(std::string& out, std::string_view text) {
  append(out, uint64_t{text.size()});
  out += text;
}

void pad(std::string& out, uint64_t alignment) {
  if (alignment > 0) out.append((alignment - out.size() % alignment) % alignment, '\0');
}

}  // namespace

GgufBuilder& GgufBuilder::add(const std::string& key, uint32_t type, std::string payload) {
  Key k;
  k.name = key;
  k.type = type;
  k.payload = std::move(payload);
  keys.push_back(std::move(k));
  return *this;
}

GgufBuilder& GgufBuilder::text(const std::string& key, std::string_view value) {
  std::string payload;
  append_text(payload, value);
  return add(key, 8, std::move(payload));
}

GgufBuilder& GgufBuilder::texts(const std::string& key, const std::vector<std::string>& values) {
  std::string payload;
  append(payload, uint32_t{8});
  append(payload, uint64_t{values.size()});
  for (const auto& value : values) append_text(payload, value);
  return add(key, 9, std::move(payload));
}

GgufBuilder& GgufBuilder::align(uint32_t to) {
  alignment = to;
  return number<uint32_t>("general.alignment", to);
}

GgufBuilder& GgufBuilder::tensor(const std::string& name, std::vector<uint64_t> shape,
                                 std::string data) {
  return tensor(name, std::move(shape), 0, std::move(data));
}

GgufBuilder& GgufBuilder::tensor(const std::string& name, std::vector<uint64_t> shape,
                                 uint32_t type, std::string data) {
  std::reverse(shape.begin(), shape.end());
  Tensor t;
  t.name = name;
  t.dimensions = std::move(shape);
  t.type = type;
  t.data = std::move(data);
  tensors.push_back(std::move(t));
  return *this;
}

std::string GgufBuilder::header() const {
  std::string out = magic;
  append(out, version);
  append(out, n_tensors.value_or(tensors.size()));
  append(out, n_keys.value_or(keys.size()));
  for (const Key& key : keys) {
    append(out, key.name_length.value_or(key.name.size()));
    out += key.name;
    append(out, key.type);
    out += key.payload;
  }
  uint64_t offset = 0;
  for (const Tensor& tensor : tensors) {
    append(out, tensor.name_length.value_or(tensor.name.size()));
    out += tensor.name;
    append(out, tensor.n_dimensions.value_or(static_cast<uint32_t>(tensor.dimensions.size())));
    for (const uint64_t d : tensor.dimensions) append(out, d);
    append(out, tensor.type);
    append(out, tensor.offset.value_or(offset));
    offset += (tensor.data.size() + alignment - 1) / alignment * alignment;
  }
  return out;
}

std::string GgufBuilder::bytes() const {
  std::string out = header();
  for (const Tensor& tensor : tensors) {
    pad(out, alignment);
    out += tensor.data;
  }
  return out;
}

GgufBuilder small_gguf() {
  GgufBuilder b;
  b.text("general.architecture", "test").number<uint8_t>("a.u8", 1).number<int8_t>("a.i8", -1);
  b.number<uint16_t>("a.u16", 2).number<int16_t>("a.i16", -2).number<uint32_t>("a.u32", 3);
  b.number<int32_t>("a.i32", -3).number<float>("a.f32", 0.5f).number<bool>("a.bool", true);
  b.number<uint64_t>("a.u64", 4).number<int64_t>("a.i64", -4).number<double>("a.f64", 0.25);
  b.texts("a.texts", {"", "one", "\xc3\xa9", "\xff"}).numbers<int32_t>("a.numbers", {1, -2, 3});
  b.numbers<float>("a.floats", {0.f, 1.5f}).align(64);
  b.tensor("vector", {5}, some_floats(5)).tensor("matrix", {3, 4}, some_floats(12));
  b.tensor("q8", {2, 32}, 8, std::string(2 * 34, '\x11')).tensor("empty", {0, 4}, "");
  b.tensor("half", {2, 2, 2}, 1, std::string(16, '\x3c'));
  return b;
}

}  // namespace nalar::test
