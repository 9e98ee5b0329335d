#include "tokenizer/gguf_pre.h"

#include <algorithm>

// Names: llama.cpp's conversion scripts. Patterns: the tokenizer.json of the models they were made
// for.
namespace nalar::tokenizer {
namespace {

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define LINES R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"

constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kUpToThreeDigits = R"(\p{N}{1,3})";
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)" LINES;
constexpr std::string_view kQwen2 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)" LINES;
constexpr std::string_view kQwen35 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*)" LINES;
constexpr std::string_view kMiniCpm5 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*)" LINES;
constexpr std::string_view kSeedCoder =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+)" LINES;
constexpr std::string_view kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER R"(+|[^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER
    R"(*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" LINES;
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" CONTRACTIONS R"(?|[^\r\n\p{L}\p{N}]?)" UPPER
    "+" LOWER "*" CONTRACTIONS R"(?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*)" LINES;
constexpr std::string_view kDeepseek3Cjk = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+";
constexpr std::string_view kDeepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)" LINES;
constexpr std::string_view kNewline = "[\r\n]";
constexpr std::string_view kDeepseekCjk = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
constexpr std::string_view kBloom = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+";
constexpr std::string_view kPunctuation = R"([\p{P}\$\+<=>\^~\|`]+)";
constexpr std::string_view kThreeDigits = "[0-9][0-9][0-9]";

#undef CONTRACTIONS
#undef UPPER
#undef LOWER
#undef LINES

struct Named {
  std::vector<std::string_view> names;  // the first is the one to write
  GgufPre pre;
};

const std::vector<Named>& table() {
  static const std::vector<Named> all = {
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"},
       {{kLlama3}, true, true, false}},
      {{"dbrx", "smaug-bpe", "chatglm-bpe"}, {{kLlama3}, false, false, false}},
      {{"glm4", "glm5"}, {{kLlama3}, true, false, false}},
      {{"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"},
       {{kDigit, kGpt2}, false, false, false}},
      {{"command-r"}, {{kDigit, kGpt2}, false, false, true}},
      {{"gpt-2", "phi-2", "gigachat", "mellum", "a.x-4.0", "exaone4", "jais", "trillion",
        "granite-docling"},
       {{kGpt2}, false, false, false}},
      {{"olmo", "mpt", "modern-bert"}, {{kGpt2}, false, false, true}},
      {{"qwen2", "deepseek-r1-qwen", "megrez", "kormo", "f2llmv2"}, {{kQwen2}, false, false, true}},
      {{"stablelm2", "hunyuan", "solar-open", "grok-2"}, {{kQwen2}, false, false, false}},
      {{"qwen35"}, {{kQwen35}, false, false, true}},
      {{"minicpm5"}, {{kUpToThreeDigits, kMiniCpm5}, true, false, false}},
      {{"seed-coder"}, {{kSeedCoder}, false, false, false}},
      {{"bailingmoe", "bailingmoe2", "llada-moe"}, {{kBailing}, false, false, false}},
      {{"tekken"}, {{kTekken}, true, true, false}},
      {{"gpt-4o", "llama4", "kanana2", "minimax-m2"}, {{kGpt4o}, false, false, false}},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"},
       {{kUpToThreeDigits, kDeepseek3Cjk, kDeepseek3}, false, false, false}},
      {{"deepseek-coder"},
       {{kNewline, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepseekCjk, kDigit}, false, false, false}},
      {{"bloom", "gpt3-finnish", "poro-chat"}, {{kBloom}, false, false, false}},
      {{"viking"}, {{kBloom, kDigit}, false, false, false}},
      {{"falcon"}, {{kPunctuation, kGpt2, kThreeDigits}, false, false, false}},
      {{"default"}, {{kPunctuation, kGpt2, R"(\p{N}+)", kThreeDigits}, false, false, false}},
  };
  return all;
}

}  // namespace

const GgufPre* find_gguf_pre(std::string_view name) {
  for (const Named& entry : table()) {
    if (std::find(entry.names.begin(), entry.names.end(), name) != entry.names.end())
      return &entry.pre;
  }
  return nullptr;
}

std::string_view gpt2_pattern() { return kGpt2; }

std::string_view gguf_pre_name(const std::vector<std::string>& patterns, bool ignore_merges,
                               bool nfc) {
  for (const auto& [names, pre] : table()) {
    const bool same = pre.patterns.size() == patterns.size() &&
                      std::equal(patterns.begin(), patterns.end(), pre.patterns.begin());
    if (same && pre.ignore_merges == ignore_merges && pre.nfc == nfc) return names.front();
  }
  return "";
}

}  // namespace nalar::tokenizer
