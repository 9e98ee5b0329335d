#include <nalar/tokenizer.h>

#include <algorithm>

#include "fuzz/fuzz.h"
#include "tokenizer/hf_tokenizer.h"

namespace nalar::fuzz {

// A tokenizer.json: read, then used on a few texts, one of them the end of the input itself.
void one(std::string_view input) {
  const tokenizer::PipelineTokenizer pipeline(tokenizer::hf_pipeline(input, {}));
  const Tokenizer& t = pipeline;
  for (const std::string_view text :
       {std::string_view("Hello  world's 42 caf\u00e9 e\u0301\n\n\t<s>x<user>"),
        std::string_view("\xff\xc3 \u4e2d\u6587\U0001F600"),
        input.substr(input.size() - std::min<size_t>(input.size(), 256))}) {
    EncodeOptions options;
    options.add_special = options.parse_special = true;
    const auto ids = t.encode(text, options);
    t.decode(ids, true);
    for (const TokenId id : ids) t.token_bytes(id);
  }
}

}  // namespace nalar::fuzz
