#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace nalar::tokenizer {

// Reads the fields of one protobuf message, never past its end. `base` = where the message lies in
// the file, for errors: bad_data "protobuf error at byte N: …".
class ProtoReader {
 public:
  struct Field {
    uint32_t number = 0;
    int wire_type = 0;       // 0 varint, 1 eight bytes, 2 bytes, 5 four bytes
    uint64_t value = 0;      // of a number, as it lies
    std::string_view bytes;  // of wire type 2
    size_t at = 0;           // where it begins in the file

    // REQUIRE nothing; another wire type is an error.
    std::string_view text() const;
    bool boolean() const;
    int32_t integer() const;
    float real() const;
    ProtoReader message() const;

   private:
    void need(int type) const;
  };

  explicit ProtoReader(std::string_view bytes, size_t base = 0) : bytes_(bytes), base_(base) {}
  // nullopt at the end.
  std::optional<Field> next();

 private:
  uint64_t varint();
  uint64_t fixed(size_t n);
  [[noreturn]] void fail(std::string_view what) const;

  std::string_view bytes_;
  size_t base_;
  size_t at_ = 0;
};

}  // namespace nalar::tokenizer
