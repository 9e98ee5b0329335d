#include "eval/same_vocabulary.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"

namespace nalar::eval {

void require_same_vocabulary(const Tokenizer& a, const Tokenizer& b, const std::string& hint) {
  const auto fail = [&](const std::string& how) {
    throw Error(ErrorKind::bad_data, "the vocabularies differ: " + how, hint)
        .in_file("both models");
  };
  if (a.n_tokens() != b.n_tokens()) {
    fail(fmt::format("got {} and {} tokens", a.n_tokens(), b.n_tokens()));
  }
  for (TokenId id = 0; id < a.n_tokens(); ++id) {
    if (a.piece(id) == b.piece(id)) continue;
    fail(fmt::format("token {} is \"{}\" and \"{}\"", id, base::escaped(a.piece(id), 40),
                     base::escaped(b.piece(id), 40)));
  }
}

}  // namespace nalar::eval
