#include "io/gguf_reader.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "base/utf8.h"
#include "io/gguf_tensors.h"
#include "io/names.h"

namespace nalar::io {
namespace {

using base::ByteReader;

constexpr uint64_t kMaxKeys = 65'536;
constexpr uint64_t kMaxTensors = 1'000'000;
constexpr uint64_t kMaxKeyBytes = 65'535;
constexpr uint64_t kMaxString = uint64_t{16} << 20;
constexpr uint64_t kMaxArray = uint64_t{16} << 20;
constexpr uint64_t kMinAlignment = 8;
constexpr uint64_t kMaxAlignment = 65'536;
// key length, a character, type, one byte of value; and a tensor of one character.
constexpr uint64_t kLeastKey = 8 + 1 + 4 + 1;
constexpr uint64_t kLeastTensor = 8 + 1 + 4 + 4 + 8;

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorKind::bad_data, what); }

struct Header {
  uint32_t version;
  uint64_t n_tensors;
  uint64_t n_keys;
};

Header read_header(ByteReader& reader) {
  constexpr std::string_view kMagic = "GGUF";
  if (reader.remaining() < kMagic.size()) {
    bad(fmt::format("not a GGUF file: too short ({} bytes)", reader.remaining()));
  }
  const auto magic = reader.take(kMagic.size(), "magic");
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
    bad(fmt::format(
        "not a GGUF file: bad magic (at byte 0): got {:02x}, need {:02x} (\"GGUF\")",
        fmt::join(std::span(reinterpret_cast<const unsigned char*>(magic.data()), 4), " "),
        fmt::join(kMagic, " ")));
  }
  Header header = {};
  header.version = reader.read<uint32_t>("header");
  const uint32_t swapped = __builtin_bswap32(header.version);
  if (swapped >= 1 && swapped <= 3) bad("big-endian GGUF is not supported");
  if (header.version < 2 || header.version > 3) {
    bad(fmt::format("GGUF version {} unsupported (2..3)", header.version));
  }
  header.n_tensors = reader.read<uint64_t>("header");
  header.n_keys = reader.read<uint64_t>("header");
  const auto check = [&](uint64_t n, uint64_t least, uint64_t limit, const char* what) {
    const uint64_t most = std::min(reader.remaining() / least, limit);
    if (n > most) {
      bad(fmt::format("header declares {} {}, file can hold at most {}", n, what, most));
    }
  };
  check(header.n_tensors, kLeastTensor, kMaxTensors, "tensors");
  check(header.n_keys, kLeastKey, kMaxKeys, "keys");
  return header;
}

// The length of a string, held against what is left and a limit.
uint64_t read_length(ByteReader& reader, std::string_view what, uint64_t limit) {
  const size_t at = reader.offset();
  const auto length = reader.read<uint64_t>(what);
  if (length > reader.remaining()) {
    bad(fmt::format("{} length {} exceeds remaining {} bytes (at byte {})", what, length,
                    reader.remaining(), at));
  }
  if (length > limit) {
    bad(fmt::format("{} too long (at byte {}): {} bytes, limit {}", what, at, length, limit));
  }
  return length;
}

std::string_view read_key(ByteReader& reader) {
  const size_t at = reader.offset();
  const auto bytes = reader.take(read_length(reader, "key", kMaxKeyBytes), "key");
  const std::string_view key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!is_printable_name(key)) {
    bad(fmt::format("invalid key name (at byte {}): \"{}\"", at, base::escaped(key)));
  }
  return key;
}

GgufType read_type(ByteReader& reader, std::string_view key) {
  const size_t at = reader.offset();
  const auto number = reader.read<uint32_t>("value type");
  if (number > static_cast<uint32_t>(GgufType::f64)) {
    bad(fmt::format("unknown value type {} for key {} (at byte {})", number, base::escaped(key),
                    at));
  }
  return static_cast<GgufType>(number);
}

void check_booleans(std::span<const std::byte> bytes, std::string_view key, size_t at) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] <= std::byte{1}) continue;
    bad(fmt::format("invalid boolean in key {} (at byte {}): got {}, need 0 or 1",
                    base::escaped(key), at + i, static_cast<int>(bytes[i])));
  }
}

// One pass over the lengths; nothing is copied.
void skip_strings(ByteReader& reader, uint64_t count, std::string_view key) {
  for (uint64_t i = 0; i < count; ++i) {
    const size_t at = reader.offset();
    const auto length = reader.read<uint64_t>("string length");
    if (length > reader.remaining()) {
      bad(fmt::format("string {} of key {} exceeds file (at byte {}): {} bytes, {} remain", i,
                      base::escaped(key), at, length, reader.remaining()));
    }
    if (length > kMaxString) {
      bad(fmt::format("string {} of key {} too long (at byte {}): {} bytes, limit {}", i,
                      base::escaped(key), at, length, kMaxString));
    }
    reader.take(length, "string");
  }
}

GgufValue read_array(ByteReader& reader, std::string_view key) {
  GgufValue value;
  value.type = GgufType::array;
  value.element_type = read_type(reader, key);
  if (value.element_type == GgufType::array) {
    bad(fmt::format("key {}: nested arrays are not supported", base::escaped(key)));
  }
  const size_t at = reader.offset();
  value.count = reader.read<uint64_t>("array length");
  const bool strings = value.element_type == GgufType::string;
  const uint64_t least = strings ? sizeof(uint64_t) : item_size(value.element_type);
  const uint64_t most = std::min(reader.remaining() / least, kMaxArray);
  if (value.count > most) {
    bad(fmt::format("key {}: array of {} elements does not fit (at byte {}): at most {}",
                    base::escaped(key), value.count, at, most));
  }
  ByteReader ahead = reader;
  if (strings) {
    skip_strings(ahead, value.count, key);
  } else {
    ahead.take(value.count * least, "array");
  }
  value.bytes = reader.take(ahead.offset() - reader.offset(), "array");
  if (value.element_type == GgufType::boolean) {
    check_booleans(value.bytes, key, reader.offset() - value.bytes.size());
  }
  return value;
}

GgufValue read_value(ByteReader& reader, std::string_view key) {
  const GgufType type = read_type(reader, key);
  if (type == GgufType::array) return read_array(reader, key);
  GgufValue value;
  value.type = type;
  if (type == GgufType::string) {
    const std::string what = fmt::format("string of key {}", base::escaped(key));
    value.bytes = reader.take(read_length(reader, what, kMaxString), what);
    return value;
  }
  value.bytes = reader.take(item_size(type), "value");
  if (type == GgufType::boolean) check_booleans(value.bytes, key, reader.offset() - 1);
  return value;
}

uint64_t alignment_of(const GgufMetadata& metadata) {
  constexpr uint64_t kDefault = 32;
  const GgufValue* value = metadata.find("general.alignment");
  if (value == nullptr) return kDefault;
  const auto number = static_cast<uint64_t>(value->integer().value_or(0));
  if (value->type != GgufType::u32 || !std::has_single_bit(number) || number < kMinAlignment ||
      number > kMaxAlignment) {
    bad(fmt::format("key general.alignment must be a u32 power of two in {}..{}, got {} {}",
                    kMinAlignment, kMaxAlignment, type_name(*value), number));
  }
  return number;
}

}  // namespace

GgufFile parse_gguf(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  const Header header = read_header(reader);
  GgufFile file;
  file.version = header.version;
  for (uint64_t i = 0; i < header.n_keys; ++i) {
    const std::string_view key = read_key(reader);
    const GgufValue value = read_value(reader, key);
    if (!file.metadata.add(key, value)) bad(fmt::format("duplicate key {}", base::escaped(key)));
  }
  file.alignment = alignment_of(file.metadata);
  file.tensors = read_gguf_tensors(reader, header.n_tensors, file.alignment, bytes);
  return file;
}

}  // namespace nalar::io
