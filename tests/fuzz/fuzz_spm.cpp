#include <nalar/tokenizer.h>

#include "fuzz/fuzz.h"
#include "tokenizer/sentencepiece_tokenizer.h"

namespace nalar::fuzz {

// A SentencePiece model: our reader, and the library behind it with what the reader lets through.
// The model's own bytes are one of the texts: its pieces match there.
void one(std::string_view input) {
  const tokenizer::PipelineTokenizer pipeline(tokenizer::sentencepiece_pipeline(input, {}));
  const Tokenizer& t = pipeline;
  for (const std::string_view text :
       {std::string_view(
            " Hello  world's 42 caf\u00e9 e\u0301\n\t<s>\u2581\u2581\u4e2d\U0001F600\xff"),
        input.substr(0, 512)}) {
    EncodeOptions options;
    options.add_special = options.parse_special = true;
    const auto ids = t.encode(text, options);
    t.decode(ids, true);
    for (const TokenId id : ids) t.token_bytes(id);
  }
}

}  // namespace nalar::fuzz
