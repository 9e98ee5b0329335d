#include "eval/weights_hash.h"

#include "base/digest.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

using namespace nalar;

TEST_CASE("A hash in pieces is the file's; that of several files is of the list of theirs") {
  const std::string folder = test::temporary_folder();
  const std::string texts[] = {std::string(1000, 'a'), "", std::string(300'000, 'b')};
  std::vector<std::string> paths;
  std::string list;
  for (const std::string& text : texts) {
    paths.push_back(folder + "/" + std::to_string(paths.size()));
    test::write_text(paths.back(), text);
    list += base::sha256_hex(text) + "\n";
    eval::WeightsHasher one({paths.back()});
    one.advance(7);
    CHECK(one.hex() == base::sha256_hex(text));
  }
  for (const uint64_t piece : {uint64_t{1}, uint64_t{999}, uint64_t{1} << 40}) {
    eval::WeightsHasher hasher(paths);
    for (int i = 0; i < 1200; ++i) hasher.advance(piece);
    CHECK(hasher.hex() == base::sha256_hex(list));
  }
  eval::WeightsHasher missing({folder + "/none"});
  CHECK(test::error_of([&] { missing.advance(1); }).starts_with(folder + "/none: "));
}
