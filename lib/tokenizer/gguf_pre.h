#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nalar::tokenizer {

// What a name in tokenizer.ggml.pre stands for: the pre-tokenizer that the model's own
// tokenizer.json describes. Every pattern cuts what the one before it left, its matches apart from
// what lies between.
struct GgufPre {
  std::vector<std::string_view> patterns;
  bool ignore_merges = false;
  bool adds_bos = false;  // unless tokenizer.ggml.add_bos_token says otherwise
  bool nfc = false;
};

// nullptr for a name that is not known.
const GgufPre* find_gguf_pre(std::string_view name);

// The pattern that a tokenizer.json means by ByteLevel's own.
std::string_view gpt2_pattern();
// The name that stands for these, "" where none does. With or without a BOS: a file says that by
// itself.
std::string_view gguf_pre_name(const std::vector<std::string>& patterns, bool ignore_merges,
                               bool nfc);

}  // namespace nalar::tokenizer
