#include "io/gguf_writer.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/tensor.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "base/checked.h"
#include "base/utf8.h"
#include "io/counted_file.h"
#include "io/gguf_tensors.h"
#include "io/key_set.h"
#include "io/placed_file.h"

namespace nalar::io {
namespace {

constexpr std::string_view kAlignment = "general.alignment";
constexpr uint64_t kDefaultAlignment = 32;
constexpr size_t kMaxName = 63;  // llama.cpp's GGML_MAX_NAME, with its terminator
constexpr size_t kMaxDimensions = 4;

template <typename T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  append(out, uint64_t{text.size()});
  out += text;
}

std::string type_bytes(GgufType type) {
  std::string out;
  append(out, type);
  return out;
}

template <typename T>
std::string scalar(GgufType type, T value) {
  std::string out = type_bytes(type);
  append(out, value);
  return out;
}

std::string array_head(GgufType element, uint64_t count) {
  std::string out = type_bytes(GgufType::array);
  append(out, element);
  append(out, count);
  return out;
}

template <typename T>
std::string array(GgufType element, const std::vector<T>& values) {
  std::string out = array_head(element, values.size());
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return out;
}

[[noreturn]] void bad(const GgufTensorToWrite& tensor, ErrorKind kind, const std::string& what) {
  throw Error(kind, fmt::format("tensor {}: {}", base::escaped(tensor.name), what));
}

uint64_t size_of(const GgufTensorToWrite& tensor) {
  const BlockSize block = block_size(tensor.dtype);
  const int64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (columns % block.elements != 0) {
    bad(tensor, ErrorKind::bad_data,
        fmt::format("rows of {} values cannot be {}: its blocks have {}", columns,
                    name(tensor.dtype), block.elements));
  }
  if (std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end()) return 0;
  std::optional<uint64_t> bytes = static_cast<uint64_t>(block.bytes);
  for (const int64_t d : tensor.shape) {
    if (bytes) bytes = base::checked_mul(*bytes, static_cast<uint64_t>(d));
  }
  if (!bytes) bad(tensor, ErrorKind::bad_data, "its size overflows");
  return *bytes / static_cast<uint64_t>(block.elements);
}

void check(const std::vector<GgufTensorToWrite>& tensors) {
  KeySet names;
  for (const GgufTensorToWrite& tensor : tensors) {
    if (tensor.name.size() > kMaxName) {
      bad(tensor, ErrorKind::bad_data,
          fmt::format("its name has {} bytes, GGUF allows {}", tensor.name.size(), kMaxName));
    }
    if (tensor.shape.size() > kMaxDimensions) {
      bad(tensor, ErrorKind::bad_data,
          fmt::format("it has {} dimensions, GGUF allows {}", tensor.shape.size(), kMaxDimensions));
    }
    if (!gguf_number(tensor.dtype)) {
      bad(tensor, ErrorKind::bad_data, fmt::format("GGUF has no type {}", name(tensor.dtype)));
    }
    if (!names.add(tensor.name)) bad(tensor, ErrorKind::internal, "its name is there twice");
  }
}

uint64_t padded(uint64_t bytes, uint64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

// Everything before the data of the first tensor.
std::string head(const GgufKeys& keys, const std::vector<GgufTensorToWrite>& tensors) {
  std::string out = "GGUF";
  append(out, uint32_t{3});
  append(out, uint64_t{tensors.size()});
  append(out, uint64_t{keys.size()});
  out += keys.bytes();
  uint64_t offset = 0;
  for (const GgufTensorToWrite& tensor : tensors) {
    append_text(out, tensor.name);
    append(out, static_cast<uint32_t>(tensor.shape.size()));
    // GGUF has the innermost dimension first.
    for (size_t i = tensor.shape.size(); i-- > 0;) {
      append(out, static_cast<uint64_t>(tensor.shape[i]));
    }
    append(out, *gguf_number(tensor.dtype));
    append(out, offset);
    offset += padded(size_of(tensor), keys.alignment());
  }
  out.resize(padded(out.size(), keys.alignment()), '\0');
  return out;
}

void hand_over(const GgufTensorToWrite& tensor, OutputFile& file) {
  CountedFile counted(file);
  tensor.write(counted);
  const uint64_t bytes = size_of(tensor);
  if (static_cast<uint64_t>(counted.bytes()) == bytes) return;
  bad(tensor, ErrorKind::internal, fmt::format("got {} bytes, need {}", counted.bytes(), bytes));
}

void write_zeros(uint64_t count, OutputFile& file) {
  const std::string zeros(std::min<uint64_t>(count, 1 << 20), '\0');
  for (uint64_t n = 0; count > 0; count -= n) {
    n = std::min<uint64_t>(count, zeros.size());
    file.write(std::as_bytes(std::span(zeros)).first(n));
  }
}

// Those of the first turn that has one before one of an earlier turn, and of all later turns.
std::vector<bool> waiting(const std::vector<GgufTensorToWrite>& tensors) {
  constexpr int kNone = std::numeric_limits<int>::max();
  int earliest = kNone, first_late = kNone;
  for (size_t i = tensors.size(); i-- > 0;) {
    const int turn = tensors[i].turn.value_or(kNone);
    if (tensors[i].turn && turn > earliest) first_late = std::min(first_late, turn);
    earliest = std::min(earliest, turn);
  }
  std::vector<bool> waits(tensors.size());
  std::transform(tensors.begin(), tensors.end(), waits.begin(),
                 [&](const auto& tensor) { return tensor.turn && *tensor.turn >= first_late; });
  return waits;
}

}  // namespace

void GgufKeys::put(std::string_view key, std::string bytes) {
  if (key == kAlignment) {
    uint32_t alignment = 0;
    const bool right_type = bytes.size() == sizeof(GgufType) + sizeof alignment &&
                            bytes.starts_with(type_bytes(GgufType::u32));
    if (right_type) std::memcpy(&alignment, &bytes[sizeof(GgufType)], sizeof alignment);
    if (!std::has_single_bit(alignment)) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("key {} must be a u32 power of two", kAlignment));
    }
    alignment_ = alignment;
  }
  if (const auto at = places_.find(key, key_at())) {
    entries_[*at].bytes = std::move(bytes);
  } else {
    places_.add(key, key_at());
    entries_.push_back({std::string(key), std::move(bytes)});
  }
}

void GgufKeys::set(std::string_view key, std::string_view text) {
  std::string out = type_bytes(GgufType::string);
  append_text(out, text);
  put(key, std::move(out));
}

void GgufKeys::set_u16(std::string_view key, uint16_t value) {
  put(key, scalar(GgufType::u16, value));
}

void GgufKeys::set_u32(std::string_view key, uint32_t value) {
  put(key, scalar(GgufType::u32, value));
}

void GgufKeys::set_u64(std::string_view key, uint64_t value) {
  put(key, scalar(GgufType::u64, value));
}

void GgufKeys::set_i32(std::string_view key, int32_t value) {
  put(key, scalar(GgufType::i32, value));
}

void GgufKeys::set_f32(std::string_view key, float value) {
  put(key, scalar(GgufType::f32, value));
}

void GgufKeys::set_bool(std::string_view key, bool value) {
  put(key, scalar(GgufType::boolean, static_cast<uint8_t>(value)));
}

void GgufKeys::set(std::string_view key, const std::vector<std::string>& texts) {
  std::string out = array_head(GgufType::string, texts.size());
  for (const std::string& text : texts) append_text(out, text);
  put(key, std::move(out));
}

void GgufKeys::set(std::string_view key, const std::vector<int32_t>& values) {
  put(key, array(GgufType::i32, values));
}

void GgufKeys::set(std::string_view key, const std::vector<float>& values) {
  put(key, array(GgufType::f32, values));
}

void GgufKeys::set(std::string_view key, const std::vector<bool>& values) {
  put(key, array(GgufType::boolean, std::vector<uint8_t>(values.begin(), values.end())));
}

void GgufKeys::copy(std::string_view key, const GgufValue& value) {
  std::string out = value.type == GgufType::array ? array_head(value.element_type, value.count)
                                                  : type_bytes(value.type);
  if (value.type == GgufType::string) append(out, uint64_t{value.bytes.size()});
  out.append(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  put(key, std::move(out));
}

void GgufKeys::remove(std::string_view key) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
  places_ = NameTable();
  for (const Entry& entry : entries_) places_.add(entry.key, key_at());
  if (key == kAlignment) alignment_ = kDefaultAlignment;
}

bool GgufKeys::has(std::string_view key) const { return places_.find(key, key_at()).has_value(); }

std::string GgufKeys::bytes() const {
  std::string out;
  for (const Entry& entry : entries_) {
    append_text(out, entry.key);
    out += entry.bytes;
  }
  return out;
}

void write_gguf(OutputFile& file, const GgufKeys& keys,
                const std::vector<GgufTensorToWrite>& tensors) {
  check(tensors);
  const std::string begin = head(keys, tensors);
  file.write(std::as_bytes(std::span(begin)));
  const std::vector<bool> waits = waiting(tensors);
  std::vector<std::pair<size_t, uint64_t>> late;  // and where they lie
  uint64_t at = begin.size();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const uint64_t bytes = size_of(tensors[i]), whole = padded(bytes, keys.alignment());
    if (waits[i]) {
      late.emplace_back(i, at);
    } else {
      hand_over(tensors[i], file);
    }
    write_zeros(waits[i] ? whole : whole - bytes, file);
    at += whole;
  }
  std::stable_sort(late.begin(), late.end(), [&](const auto& a, const auto& b) {
    return tensors[a.first].turn < tensors[b.first].turn;
  });
  for (const auto& [i, offset] : late) {
    PlacedFile place(file, offset);
    hand_over(tensors[i], place);
  }
}

void rewrite_gguf_keys(OutputFile& file, const GgufKeys& written, const GgufKeys& keys,
                       const std::vector<GgufTensorToWrite>& tensors) {
  const std::string begin = head(keys, tensors);
  const size_t room = head(written, tensors).size();
  if (begin.size() != room) {
    throw Error(ErrorKind::internal,
                fmt::format("other keys: got {} bytes, need {}", begin.size(), room));
  }
  file.overwrite(0, std::as_bytes(std::span(begin)));
}

uint64_t gguf_size(const GgufKeys& keys, const std::vector<GgufTensorToWrite>& tensors) {
  check(tensors);
  uint64_t size = head(keys, tensors).size();
  for (const GgufTensorToWrite& tensor : tensors) size += padded(size_of(tensor), keys.alignment());
  return size;
}

}  // namespace nalar::io
