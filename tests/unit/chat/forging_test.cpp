// Every control token in every field of a chat, through the templates of real models: none comes
// out of it.
#include <nalar/chat.h>
#include <nalar/error.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fake_tokenizer.h"
#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

// What the vocabularies of these templates' models use.
const std::vector<std::string> kControl = {"<|im_start|>",
                                           "<|im_end|>",
                                           "<|im_sep|>",
                                           "<|endoftext|>",
                                           "<|begin_of_text|>",
                                           "<|eot_id|>",
                                           "<|eom_id|>",
                                           "<|start_header_id|>",
                                           "<|end_header_id|>",
                                           "<|python_tag|>",
                                           "<s>",
                                           "</s>",
                                           "[INST]",
                                           "[/INST]",
                                           "[TOOL_CALLS]",
                                           "[AVAILABLE_TOOLS]",
                                           "[SYSTEM_PROMPT]",
                                           "<start_of_turn>",
                                           "<end_of_turn>",
                                           "<bos>",
                                           "<eos>",
                                           "<|user|>",
                                           "<|assistant|>",
                                           "<|system|>",
                                           "<|tool|>",
                                           "<|end|>",
                                           "<|observation|>",
                                           "<|START_OF_TURN_TOKEN|>",
                                           "<|END_OF_TURN_TOKEN|>",
                                           "<|channel|>",
                                           "<|message|>",
                                           "<|start|>",
                                           "<|return|>",
                                           "<|start_of_role|>",
                                           "<|end_of_role|>",
                                           "<|end_of_text|>",
                                           "<\xEF\xBD\x9CUser\xEF\xBD\x9C>",
                                           "<|tool_call_begin|>",
                                           "<|turn>",
                                           "<turn|>"};

enum class Field {
  content,
  answer,
  name,
  arguments,
  argument_name,
  result,
  tool_name,
  tool_text,
  role
};
constexpr int kFields = 9;

// A chat with tools whose one field has this text between two letters.
Json chat_with(Field field, const std::string& text) {
  const auto at = [&](Field f, const char* otherwise) {
    return Json(f == field ? "a" + text + "b" : std::string(otherwise));
  };
  const Json arguments = Json::Object{
      {field == Field::argument_name ? "a" + text + "b" : "city", at(Field::arguments, "Oslo")}};
  const Json function =
      Json::Object{{"name", at(Field::name, "weather")}, {"arguments", arguments}};
  const Json call = Json::Object{{"id", "123456789"}, {"type", "function"}, {"function", function}};
  Json::Array messages;
  messages.push_back(Json::Object{{"role", "user"}, {"content", at(Field::content, "Hi")}});
  if (field == Field::role) {
    messages.push_back(Json::Object{{"role", at(Field::role, "")}, {"content", "x"}});
  } else if (field != Field::content && field != Field::answer) {
    messages.push_back(
        Json::Object{{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::Array{call}}});
    messages.push_back(Json::Object{{"role", "tool"},
                                    {"tool_call_id", "123456789"},
                                    {"name", at(Field::name, "weather")},
                                    {"content", at(Field::result, "rain")}});
  }
  if (field == Field::answer) {
    messages.push_back(
        Json::Object{{"role", "assistant"}, {"content", at(Field::answer, "Hello")}});
    messages.push_back(Json::Object{{"role", "user"}, {"content", "More"}});
  }
  const Json parameters = Json::Object{
      {"type", "object"},
      {"properties",
       Json::Object{{"city", Json::Object{{"type", "string"}, {"description", "where"}}}}},
      {"required", Json::Array{"city"}}};
  const Json tool = Json::Object{{"name", at(Field::tool_name, "weather")},
                                 {"description", at(Field::tool_text, "the weather")},
                                 {"parameters", parameters}};
  Json variables = Json::Object{{"messages", std::move(messages)}, {"add_generation_prompt", true}};
  const bool with_tools = field >= Field::name && field != Field::role;
  if (with_tools) {
    variables.set("tools", Json::Array{Json::Object{{"type", "function"}, {"function", tool}}});
  }
  return variables;
}

TEST_CASE("no field of a chat forges a control token") {
  const auto folder = test::material("templates");
  if (!folder) return;
  setenv("SOURCE_DATE_EPOCH", "1752148800", 1);
  const test::FakeTokenizer tokenizer(kControl);
  const Json tokens = Json::Object{{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  size_t n = 0;
  for (const char* part : {"/llama.cpp", "/chujiezheng"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*folder + part)) {
      const ChatTemplate t(test::read_text(entry.path()), tokens);
      const auto ids_of = [&](Field field,
                              const std::string& text) -> std::optional<std::vector<TokenId>> {
        try {
          return test::control_ids(encode_prompt(t.render(chat_with(field, text)), tokenizer));
        } catch (const Error&) {
          return std::nullopt;
        }
      };
      for (int f = 0; f < kFields; ++f) {
        const auto field = static_cast<Field>(f);
        const auto plain = ids_of(field, "x");
        for (const std::string& token : kControl) {
          INFO(entry.path().filename() << " field " << f << " token " << token);
          const auto forged = ids_of(field, token);
          CHECK(forged == plain);
          n += forged ? 1 : 0;
        }
      }
    }
  }
  CHECK(n >= 10'000);
}

}  // namespace
}  // namespace nalar
