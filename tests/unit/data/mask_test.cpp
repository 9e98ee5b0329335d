// What of a chat is learned: through templates written here, and those of real models where the test
// material is there.
#include <nalar/error.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "byte_tokenizer.h"
#include "data/encode_row.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"

namespace nalar::data {
namespace {

using test::ByteTokenizer;

const std::vector<std::string> kControl = {"</s>",
                                           "<s>",
                                           "<|im_start|>",
                                           "<|im_end|>",
                                           "<|im_sep|>",
                                           "<|im_middle|>",
                                           "<|im_user|>",
                                           "<|im_assistant|>",
                                           "<|im_system|>",
                                           "<|endoftext|>",
                                           "<|begin_of_text|>",
                                           "<|eot_id|>",
                                           "<|eom_id|>",
                                           "<|start_header_id|>",
                                           "<|end_header_id|>",
                                           "[INST]",
                                           "[/INST]",
                                           "<start_of_turn>",
                                           "<end_of_turn>",
                                           "<|end_of_turn|>",
                                           "<|turn>",
                                           "<turn|>",
                                           "<bos>",
                                           "<eos>",
                                           "<|user|>",
                                           "<|assistant|>",
                                           "<|system|>",
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
                                           "<\xEF\xBD\x9C" "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
                                           "<|message_sep|>",
                                           "<|assistant_end|>",
                                           "<seed:eos>",
                                           "<sep>"};

Conversation chat_of(const std::vector<std::pair<std::string, std::string>>& turns) {
  Json::Array messages;
  for (const auto& [role, content] : turns) {
    messages.push_back(Json::Object{{"role", role}, {"content", content}});
  }
  return read_messages(std::move(messages), nullptr);
}

// The text of the learned tokens, runs apart by '|'.
std::string learned_text(const Example& example, const Tokenizer& tokenizer) {
  std::string text;
  bool inside = false;
  for (size_t i = 0; i < example.ids.size(); ++i) {
    if (example.learned[i] != 0) {
      if (!inside && !text.empty()) text += "|";
      text += tokenizer.piece(example.ids[i]);
    }
    inside = example.learned[i] != 0;
  }
  return text;
}

std::string learned_of(const std::string& source, const Conversation& conversation,
                       Learn learn = Learn::assistant) {
  static const ByteTokenizer tokenizer(kControl);
  const ChatTemplate chat(source, Json::Object{{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  try {
    return learned_text(encode_chat(conversation, {tokenizer, &chat, learn}), tokenizer);
  } catch (const Error& e) {
    return std::string("error: ") + e.what();
  }
}

const Conversation& two_turns() {
  static const Conversation chat = chat_of({{"user", "Question one?"},
                                            {"assistant", "Answer one."},
                                            {"user", "Question two?"},
                                            {"assistant", "Answer two."}});
  return chat;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    const bool border = at == text.size() || (text[at] == '|' && text.substr(at, 2) != "|>" && (at == 0 || text[at - 1] != '<') && text.substr(at + 1, 8) != "\xEF");
    if (!border) continue;
    parts.push_back(text.substr(begin, at - begin));
    begin = at + 1;
  }
  return parts;
}

TEST_CASE("EXPLORE2") {
  setenv("SOURCE_DATE_EPOCH", "1752148800", 1);
  const auto folder = test::material("templates");
  if (!folder) return;
  Json::Array ms;
  ms.push_back(Json::Object{{"role", "user"}, {"content", "Question one?"}});
  ms.push_back(Json::Object{{"role", "assistant"}, {"content", ""}, {"tool_calls", parse_json(R"([{"id":"123456789","type":"function","function":{"name":"weather","arguments":{"city":"Oslo"}}}])")}});
  ms.push_back(Json::Object{{"role", "tool"}, {"content", "Cold"}, {"tool_call_id", "123456789"}, {"name", "weather"}});
  ms.push_back(Json::Object{{"role", "assistant"}, {"content", "Answer two."}});
  const Json tools = parse_json(R"([{"type":"function","function":{"name":"weather","description":"w","parameters":{"type":"object","properties":{"city":{"type":"string","description":"c"}},"required":["city"]}}}])");
  const Conversation c = read_messages(ms, &tools);
  const Conversation think = chat_of({{"user", "Question one?"}, {"assistant", "<think>\nhm one\n</think>\n\nAnswer one."},
                                      {"user", "Question two?"}, {"assistant", "<think>\nhm two\n</think>\n\nAnswer two."}});
  for (const char* part : {"/llama.cpp", "/chujiezheng"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*folder + part)) {
      const std::string source = test::read_text(entry.path());
      std::cout << entry.path().filename().string() << "\n  2 " << learned_of(source, two_turns()) << "\n  T "
                << learned_of(source, c) << "\n  R " << learned_of(source, think) << "\n";
    }
  }
}

}  // namespace
}  // namespace nalar::data
