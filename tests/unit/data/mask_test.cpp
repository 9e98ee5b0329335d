// What of a chat is learned: through templates written here, and those of real models where the
// test material is there.
#include <nalar/error.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "data/encode_row.h"
#include "support/byte_tokenizer.h"
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
                                           "<\xEF\xBD\x9C"
                                           "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
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

using Parts = std::vector<std::string>;

// The text of the learned tokens, a part for each run of them; or the error.
Parts learned_of(const ChatTemplate& chat, const Conversation& conversation,
                 Learn learn = Learn::assistant) {
  static const ByteTokenizer tokenizer(kControl);
  Parts parts;
  try {
    const Example example = encode_chat(conversation, {tokenizer, &chat, learn, nullptr});
    for (size_t i = 0; i < example.ids.size(); ++i) {
      if (example.learned[i] == 0) continue;
      if (i == 0 || example.learned[i - 1] == 0) parts.emplace_back();
      parts.back() += tokenizer.piece(example.ids[i]);
    }
  } catch (const Error& e) {
    parts = {std::string("error: ") + e.what()};
  }
  return parts;
}

Parts learned_of(const std::string& source, const Conversation& conversation,
                 Learn learn = Learn::assistant) {
  return learned_of(ChatTemplate(source, Json::Object{{"bos_token", "<s>"}, {"eos_token", "</s>"}}),
                    conversation, learn);
}

const Conversation& two_turns() {
  static const Conversation chat = chat_of({{"user", "Question one?"},
                                            {"assistant", "Answer one."},
                                            {"user", "Question two?"},
                                            {"assistant", "Answer two."}});
  return chat;
}

Conversation with_tools() {
  const Json rows = parse_json(R"({"messages": [
      {"role": "user", "content": "Question one?"},
      {"role": "assistant", "content": "", "tool_calls": [{"id": "123456789", "type": "function",
       "function": {"name": "weather", "arguments": {"city": "Oslo"}}}]},
      {"role": "tool", "tool_call_id": "123456789", "name": "weather", "content": "Cold"},
      {"role": "assistant", "content": "Answer two."}],
      "tools": [{"type": "function", "function": {"name": "weather", "description": "w", "parameters":
       {"type": "object", "properties": {"city": {"type": "string", "description": "c"}}, "required": ["city"]}}}]})");
  return read_messages(*rows.find("messages"), rows.find("tools"));
}

const std::string kTurns =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";
const std::string kNext = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

TEST_CASE("what is learned is each answer and its end token") {
  const Parts plain = {"Answer one.<|im_end|>", "Answer two.<|im_end|>"};
  CHECK(learned_of(kTurns + kNext, two_turns()) == plain);
  CHECK(learned_of(kTurns + kNext, two_turns(), Learn::last) == Parts{"Answer two.<|im_end|>"});
  // Without a generation prompt the model itself has to begin its turn.
  CHECK(learned_of(kTurns, two_turns()) == Parts{"<|im_start|>assistant\nAnswer one.<|im_end|>",
                                                 "<|im_start|>assistant\nAnswer two.<|im_end|>"});
  // The end token stands at the beginning of the next turn.
  CHECK(
      learned_of(
          "{% for m in messages %}{{ '</s>' if not loop.first }}<|user|>{{ m.content }}{% endfor %}"
          "{% if add_generation_prompt %}</s><|user|>{% endif %}",
          two_turns()) == Parts{"Answer one.</s>", "Answer two.</s>"});
  // None at all: EOS follows the last.
  CHECK(learned_of("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
                   "{% if add_generation_prompt %}assistant:{% endif %}",
                   two_turns()) == Parts{" Answer one.\n", " Answer two.\n</s>"});
  // An empty answer is its end token.
  CHECK(learned_of(kTurns + kNext, chat_of({{"user", "Q"}, {"assistant", ""}})) ==
        Parts{"<|im_end|>"});
  CHECK(learned_of(kTurns + kNext, chat_of({{"user", "Q"}})) == Parts{});
}

TEST_CASE("generation tags are honoured") {
  const auto tagged = [](const std::string& inside, const std::string& behind) {
    return "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% "
           "generation %}" +
           inside + "{% endgeneration %}" + behind +
           "{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}" + kNext;
  };
  const Parts plain = {"Answer one.<|im_end|>", "Answer two.<|im_end|>"};
  CHECK(learned_of(tagged("{{ m.content }}<|im_end|>", ""), two_turns()) == plain);
  CHECK(learned_of(tagged("{{ m.content }}", "<|im_end|>"), two_turns()) == plain);
  CHECK(learned_of(tagged("<x>{{ m.content }}<|im_end|>\n", ""), two_turns(), Learn::last) ==
        Parts{"<x>Answer two.<|im_end|>\n"});
  CHECK(
      learned_of("{% generation %}{{ messages[-1].content }}{% endgeneration %}", two_turns())[0] ==
      "error: the chat template's generation tags mark 1 turns of 2");
}

TEST_CASE("templates that rewrite earlier turns") {
  // As thinking templates do: only the last turn keeps what precedes </t>.
  const std::string strips =
      "{% for m in messages %}<|im_start|>{{ m.role }}\n"
      "{{ m.content if loop.last else m.content.split('</t>')[-1] }}<|im_end|>\n{% endfor %}" +
      kNext;
  const Conversation thinking = chat_of({{"user", "Question one?"},
                                         {"assistant", "why</t>Answer one."},
                                         {"user", "Question two?"},
                                         {"assistant", "how</t>Answer two."}});
  CHECK(learned_of(strips, thinking) ==
        Parts{"Answer one.<|im_end|>", "how</t>Answer two.<|im_end|>"});
  // The generation prompt opens what the template does not write into finished turns.
  CHECK(learned_of(kTurns + "{% if add_generation_prompt %}<|im_start|>assistant\n<t>{% endif %}",
                   two_turns()) == Parts{"Answer one.<|im_end|>", "Answer two.<|im_end|>"});
  // Two ends in the last turn, one in the others.
  CHECK(learned_of(kTurns + "{% if not add_generation_prompt %}</s>{% endif %}" + kNext,
                   two_turns()) == Parts{"Answer one.<|im_end|>", "Answer two.<|im_end|>\n</s>"});
}

TEST_CASE("templates that hide a turn are refused") {
  const auto refused = [](const std::string& source, const Conversation& chat) {
    const Parts parts = learned_of(source, chat);
    return parts.size() == 1 && parts[0].find("does not show messages[") != std::string::npos;
  };
  const std::string last = "<|im_start|>{{ messages[-1].content }}<|im_end|>" + kNext;
  CHECK(refused(last, two_turns()));
  CHECK(refused(last, chat_of({{"user", "Q"}, {"assistant", "A"}})));
  CHECK(
      refused("{% for m in messages %}{{ m.content|upper }}<|im_end|>{% endfor %}x"
              "{% if add_generation_prompt %}y{% endif %}",
              two_turns()));
  // Tool calls that are left out would teach to end at once.
  CHECK(refused(kTurns + kNext, with_tools()));
}

TEST_CASE("templates of real models") {
  setenv("SOURCE_DATE_EPOCH", "1752148800", 1);
  const auto folder = test::material("templates");
  if (!folder) return;
  const Json tokens = Json::Object{{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  // Whose tool_use or function lists a chat without tools does not have, and one that assigns to
  // what it must not.
  const std::set<std::string> refuse = {"CohereForAI-c4ai-command-r-plus-tool_use.jinja",
                                        "MiroThinker.jinja",
                                        "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja",
                                        "NousResearch-Hermes-3-Llama-3.1-8B-tool_use.jinja",
                                        "fireworks-ai-llama-3-firefunction-v2.jinja"};
  size_t n = 0, called = 0;
  for (const char* part : {"/llama.cpp", "/chujiezheng"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*folder + part)) {
      INFO(entry.path().filename());
      const ChatTemplate chat(test::read_text(entry.path()), tokens);
      const Parts parts = learned_of(chat, two_turns());
      if (refuse.count(entry.path().filename().string()) != 0) {
        CHECK_THAT(parts.at(0), Catch::StartsWith("error: chat template: "));
        continue;
      }
      REQUIRE(parts.size() == 2);
      CHECK(parts[0].find("Answer one.") != std::string::npos);
      CHECK(parts[1].find("Answer two.") != std::string::npos);
      for (const std::string& text : parts) CHECK(text.find("Question") == std::string::npos);
      CHECK(parts[1].ends_with('>'));
      ++n;
      // With tools: refused, or the call and the answer.
      const Parts tools = learned_of(chat, with_tools());
      if (tools.size() == 1) continue;
      ++called;
      REQUIRE(tools.size() == 2);
      CHECK(tools[0].find("weather") != std::string::npos);
      CHECK(tools[1].find("Answer two.") != std::string::npos);
      CHECK((tools[0] + tools[1]).find("Cold") == std::string::npos);
    }
  }
  CHECK(n >= 65);
  CHECK(called >= 25);
}

TEST_CASE("what real templates teach, exactly") {
  const auto folder = test::material("templates");
  if (!folder) return;
  const std::map<std::string, Parts> expected = {
      {"chujiezheng/chatml", {"Answer one.<|im_end|>", "Answer two.<|im_end|>"}},
      {"chujiezheng/llama-3-instruct", {"Answer one.<|eot_id|>", "Answer two.<|eot_id|>"}},
      {"chujiezheng/zephyr", {"Answer one.</s>", "Answer two.</s>"}},
      {"llama.cpp/google-gemma-2-2b-it", {"Answer one.<end_of_turn>", "Answer two.<end_of_turn>"}},
      {"llama.cpp/Qwen-Qwen2.5-7B-Instruct", {"Answer one.<|im_end|>", "Answer two.<|im_end|>"}},
      {"llama.cpp/HuggingFaceTB-SmolLM3-3B", {"Answer one.<|im_end|>", "Answer two.<|im_end|>"}},
      {"llama.cpp/mistralai-Mistral-Nemo-Instruct-2407", {"Answer one.</s>", "Answer two.</s>"}},
      {"llama.cpp/Qwen-Qwen3-0.6B",
       {"Answer one.<|im_end|>", "<think>\n\n</think>\n\nAnswer two.<|im_end|>"}},
      {"llama.cpp/openai-gpt-oss-120b",
       {"Answer one.<|end|>", "<|channel|>final<|message|>Answer two.<|return|>"}}};
  for (const auto& [name, parts] : expected) {
    INFO(name);
    CHECK(learned_of(test::read_text(*folder + "/" + name + ".jinja"), two_turns()) == parts);
  }
}

}  // namespace
}  // namespace nalar::data
