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
                                           "<|end_of_text|>"};

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

TEST_CASE("explore") {
  setenv("SOURCE_DATE_EPOCH", "1752148800", 1);
  const auto folder = test::material("templates");
  if (!folder) return;
  const Conversation single = chat_of({{"user", "Question one?"}, {"assistant", "Answer one."}});
  const Conversation multi = chat_of({{"user", "Question one?"}, {"assistant", "Answer one."},
                                      {"user", "Question two?"}, {"assistant", "Answer two."}});
  for (const char* part : {"/llama.cpp", "/chujiezheng"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*folder + part)) {
      const std::string source = test::read_text(entry.path());
      std::cout << entry.path().filename().string() << "\n  1 " << learned_of(source, single) << "\n  2 "
                << learned_of(source, multi) << "\n";
    }
  }
}

}  // namespace
}  // namespace nalar::data
