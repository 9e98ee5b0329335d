#include <nalar/dtype.h>

#include <array>

namespace nalar {
namespace {

struct Entry {
  DType type;
  std::string_view name;
  BlockSize block;
};

constexpr std::array kEntries = {
    Entry{DType::f64, "F64", {1, 8}},         Entry{DType::f32, "F32", {1, 4}},
    Entry{DType::f16, "F16", {1, 2}},         Entry{DType::bf16, "BF16", {1, 2}},
    Entry{DType::i64, "I64", {1, 8}},         Entry{DType::i32, "I32", {1, 4}},
    Entry{DType::i16, "I16", {1, 2}},         Entry{DType::i8, "I8", {1, 1}},
    Entry{DType::u64, "U64", {1, 8}},         Entry{DType::u32, "U32", {1, 4}},
    Entry{DType::u16, "U16", {1, 2}},         Entry{DType::u8, "U8", {1, 1}},
    Entry{DType::boolean, "BOOL", {1, 1}},    Entry{DType::f8_e4m3, "F8_E4M3", {1, 1}},
    Entry{DType::f8_e5m2, "F8_E5M2", {1, 1}}, Entry{DType::q8_0, "Q8_0", {32, 34}},
    Entry{DType::q4_0, "Q4_0", {32, 18}},     Entry{DType::q4_1, "Q4_1", {32, 20}},
    Entry{DType::q5_0, "Q5_0", {32, 22}},     Entry{DType::q5_1, "Q5_1", {32, 24}},
    Entry{DType::q2_k, "Q2_K", {256, 84}},    Entry{DType::q3_k, "Q3_K", {256, 110}},
    Entry{DType::q4_k, "Q4_K", {256, 144}},   Entry{DType::q5_k, "Q5_K", {256, 176}},
    Entry{DType::q6_k, "Q6_K", {256, 210}},   Entry{DType::iq4_nl, "IQ4_NL", {32, 18}},
    Entry{DType::iq4_xs, "IQ4_XS", {256, 136}},
};

constexpr bool in_order() {
  for (size_t i = 0; i < kEntries.size(); ++i) {
    if (static_cast<size_t>(kEntries[i].type) != i) return false;
  }
  return true;
}
static_assert(in_order(), "the table is indexed by DType");

}  // namespace

BlockSize block_size(DType type) noexcept { return kEntries[static_cast<size_t>(type)].block; }
std::string_view name(DType type) noexcept { return kEntries[static_cast<size_t>(type)].name; }
bool is_quantized(DType type) noexcept { return type >= DType::q8_0; }
bool is_weight_type(DType type) noexcept {
  return is_quantized(type) || type == DType::f32 || type == DType::f16 || type == DType::bf16;
}

}  // namespace nalar
