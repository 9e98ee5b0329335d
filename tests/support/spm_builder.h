#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::test {

// Protobuf fields by hand: what a SentencePiece model is made of, right or wrong.
inline std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
inline std::string number_field(uint32_t field, uint64_t value) {
  return varint(field << 3) + varint(value);
}
inline std::string bytes_field(uint32_t field, std::string_view bytes) {
  return varint(field << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
inline std::string float_field(uint32_t field, float value) {
  std::string out = varint(field << 3 | 5);
  return out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string spm_piece(std::string_view text, float score, int type) {
  return bytes_field(1, bytes_field(1, text) + float_field(2, score) +
                            number_field(3, static_cast<uint64_t>(type)));
}

inline constexpr int kUnigram = 1, kBpe = 2;

// <unk> <s> </s> ▁ a b ab, then what is given.
inline std::string spm_model(const std::string& more_pieces = "", int kind = kBpe,
                             const std::string& normalizer = "") {
  std::string out = spm_piece("<unk>", 0, 2) + spm_piece("<s>", 0, 3) + spm_piece("</s>", 0, 3);
  float score = 0;
  for (const char* text : {"\u2581", "a", "b", "ab"}) out += spm_piece(text, score -= 1, 1);
  return out + more_pieces + bytes_field(2, number_field(3, static_cast<uint64_t>(kind))) +
         bytes_field(3, normalizer);
}

// A charsmap whose trie has these units, and these replacements.
inline std::string charsmap_blob(const std::vector<uint32_t>& units,
                                 std::string_view replacements) {
  const auto size = static_cast<uint32_t>(units.size() * sizeof(uint32_t));
  std::string out(reinterpret_cast<const char*>(&size), sizeof size);
  out.append(reinterpret_cast<const char*>(units.data()), size);
  return out.append(replacements);
}

// The units of a charsmap with one rule a byte along a path: "x" → first replacement, "xx" → the
// same, and so on.
inline std::vector<uint32_t> charsmap_chain(int length) {
  // Nodes at 256, 512, …; unit of byte x below node n at n ^ x leads to the next node.
  std::vector<uint32_t> units(static_cast<size_t>(256 * (length + 2)), 1u << 31);
  const auto offset = [](uint32_t d) { return d << 10; };
  units[0] = offset(256);
  for (int i = 0; i < length; ++i) {
    const auto node = static_cast<uint32_t>(256 * (i + 1)), next = node + 256;
    const uint32_t at = node ^ 'x';
    units[at] = offset(at ^ next) | 1u << 8 | 'x';
    units[next] = 0u | 1u << 31;
  }
  return units;
}

}  // namespace nalar::test
