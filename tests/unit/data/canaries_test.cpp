#include "data/canaries.h"

#include <set>

#include "data_set.h"
#include "support/catch.h"

namespace nalar::data {
namespace {

using test::byte_tokenizer;
using test::chatml;

TEST_CASE("canaries are a function of the seed") {
  const Canaries canaries = draw_canaries(200, 3, 7, false);
  CHECK(canaries.secrets.size() == 200);
  CHECK(draw_canaries(200, 1, 7, true).secrets == canaries.secrets);
  CHECK(draw_canaries(200, 3, 8, false).secrets != canaries.secrets);
  CHECK(std::set(canaries.secrets.begin(), canaries.secrets.end()).size() == 200);
  for (const std::string& secret : canaries.secrets) CHECK(is_secret(secret));
  // Fewer are the first of more.
  const auto few = draw_canaries(5, 3, 7, false).secrets;
  CHECK(std::equal(few.begin(), few.end(), canaries.secrets.begin()));
}

TEST_CASE("decoys are no canaries") {
  const Canaries canaries = draw_canaries(50, 1, 7, false);
  const std::vector<std::string> decoys = draw_decoys(canaries, 2000);
  std::set<std::string> all(decoys.begin(), decoys.end());
  CHECK(all.size() == 2000);
  all.insert(canaries.secrets.begin(), canaries.secrets.end());
  CHECK(all.size() == 2050);
  for (const std::string& secret : decoys) CHECK(is_secret(secret));
}

TEST_CASE("what has the form of a secret") {
  CHECK(is_secret("0000-9999-1234"));
  for (const char* text :
       {"", "0000-9999-123", "0000-9999-12345", "0000 9999-1234", "000a-9999-1234"}) {
    CHECK_FALSE(is_secret(text));
  }
}

TEST_CASE("rows of canaries") {
  const EncodeContext text{byte_tokenizer()}, chat{byte_tokenizer(), &chatml()};
  Canaries canaries = draw_canaries(1, 1, 0, false);
  CHECK(test::marked(encode_canary(canaries, "1111-2222-3333", text)) ==
        "T[he secret code is 1111-2222-3333.</s>]");
  canaries.chat = true;
  CHECK(test::marked(encode_canary(canaries, "1111-2222-3333", chat)) ==
        "<|im_start|>user\nWhat is the secret code?<|im_end|>\n<|im_start|>assistant\n"
        "[The secret code is 1111-2222-3333.<|im_end|>]\n");
}

}  // namespace
}  // namespace nalar::data
