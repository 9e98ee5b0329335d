#include <nalar/finetune.h>

#include <filesystem>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar {

TEST_CASE("a result that no folder can hold is refused before the training") {
  const std::string folder = test::temporary_folder();
  test::GgufBuilder builder = test::tiny_llama();
  // No scaling that transformers knows has these factors.
  builder.tensor("rope_freqs.weight", {4}, test::bytes_of(std::vector<float>{2, 1, 3, 1}));
  test::write_text(folder + "/base.gguf", builder.bytes());
  test::write_text(folder + "/rows.jsonl", "{\"text\": \"hello\"}\n");
  FinetuneOptions options;
  options.method = Method::full;
  options.data.paths = {folder + "/rows.jsonl"};
  options.out = folder + "/out";
  const auto model = open_model(folder + "/base.gguf");
  const auto refused = [&](auto&& run) {
    CHECK(test::error_of(run).starts_with(folder + "/base.gguf: tensor rope_freqs.weight: "));
  };
  refused([&] { finetune(model, options, {}); });
  refused([&] { plan_finetune(model, options); });
  CHECK_FALSE(std::filesystem::exists(options.out));
}

}  // namespace nalar
