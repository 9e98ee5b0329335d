#include <nalar/chat.h>

namespace nalar {

std::vector<TokenId> encode_prompt(const Prompt& prompt, const Tokenizer& tokenizer) {
  std::vector<TextRange> written;
  size_t begin = 0;
  for (const PromptSpan& span : prompt.spans) {
    const size_t end = begin + span.text.size();
    if (span.from_template && end > begin) {
      if (!written.empty() && written.back().end == begin) {
        written.back().end = end;
      } else {
        written.push_back({begin, end});
      }
    }
    begin = end;
  }
  EncodeOptions options;
  options.parse_special = true;
  options.special_ranges = written;
  return tokenizer.encode(prompt.text(), options);
}

}  // namespace nalar
