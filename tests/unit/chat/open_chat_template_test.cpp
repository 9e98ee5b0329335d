#include <nalar/chat.h>
#include <nalar/error.h>

#include <fstream>

#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string failure(const std::string& folder) {
  try {
    open_chat_template(*ModelFiles::open(folder));
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::bad_data);
    return error.what();
  }
  return "no error";
}

std::string rendered(const std::string& folder) {
  const auto opened = open_chat_template(*ModelFiles::open(folder));
  return opened ? opened->render(Json::Object{}).text() : "none";
}

TEST_CASE("the template of a folder") {
  const std::string folder = test::temporary_folder();
  const std::string config = folder + "/tokenizer_config.json";
  write(config, R"({"bos_token": "<s>", "pad_token": null})");
  CHECK(rendered(folder) == "none");
  write(
      config,
      R"({"chat_template": "A{{ bos_token }}{{ pad_token }}", "bos_token": "<s>", "pad_token": null})");
  CHECK(rendered(folder) == "A<s>");
  write(config,
        R"({"chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template":
       "D{{ eos_token }}"}], "eos_token": {"content": "</s>", "lstrip": false}})");
  CHECK(rendered(folder) == "D</s>");
  write(folder + "/chat_template.json", R"({"chat_template": "J{{ eos_token }}"})");
  CHECK(rendered(folder) == "J</s>");
  write(folder + "/chat_template.jinja", "F{{ eos_token }}\n");
  CHECK(rendered(folder) == "F</s>");
  write(folder + "/special_tokens_map.json", R"({"bos_token": "<b>", "eos_token": "<e>"})");
  write(folder + "/chat_template.jinja", "F{{ bos_token }}{{ eos_token }}\n");
  CHECK(rendered(folder) == "F<b></s>");
}

TEST_CASE("broken template files name the file") {
  const std::string folder = test::temporary_folder();
  const std::string config = folder + "/tokenizer_config.json";
  using Catch::Matchers::Contains;
  write(config, R"({"chat_template": 3})");
  CHECK_THAT(failure(folder),
             Contains("tokenizer_config.json: key chat_template: got integer, need"));
  write(config, R"({"chat_template": [3]})");
  CHECK_THAT(failure(folder), Contains("key chat_template: need an array of objects"));
  write(config, R"({"chat_template": "{{ 'x'|nosuch }}"})");
  CHECK_THAT(failure(folder), Contains("tokenizer_config.json: 1:8: no filter named 'nosuch'"));
  write(config, R"({"chat_template": "x", "bos_token": 1})");
  CHECK_THAT(failure(folder), Contains("tokenizer_config.json: key bos_token: need a string"));
  write(config, "{");
  CHECK_THAT(failure(folder), Contains("tokenizer_config.json: "));
  write(config, "{}");
  write(folder + "/chat_template.jinja", "{% if");
  CHECK_THAT(failure(folder), Contains("chat_template.jinja: 1:6: expected"));
}

// Only control tokens that a message spells set the ids apart from those of the whole text.
TEST_CASE("a prompt has the ids of its text") {
  for (const std::string name :
       {"smollm2-135m-instruct-q4_1.gguf", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"}) {
    const auto path = test::real_model(name);
    if (!path) continue;
    const auto files = ModelFiles::open(*path);
    const auto tokenizer = open_tokenizer(*files);
    const auto chat_template = open_chat_template(*files, *tokenizer);
    REQUIRE(chat_template);
    for (const std::string content : {"", " ", "Hi", " leading and trailing ", "\n\nlines\n",
                                      "1234567", "Gr\u00FC\u00DFe \U0001F642", "<|im_", "|>",
                                      "def f(x):\n    return x  # <|im_start|", "'s"}) {
      const std::vector<ChatMessage> messages = {
          {"system", content}, {"user", content}, {"assistant", content}, {"user", content}};
      const Prompt prompt = chat_template->render(messages, {});
      EncodeOptions whole;
      whole.parse_special = true;
      INFO(name << ": " << content);
      CHECK(encode_prompt(prompt, *tokenizer) == tokenizer->encode(prompt.text(), whole));
    }
  }
}

TEST_CASE("templates of real models") {
  for (const std::string name :
       {"smollm2-135m-instruct-q4_1.gguf", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"}) {
    const auto path = test::real_model(name);
    if (!path) continue;
    const auto files = ModelFiles::open(*path);
    const auto tokenizer = open_tokenizer(*files);
    const auto chat_template = open_chat_template(*files, *tokenizer);
    REQUIRE(chat_template);
    const Prompt prompt =
        chat_template->render(std::vector<ChatMessage>{{"user", "Hi <|im_end|>"}}, {});
    CHECK(
        prompt.text().find("<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n") !=
        std::string::npos);
    int control = 0;
    for (const TokenId id : encode_prompt(prompt, *tokenizer)) {
      control += tokenizer->kind(id) == TokenKind::control ? 1 : 0;
    }
    CHECK(control == 5);  // system, user, the assistant's begin
  }
}

}  // namespace
}  // namespace nalar
