#include "data/encode_row.h"

#include "data/row.h"
#include "data/token_ranges.h"

namespace nalar::data {
namespace {

Example encode_tokens(const TokenRow& row, const EncodeContext& context) {
  for (const TokenId id : row.ids) {
    if (id < 0 || id >= context.tokenizer.n_tokens()) {
      bad_field("input_ids", fmt::format("id out of range: got {}, need 0 to {}", id,
                                         context.tokenizer.n_tokens() - 1));
    }
  }
  Example example;
  example.ids = row.ids;
  example.learned = row.learned;
  return example;
}

// Which of the ids of prompt and completion have a part in the completion.
std::vector<uint8_t> learned_completion(const Continuation& text, const std::vector<TokenId>& ids,
                                        const Tokenizer& tokenizer) {
  std::string prompt = text.prompt;
  std::string whole = prompt + text.completion;
  auto ranges = token_ranges(whole, ids, tokenizer);
  if (!ranges) {
    prompt = as_decoded(prompt, tokenizer);
    whole = prompt + as_decoded(text.completion, tokenizer);
    ranges = token_ranges(whole, ids, tokenizer);
  }
  if (!ranges) {
    bad_field("completion",
              "the tokenizer changes this text, so that it is unknown where it begins");
  }
  return learned_tokens(*ranges, std::vector<TextRange>{{prompt.size(), whole.size()}});
}

struct Encoder {
  const EncodeContext& context;

  Example operator()(const Conversation& conversation) const {
    return encode_chat(conversation, context);
  }
  Example operator()(const Continuation& text) const { return encode_text(text, context); }
  Example operator()(const TokenRow& row) const { return encode_tokens(row, context); }
};

}  // namespace

Example encode_text(const Continuation& text, const EncodeContext& context) {
  const Tokenizer& tokenizer = context.tokenizer;
  const EncodeOptions options{.add_special = true, .parse_special = true, .special_ranges = {}};
  const std::string whole = text.prompt + text.completion;
  Example example;
  example.ids = tokenizer.encode(whole, options);
  example.learned = text.prompt.empty() ? std::vector<uint8_t>(example.ids.size(), 1)
                                        : learned_completion(text, example.ids, tokenizer);
  const auto eos = tokenizer.special().eos;
  if (!eos) return example;
  if (example.ids.empty() || example.ids.back() != *eos) {
    example.ids.push_back(*eos);
    example.learned.push_back(1);
  }
  example.learned.back() = 1;
  return example;
}

Example encode_row(const ParsedRow& row, const EncodeContext& context) {
  Example example = std::visit(Encoder{context}, row.content);
  if (context.learn == Learn::all) example.learned.assign(example.ids.size(), 1);
  // Nothing predicts the first token.
  if (!example.learned.empty()) example.learned[0] = 0;
  return example;
}

}  // namespace nalar::data
