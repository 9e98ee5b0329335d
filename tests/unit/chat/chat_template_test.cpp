#include <nalar/chat.h>
#include <nalar/error.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "support/catch.h"

namespace nalar {
namespace {

TEST_CASE("a template renders messages") {
  const ChatTemplate chatml(
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
      "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
      Json());
  const std::vector<ChatMessage> messages = {{"user", "Hi"}};
  CHECK(chatml.render(messages, {}).text() ==
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  RenderOptions options;
  options.add_generation_prompt = false;
  CHECK(chatml.render(messages, options).text() == "<|im_start|>user\nHi<|im_end|>\n");
}

TEST_CASE("variables of the constructor and of the call") {
  const ChatTemplate t("{{ bos_token }}{{ x }}{{ tools is none }}{{ documents is defined }}",
                       Json::Object{{"bos_token", "<s>"}});
  RenderOptions options;
  options.variables = Json::Object{{"x", 3}};
  CHECK(t.render(std::vector<ChatMessage>{}, options).text() == "<s>3TrueTrue");
  options.variables = Json::Object{{"bos_token", "<t>"}};
  CHECK(t.render(std::vector<ChatMessage>{}, options).text() == "<t>TrueTrue");
}

TEST_CASE("source and hash of a template") {
  const ChatTemplate t("abc\r\n", Json());
  CHECK(t.source() == "abc\r\n");
  CHECK(ChatTemplate("abc", Json()).hash() ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("the clock of templates can be set") {
  setenv("SOURCE_DATE_EPOCH", "0", 1);
  CHECK(ChatTemplate("{{ strftime_now('%d %b %Y %f%z') }}", Json()).render(Json::Object{}).text() ==
        "01 Jan 1970 000000");
  unsetenv("SOURCE_DATE_EPOCH");
  CHECK(ChatTemplate("{{ strftime_now('%Y') > '2024' }}", Json()).render(Json::Object{}).text() ==
        "True");
}

TEST_CASE("the clock of one template stands where it is told to") {
  ChatTemplate t("{{ strftime_now('%d %b %Y %H:%M') }}", Json());
  t.set_clock(int64_t{365} * 24 * 3600 + 60);
  setenv("SOURCE_DATE_EPOCH", "0", 1);
  CHECK(t.render(Json::Object{}).text() == "01 Jan 1971 00:01");
  unsetenv("SOURCE_DATE_EPOCH");
  CHECK(t.render(Json::Object{}).text() == "01 Jan 1971 00:01");
}

TEST_CASE("bytes that are no UTF-8 are replaced") {
  const ChatTemplate t("{{ x }}{{ x|length }}", Json());
  CHECK(t.render(Json::Object{{"x", "a\xFF"}}).text() ==
        "a\xEF\xBF\xBD"
        "2");
}

TEST_CASE("one template renders in several threads") {
  const ChatTemplate t("{% for x in l %}{{ x|upper ~ 'é'|capitalize }}{% endfor %}", Json());
  const Json data = Json::Object{{"l", Json::Array{"a", "b", "c"}}};
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (size_t i = 0; i < right.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 100; ++k) right[i] += t.render(data).text() == "AÉBÉCÉ" ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>(4, 100));
}

}  // namespace
}  // namespace nalar
