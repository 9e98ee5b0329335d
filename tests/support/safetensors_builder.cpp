#include "support/safetensors_builder.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/gguf_builder.h"

namespace nalar::test {

SafetensorsBuilder& SafetensorsBuilder::tensor(const std::string& name,
                                               const std::vector<uint64_t>& shape, std::string data,
                                               const std::string& dtype) {
  Tensor t;
  t.name = name;
  t.dtype = fmt::format("\"{}\"", dtype);
  t.shape = fmt::format("[{}]", fmt::join(shape, ","));
  t.data = std::move(data);
  tensors.push_back(std::move(t));
  return *this;
}

std::string SafetensorsBuilder::header_text() const {
  if (header) return *header;
  std::string out = "{";
  const auto comma = [&] { return out.size() > 1 ? "," : ""; };
  if (!metadata.empty()) {
    std::string members;
    for (const auto& [key, value] : metadata) {
      members += fmt::format("{}\"{}\":\"{}\"", members.empty() ? "" : ",", key, value);
    }
    out += fmt::format("\"__metadata__\":{{{}}}", members);
  }
  uint64_t at = 0;
  for (const Tensor& t : tensors) {
    const auto [begin, end] = t.offsets.value_or(std::pair{at, at + t.data.size()});
    out += fmt::format("{}\"{}\":{{\"dtype\":{},\"shape\":{},\"data_offsets\":[{},{}]}}", comma(),
                       t.name, t.dtype, t.shape, begin, end);
    at += t.data.size();
  }
  return out + "}";
}

std::string SafetensorsBuilder::bytes() const {
  const std::string text = header_text();
  std::string out;
  append(out, header_length.value_or(text.size()));
  out += text;
  for (const Tensor& t : tensors) out += t.data;
  return out + tail;
}

SafetensorsBuilder small_safetensors() {
  SafetensorsBuilder b;
  b.metadata = {{"format", "pt"}, {"note", "two"}};
  b.tensor("matrix", {3, 4}, some_floats(12)).tensor("half", {2}, "\x01\x3c\x02\x3c", "BF16");
  b.tensor("scalar", {}, std::string(8, '\0'), "I64").tensor("empty", {0, 4}, "");
  return b;
}

void write_text(const std::string& path, const std::string& bytes) {
  const std::filesystem::path file(path);
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}

}  // namespace nalar::test
