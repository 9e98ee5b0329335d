#include "gguf_keys.h"

#include <fmt/format.h>

#include "tokenizer/byte_chars.h"

namespace nalar::test {

GgufKeys byte_level_keys(const std::vector<std::string>& merges, const std::string& pre) {
  std::vector<std::string> tokens{"<|endoftext|>"};
  for (const auto& c : tokenizer::byte_chars()) tokens.emplace_back(c.text, c.length);
  for (const std::string& merge : merges) {
    std::string joined = merge;
    if (const size_t space = joined.find(' ', 1); space != joined.npos) joined.erase(space, 1);
    tokens.push_back(joined);
  }
  std::vector<int32_t> types(tokens.size(), 1);
  types[0] = 3;
  tokens.insert(tokens.end(), {"<|im_start|>", "<user>"});
  types.insert(types.end(), {3, 4});
  GgufKeys keys;
  keys.set("tokenizer.ggml.model", "gpt2");
  keys.set("tokenizer.ggml.pre", pre.c_str());
  keys.set_strings("tokenizer.ggml.tokens", tokens);
  keys.set_integers("tokenizer.ggml.token_type", types);
  keys.set_strings("tokenizer.ggml.merges", merges);
  keys.set("tokenizer.ggml.eos_token_id", uint32_t{0});
  keys.set("tokenizer.ggml.bos_token_id", uint32_t{0});
  return keys;
}

GgufKeys sentencepiece_keys(const std::vector<std::pair<std::string, float>>& pieces) {
  std::vector<std::string> tokens{"<unk>", "<s>", "</s>"};
  std::vector<int32_t> types{2, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    tokens.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(6);
  }
  std::vector<float> scores(tokens.size(), 0.0f);
  for (const auto& [piece, score] : pieces) {
    tokens.push_back(piece);
    types.push_back(1);
    scores.push_back(score);
  }
  GgufKeys keys;
  keys.set("tokenizer.ggml.model", "llama");
  keys.set_strings("tokenizer.ggml.tokens", tokens);
  keys.set_floats("tokenizer.ggml.scores", scores);
  keys.set_integers("tokenizer.ggml.token_type", types);
  keys.set("tokenizer.ggml.bos_token_id", uint32_t{1});
  keys.set("tokenizer.ggml.eos_token_id", uint32_t{2});
  keys.set("tokenizer.ggml.unknown_token_id", uint32_t{0});
  return keys;
}

}  // namespace nalar::test
