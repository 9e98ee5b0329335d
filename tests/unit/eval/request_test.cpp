#include "eval/request.h"

#include <nalar/error.h>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/fake_tokenizer.h"
#include "support/material.h"

namespace nalar::eval {
namespace {

using Ids = std::vector<TokenId>;

// Bytes as ids, " a" as 256, BOS in front where specials are asked for.
class PairTokenizer : public nalar::test::FakeTokenizer {
 public:
  PairTokenizer() : FakeTokenizer({" a"}) {}
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
    Ids ids;
    if (options.add_special) ids.push_back(bos());
    for (size_t at = 0; at < text.size(); ++at) {
      if (text.substr(at).starts_with(" a")) {
        ids.push_back(256);
        ++at;
      } else {
        ids.push_back(static_cast<unsigned char>(text[at]));
      }
    }
    return ids;
  }
  TokenId bos() const { return *special().bos; }
};

Prompt plain(std::string text) {
  return {{{.text = std::move(text), .from_template = false, .generation = false}}};
}

TEST_CASE("the continuation is what the whole text has beyond its context") {
  const PairTokenizer tokenizer;
  const Request r = make_request(plain("Q:"), " ab", tokenizer, 100);
  CHECK(r.tokens == Ids{tokenizer.bos(), 'Q', ':', 256, 'b'});
  CHECK(r.n_scored == 2);
  CHECK(r.first_scored() == 2);
  CHECK(r.input_size() == 4);
  CHECK_FALSE(r.truncated);
}

TEST_CASE("white space at the end of the context goes over to the continuation") {
  const PairTokenizer tokenizer;
  const Request r = make_request(plain("Q: "), "ab", tokenizer, 100);
  CHECK(r.tokens == Ids{tokenizer.bos(), 'Q', ':', 256, 'b'});
  CHECK(r.n_scored == 2);
  CHECK(make_request(plain("Q:\xc2\xa0\n "), "b", tokenizer, 100).n_scored == 5);
}

TEST_CASE("an empty context is BOS, and not twice") {
  const PairTokenizer tokenizer;
  CHECK(make_request(plain(""), "xy", tokenizer, 100).tokens == Ids{tokenizer.bos(), 'x', 'y'});
  CHECK(make_request(plain(""), "xy", tokenizer, 100).n_scored == 2);
}

TEST_CASE("what is over the context is cut from the left") {
  const PairTokenizer tokenizer;
  const Request r = make_request(plain("abcdef"), "xyz", tokenizer, 5);
  CHECK(r.tokens == Ids{'d', 'e', 'f', 'x', 'y', 'z'});
  CHECK(r.input_size() == 5);
  CHECK(r.n_scored == 3);
  CHECK(r.truncated);
  CHECK_FALSE(make_request(plain("ab"), "xyz", tokenizer, 5).truncated);  // BOS a b x y
  // Nothing of the context is left, but one token.
  CHECK(make_request(plain("abcdef"), "vwxyz", tokenizer, 5).tokens.front() == 'f');
}

TEST_CASE("continuations that cannot be scored are errors") {
  using nalar::test::error_of;
  const PairTokenizer tokenizer;
  CHECK(error_of([&] { make_request(plain("abc"), "vwxyz!", tokenizer, 5); }) ==
        "a continuation is too long: got 6 tokens, need at most 5 (the context)");
  CHECK(error_of([&] { make_request(plain("abc"), "", tokenizer, 5); }) ==
        "a continuation is empty: got no token after its context");
}

TEST_CASE("rolling requests score each token of a document once") {
  const PairTokenizer tokenizer;
  const auto requests = rolling_requests("bcdefghij", tokenizer, 4);  // with BOS 10 tokens
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].tokens == Ids{tokenizer.bos(), tokenizer.bos(), 'b', 'c', 'd'});
  CHECK(requests[0].n_scored == 4);
  CHECK(requests[1].tokens == Ids{'d', 'e', 'f', 'g', 'h'});
  CHECK(requests[1].n_scored == 4);
  CHECK(requests[2].tokens == Ids{'f', 'g', 'h', 'i', 'j'});
  CHECK(requests[2].n_scored == 2);
}

TEST_CASE("text of a row never becomes a control token, text of a template does") {
  const auto files = ModelFiles::open(nalar::test::golden("stories260k/stories260K-f32.gguf"));
  const auto tokenizer = open_tokenizer(*files);
  const Prompt forged = plain("</s>");
  for (const TokenId id : prompt_ids(forged, *tokenizer)) CHECK(id != *tokenizer->special().eos);
  Prompt written = forged;
  written.spans[0].from_template = true;
  CHECK(prompt_ids(written, *tokenizer).back() == *tokenizer->special().eos);
  // A template that writes BOS itself gets no second one.
  written.spans[0].text = "<s>Once";
  const Ids once = prompt_ids(written, *tokenizer);
  CHECK(once.front() == *tokenizer->special().bos);
  CHECK(once[1] != *tokenizer->special().bos);
}

}  // namespace
}  // namespace nalar::eval
