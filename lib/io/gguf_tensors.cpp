#include "io/gguf_tensors.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/checked.h"
#include "base/utf8.h"
#include "io/name_table.h"
#include "io/names.h"

namespace nalar::io {
namespace {

constexpr uint64_t kMaxName = 255;
constexpr uint32_t kMaxDimensions = 4;
// name length, dimension count, type, offset: a tensor without name and dimensions.
constexpr uint64_t kLeastEntry = 8 + 4 + 4 + 8;

struct FileType {
  std::string_view name;      // empty: a number that the format no longer uses
  std::optional<DType> type;  // nullopt: known and not supported
};

// By the numbers of the format (ggml_type).
constexpr std::array<FileType, 41> kTypes = {{
    {"F32", DType::f32},
    {"F16", DType::f16},
    {"Q4_0", DType::q4_0},
    {"Q4_1", DType::q4_1},
    {"", {}},
    {"", {}},
    {"Q5_0", DType::q5_0},
    {"Q5_1", DType::q5_1},
    {"Q8_0", DType::q8_0},
    {"Q8_1", {}},
    {"Q2_K", DType::q2_k},
    {"Q3_K", DType::q3_k},
    {"Q4_K", DType::q4_k},
    {"Q5_K", DType::q5_k},
    {"Q6_K", DType::q6_k},
    {"Q8_K", {}},
    {"IQ2_XXS", {}},
    {"IQ2_XS", {}},
    {"IQ3_XXS", {}},
    {"IQ1_S", {}},
    {"IQ4_NL", DType::iq4_nl},
    {"IQ3_S", {}},
    {"IQ2_S", {}},
    {"IQ4_XS", DType::iq4_xs},
    {"I8", DType::i8},
    {"I16", DType::i16},
    {"I32", DType::i32},
    {"I64", DType::i64},
    {"F64", DType::f64},
    {"IQ1_M", {}},
    {"BF16", DType::bf16},
    {"", {}},
    {"", {}},
    {"", {}},
    {"TQ1_0", {}},
    {"TQ2_0", {}},
    {"", {}},
    {"", {}},
    {"", {}},
    {"MXFP4", {}},
    {"NVFP4", {}},
}};

[[noreturn]] void bad(std::string_view tensor, const std::string& what) {
  throw Error(ErrorKind::bad_data, fmt::format("tensor {}{}", base::escaped(tensor), what));
}

std::string_view read_name(base::ByteReader& reader) {
  const size_t at = reader.offset();
  const auto length = reader.read<uint64_t>("tensor name length");
  if (length > kMaxName) {
    throw Error(ErrorKind::bad_data, fmt::format("bad tensor name (at byte {}): got {} bytes, need "
                                                 "at most {}",
                                                 at, length, kMaxName));
  }
  const auto bytes = reader.take(length, "tensor name");
  const std::string_view name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!is_printable_name(name)) {
    throw Error(ErrorKind::bad_data,
                fmt::format("bad tensor name (at byte {}): \"{}\"", at, base::escaped(name)));
  }
  return name;
}

std::vector<int64_t> read_shape(base::ByteReader& reader, std::string_view tensor) {
  const auto n = reader.read<uint32_t>("number of dimensions");
  if (n > kMaxDimensions) {
    bad(tensor, fmt::format(" has {} dimensions, at most {}", n, kMaxDimensions));
  }
  std::vector<int64_t> shape(n);
  // Zero dimensions count as one: the product of the others must fit as well.
  uint64_t product = 1;
  for (uint32_t i = 0; i < n; ++i) {
    const auto d = reader.read<uint64_t>("dimension");
    const auto next = base::checked_mul(product, std::max<uint64_t>(d, 1));
    if (!next || *next > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      bad(tensor, fmt::format(" size overflows: dimension {} is {}", i, d));
    }
    product = *next;
    shape[n - 1 - i] = static_cast<int64_t>(d);
  }
  return shape;
}

DType read_type(base::ByteReader& reader, std::string_view tensor) {
  const auto number = reader.read<uint32_t>("tensor type");
  if (number >= kTypes.size()) bad(tensor, fmt::format(" has unknown type {}", number));
  const FileType& type = kTypes[number];
  if (type.name.empty()) bad(tensor, fmt::format(" has type {}, removed from the format", number));
  if (!type.type) bad(tensor, fmt::format(" has type {}, which is not supported", type.name));
  return *type.type;
}

// REQUIRES that the product of the shape fits int64.
uint64_t size_in_bytes(const TensorView& tensor) {
  const BlockSize block = block_size(tensor.dtype);
  const auto elements = static_cast<uint64_t>(block.elements);
  if (static_cast<uint64_t>(tensor.columns()) % elements != 0) {
    bad(tensor.name, fmt::format(": row of {} is not a multiple of {}, the block of {}",
                                 tensor.columns(), elements, name(tensor.dtype)));
  }
  const auto bytes = base::checked_mul(static_cast<uint64_t>(tensor.elements()) / elements,
                                       static_cast<uint64_t>(block.bytes));
  if (!bytes) bad(tensor.name, fmt::format(" size overflows: shape {}", shape_text(tensor.shape)));
  return *bytes;
}

struct Place {
  uint64_t offset = 0;  // in the data section
  uint64_t size = 0;
};

// Gives every tensor its bytes.
void lay_out(std::vector<TensorView>& tensors, const std::vector<Place>& places, uint64_t begin,
             std::span<const std::byte> file) {
  const uint64_t have = file.size() > begin ? file.size() - begin : 0;
  const TensorView* cut = nullptr;
  uint64_t need = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    need = places[i].offset + places[i].size;
    if (need > have) {
      if (cut == nullptr) cut = &tensors[i];
    } else if (places[i].size > 0) {
      tensors[i].bytes = file.subspan(begin + places[i].offset, places[i].size);
    }
  }
  if (cut != nullptr) {
    bad(cut->name,
        fmt::format(" ends past end of file: file truncated, {} bytes missing", need - have));
  }
}

}  // namespace

std::optional<uint32_t> gguf_number(DType type) noexcept {
  const auto* const at = std::find_if(kTypes.begin(), kTypes.end(),
                                      [&](const FileType& entry) { return entry.type == type; });
  if (at == kTypes.end()) return std::nullopt;
  return static_cast<uint32_t>(at - kTypes.begin());
}

std::vector<TensorView> read_gguf_tensors(base::ByteReader& reader, uint64_t count,
                                          uint64_t alignment, std::span<const std::byte> file) {
  std::vector<TensorView> tensors;
  std::vector<Place> places;
  reader.count(count, kLeastEntry, "tensors");
  tensors.reserve(count);
  places.reserve(count);
  NameTable names;
  const auto name_at = [&](size_t n) { return tensors[n].name; };
  names.reserve(count, name_at);
  uint64_t expected = 0;
  for (uint64_t i = 0; i < count; ++i) {
    TensorView tensor;
    tensor.name = read_name(reader);
    tensor.shape = read_shape(reader, tensor.name);
    tensor.dtype = read_type(reader, tensor.name);
    const auto offset = reader.read<uint64_t>("tensor offset");
    if (!names.add(tensor.name, name_at)) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("duplicate tensor {}", base::escaped(tensor.name)));
    }
    if (offset != expected) {
      bad(tensor.name, fmt::format(": bad offset: got {}, need {}", offset, expected));
    }
    const uint64_t size = size_in_bytes(tensor);
    const auto end = base::checked_add(expected, size);
    const auto padded = end ? base::checked_align(*end, alignment) : std::nullopt;
    if (!padded || *padded > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      bad(tensor.name, fmt::format(" size overflows: shape {}", shape_text(tensor.shape)));
    }
    places.push_back({expected, size});
    tensors.push_back(std::move(tensor));
    expected = *padded;
  }
  const uint64_t begin = *base::checked_align(reader.offset(), alignment);
  lay_out(tensors, places, begin, file);
  return tensors;
}

}  // namespace nalar::io
