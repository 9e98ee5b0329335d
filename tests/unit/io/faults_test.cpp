#include <nalar/error.h>

#include <functional>

#include "io/open_model_files.h"
#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/fault_file_system.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

namespace nalar::io {
namespace {

// Fails the first call, the second, … until none is left to fail; how many there were.
int fail_each(const std::function<void(FileSystem&)>& work, bool for_good) {
  for (int n = 1;; ++n) {
    test::NthCallFails fault(n, for_good);
    test::HookedFileSystem fs(file_system(), std::ref(fault));
    try {
      work(fs);
      CHECK_FALSE(fault.failed());
    } catch (const Error& e) {
      CHECK(fault.failed());
      CHECK(e.kind() == ErrorKind::io);
      CHECK_THAT(e.what(), Catch::EndsWith(": injected"));
    }
    if (!fault.failed()) return n - 1;
  }
}

}  // namespace

TEST_CASE("whichever call of opening fails, its error comes through") {
  const std::string folder = test::temporary_folder();
  for (int i = 0; i < 2; ++i) {
    test::GgufBuilder part;
    part.number<uint16_t>("split.no", static_cast<uint16_t>(i)).number<uint16_t>("split.count", 2);
    part.tensor("t" + std::to_string(i), {4}, test::some_floats(4));
    test::write_text(folder + "/m-0000" + std::to_string(i + 1) + "-of-00002.gguf", part.bytes());
  }
  test::write_text(folder + "/hf/a.safetensors", test::small_safetensors().bytes());
  test::write_text(folder + "/hf/config.json", "{}");
  test::write_text(folder + "/hf/model.safetensors.index.json",
                   R"({"weight_map":{"matrix":"a.safetensors"}})");
  for (const bool for_good : {false, true}) {
    CHECK(fail_each(
              [&](FileSystem& fs) {
                const std::string first = folder + "/m-00001-of-00002.gguf";
                const auto files = open_model_files(fs, first, {});
                CHECK(files->tensors()->tensors().size() == 2);
              },
              for_good) >= 6);
    CHECK(fail_each(
              [&](FileSystem& fs) {
                const auto files = open_model_files(fs, folder + "/hf", {});
                const auto config = files->file("config.json");
                const auto tokenizer = files->file("tokenizer.json");
                CHECK(config == "{}");
                CHECK_FALSE(tokenizer);
              },
              for_good) >= 6);
  }
}

}  // namespace nalar::io
