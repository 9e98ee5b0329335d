#include "eval/same_vocabulary.h"

#include <fmt/format.h>
#include <nalar/error.h>

namespace nalar::eval {

void require_same_vocabulary(const Tokenizer& a, const Tokenizer& b, std::string_view option) {
  if (a.n_tokens() != b.n_tokens()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: the vocabularies differ: got {} and {} tokens", option,
                            a.n_tokens(), b.n_tokens()));
  }
  for (TokenId id = 0; id < a.n_tokens(); ++id) {
    if (a.piece(id) != b.piece(id)) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("{}: the vocabularies differ (token {})", option, id));
    }
  }
}

}  // namespace nalar::eval
