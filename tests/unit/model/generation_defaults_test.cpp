#include "model/generation_defaults.h"

#include "support/catch.h"
#include "support/error_of.h"

using namespace nalar;

namespace {

GenerationDefaults read_generation_config(std::string_view text) {
  return model::read_generation_config(text, 151936);
}

}  // namespace

TEST_CASE("generation_config.json of real models") {
  const GenerationDefaults qwen = read_generation_config(R"({"bos_token_id": 151643,
    "pad_token_id": 151643, "do_sample": true, "eos_token_id": [151645, 151643],
    "repetition_penalty": 1.05, "temperature": 0.7, "top_p": 0.8, "top_k": 20,
    "transformers_version": "4.37.0"})");
  CHECK(qwen.temperature == 0.7f);
  CHECK(qwen.top_k == 20);
  CHECK(qwen.top_p == 0.8f);
  CHECK_FALSE(qwen.min_p);
  CHECK(qwen.repeat_penalty == 1.05f);
  CHECK(qwen.do_sample == true);
  CHECK(qwen.eos_ids == std::vector<int32_t>{151645, 151643});
  CHECK(qwen.source == "generation_config.json");

  const GenerationDefaults llama = read_generation_config(
      R"({"_from_model_config": true, "bos_token_id": 1, "eos_token_id": 2, "max_length": 4096,
          "temperature": null})");
  CHECK(llama.eos_ids == std::vector<int32_t>{2});
  CHECK_FALSE(llama.temperature);
  CHECK_FALSE(llama.do_sample);
}

TEST_CASE("values out of range are named") {
  const auto failure = [](std::string_view text) {
    return test::error_of([&] { read_generation_config(text); });
  };
  CHECK(failure(R"({"temperature": -0.1})") ==
        "key temperature: got -0.1, need a number in 0..1000000");
  CHECK(failure(R"({"top_p": 1.5})") == "key top_p: got 1.5, need a number in 0..1");
  CHECK(failure(R"({"top_k": 1.5})").find("key top_k: got 1.5, need an integer") == 0);
  CHECK(failure(R"({"do_sample": "yes"})") == "key do_sample: got \"yes\", need true or false");
  CHECK(failure(R"({"eos_token_id": [1, -1]})").find("key eos_token_id: got -1") == 0);
  CHECK(failure(R"({"eos_token_id": 151936})") ==
        "key eos_token_id: got 151936, need an integer in 0..151935");
  CHECK(failure("[]") == "got array, need an object");
  CHECK(failure(R"({"repetition_penalty": 0})").find("key repetition_penalty: got 0") == 0);
}
