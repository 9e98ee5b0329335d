#include "support/tiny_llama.h"

namespace nalar::test {
namespace {

constexpr uint64_t kWidth = 32, kKvWidth = 16, kFeedForward = 48, kVocab = 265;

// The character that byte-level BPE writes for a byte: itself where it is printable, else from
// U+0100 on.
std::string byte_character(int byte, int& next) {
  const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const int code = printable ? byte : 256 + next++;
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

std::vector<std::string> tokens() {
  std::vector<std::string> out;
  int next = 0;
  for (int byte = 0; byte < 256; ++byte) out.push_back(byte_character(byte, next));
  for (const char* merged : {"he", "ll", "hell", "hello", "wo", "rl", "rld"})
    out.emplace_back(merged);
  out.emplace_back("<s>");
  out.emplace_back("</s>");
  return out;
}

GgufBuilder& weight(GgufBuilder& b, const std::string& name, uint64_t rows, uint64_t columns) {
  return b.tensor(name, {rows, columns}, some_floats(static_cast<int64_t>(rows * columns), 0.004f));
}

GgufBuilder& norm(GgufBuilder& b, const std::string& name) {
  return b.tensor(name, {kWidth}, bytes_of(std::vector<float>(kWidth, 1.f)));
}

void add_tokenizer(GgufBuilder& b) {
  std::vector<int32_t> types(kVocab, 1);
  types[kVocab - 2] = types[kVocab - 1] = 3;  // control
  b.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", "gpt-2");
  b.texts("tokenizer.ggml.tokens", tokens()).numbers<int32_t>("tokenizer.ggml.token_type", types);
  b.texts("tokenizer.ggml.merges", {"h e", "l l", "he ll", "hell o", "w o", "r l", "rl d"});
  b.number<uint32_t>("tokenizer.ggml.bos_token_id", kVocab - 2);
  b.number<uint32_t>("tokenizer.ggml.eos_token_id", kVocab - 1);
}

}  // namespace

GgufBuilder tiny_llama() {
  GgufBuilder b;
  b.text("general.architecture", "llama").text("general.name", "tiny");
  b.number<uint32_t>("llama.block_count", 1).number<uint32_t>("llama.context_length", 64);
  b.number<uint32_t>("llama.embedding_length", kWidth);
  b.number<uint32_t>("llama.feed_forward_length", kFeedForward);
  b.number<uint32_t>("llama.attention.head_count", 4);
  b.number<uint32_t>("llama.attention.head_count_kv", 2);
  b.number<float>("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  b.number<uint32_t>("llama.rope.dimension_count", 8).number<float>("llama.rope.freq_base", 1e4f);
  b.number<uint32_t>("llama.vocab_size", kVocab);
  add_tokenizer(b);
  weight(b, "token_embd.weight", kVocab, kWidth);
  norm(b, "blk.0.attn_norm.weight");
  weight(b, "blk.0.attn_q.weight", kWidth, kWidth);
  weight(b, "blk.0.attn_k.weight", kKvWidth, kWidth);
  weight(b, "blk.0.attn_v.weight", kKvWidth, kWidth);
  weight(b, "blk.0.attn_output.weight", kWidth, kWidth);
  norm(b, "blk.0.ffn_norm.weight");
  weight(b, "blk.0.ffn_gate.weight", kFeedForward, kWidth);
  weight(b, "blk.0.ffn_up.weight", kFeedForward, kWidth);
  weight(b, "blk.0.ffn_down.weight", kWidth, kFeedForward);
  norm(b, "output_norm.weight");
  return b;
}

}  // namespace nalar::test
