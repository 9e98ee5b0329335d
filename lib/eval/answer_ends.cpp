#include "eval/answer_ends.h"

#include <nalar/generate.h>

namespace nalar::eval {

std::vector<TokenId> answer_ends(const Subject& subject) {
  return end_tokens(*subject.tokenizer, subject.engine->config(),
                    subject.sequence.adapted ? subject.adapters : std::vector<AdapterUse>());
}

}  // namespace nalar::eval
