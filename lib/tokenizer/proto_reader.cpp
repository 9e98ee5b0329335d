#include "tokenizer/proto_reader.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <bit>
#include <cstring>

namespace nalar::tokenizer {
namespace {

[[noreturn]] void proto_error(size_t at, std::string_view what) {
  throw Error(ErrorKind::bad_data, fmt::format("protobuf error at byte {}: {}", at, what));
}

}  // namespace

void ProtoReader::fail(std::string_view what) const { proto_error(base_ + at_, what); }

uint64_t ProtoReader::varint() {
  uint64_t value = 0;
  for (int i = 0; i < 10; ++i) {
    if (at_ >= bytes_.size()) fail("truncated number");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    if (i == 9 && byte > 1) fail("number over 64 bits");
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) return value;
  }
  fail("number over 10 bytes");
}

uint64_t ProtoReader::fixed(size_t n) {
  if (bytes_.size() - at_ < n) fail("truncated number");
  uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + at_, n);
  at_ += n;
  return value;
}

std::optional<ProtoReader::Field> ProtoReader::next() {
  if (at_ == bytes_.size()) return std::nullopt;
  Field field;
  field.at = base_ + at_;
  const uint64_t key = varint();
  field.wire_type = static_cast<int>(key & 7);
  if (key >> 3 == 0 || key >> 3 > (1u << 29) - 1)
    proto_error(field.at, "field number out of range");
  field.number = static_cast<uint32_t>(key >> 3);
  switch (field.wire_type) {
    case 0:
      field.value = varint();
      break;
    case 1:
      field.value = fixed(8);
      break;
    case 5:
      field.value = fixed(4);
      break;
    case 2: {
      const uint64_t length = varint();
      if (length > bytes_.size() - at_) {
        fail(fmt::format("field {} declares {} bytes, {} are left", field.number, length,
                         bytes_.size() - at_));
      }
      field.bytes = bytes_.substr(at_, length);
      at_ += length;
      break;
    }
    default:
      proto_error(field.at, fmt::format("wire type {} is not supported", field.wire_type));
  }
  return field;
}

void ProtoReader::Field::need(int type) const {
  if (wire_type != type) {
    proto_error(at, fmt::format("field {} has wire type {}, need {}", number, wire_type, type));
  }
}

std::string_view ProtoReader::Field::text() const {
  need(2);
  return bytes;
}

bool ProtoReader::Field::boolean() const {
  need(0);
  return value != 0;
}

int32_t ProtoReader::Field::integer() const {
  need(0);
  const auto wide = static_cast<int64_t>(value);
  if (wide < INT32_MIN || wide > INT32_MAX)
    proto_error(at, fmt::format("field {} is over 32 bits", number));
  return static_cast<int32_t>(wide);
}

float ProtoReader::Field::real() const {
  need(5);
  return std::bit_cast<float>(static_cast<uint32_t>(value));
}

ProtoReader ProtoReader::Field::message() const {
  need(2);
  return ProtoReader(bytes, at);
}

}  // namespace nalar::tokenizer
