#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>
#include <nalar/error.h>

namespace nalar::base {

static_assert(std::endian::native == std::endian::little, "files are little-endian, read as they lie");

// Reads values from bytes, never past their end, and knows where it is.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

  template <typename T>
  T read(std::string_view what) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  // The next n bytes; `what` names them in the error.
  std::span<const std::byte> take(uint64_t n, std::string_view what) {
    if (n > remaining()) {
      throw Error(ErrorKind::bad_data, fmt::format("truncated {} (at byte {}): got {} bytes, need {}",
                                                   what, offset_, remaining(), n));
    }
    const auto part = bytes_.subspan(offset_, n);
    offset_ += n;
    return part;
  }

  // "Declared ≤ what the file can still hold": the one test before anything is allocated by a count
  // that a file states. `least` = bytes the smallest item takes.
  uint64_t count(uint64_t declared, uint64_t least, std::string_view what) const {
    const uint64_t most = remaining() / least;
    if (declared > most) {
      throw Error(ErrorKind::bad_data, fmt::format("too many {} (at byte {}): declares {}, file can "
                                                   "hold at most {}", what, offset_, declared, most));
    }
    return declared;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t offset_ = 0;
};

}  // namespace nalar::base
