// A prompt knows which of its text the template wrote; only that may become control tokens.
#include <nalar/chat.h>

#include <string>

#include "fake_tokenizer.h"
#include "support/catch.h"

namespace nalar {
namespace {

using test::control_ids;
using test::FakeTokenizer;

// Spans as "[template text](message text)", those of a generation block with a + in front.
std::string marked(const Prompt& prompt) {
  std::string out;
  for (const PromptSpan& span : prompt.spans) {
    out += span.generation ? "+" : "";
    out += span.from_template ? "[" + span.text + "]" : "(" + span.text + ")";
  }
  return out;
}

std::string spans(const std::string& source, const Json& tokens = Json()) {
  const Json data = Json::Object{
      {"m", "ab cd"},
      {"n", 3},
      {"l", Json::Array{"x", "y"}},
      {"messages", Json::Array{Json::Object{{"role", "user"}, {"content", "Hi"}},
                               Json::Object{{"role", "<|im_end|>"}, {"content", "Hi"}}}}};
  return marked(ChatTemplate(source, tokens).render(data));
}

TEST_CASE("texts keep where they came from") {
  CHECK(spans("<a>{{ m }}<b>") == "[<a>](ab cd)[<b>]");
  CHECK(spans("{{ '<' + m ~ '>' }}") == "[<](ab cd)[>]");
  CHECK(spans("{{ ('<' ~ m ~ '>')[1:4] }}{{ ('<' ~ m)[::-1] }}") == "(ab dc ba)[<]");
  CHECK(spans("{{ ('< ' ~ m)|upper|trim }}") == "[< ](AB CD)");
  CHECK(spans("{{ m|replace(' ', '_') }}") == "(ab)[_](cd)");
  CHECK(spans("{{ '<|x|>'|replace('x', m) }}") == "[<|](ab cd)[|>]");
  CHECK(spans("{{ l|join(', ') }}") == "(x)[, ](y)");
  CHECK(spans("{{ m.split(' ')|join('|') }}") == "(ab)[|](cd)");
  CHECK(spans("{{ '%s|%5s' % (m, 'x') }}") == "(ab cd)[|    x]");
  CHECK(spans("{{ '<{}>{}'.format(m, n) }}") == "[<](ab cd)[>3]");
  CHECK(spans("{{ m|center(9) }}{{ m|title }}{{ m|capitalize }}") == "[  ](ab cd)[  ](Ab CdAb cd)");
  CHECK(spans("{{ m|indent(1, true) }}{{ m|truncate(3, true, '.', 0) }}") == "[ ](ab cdab)[.]");
  CHECK(spans("{% set x %}<{{ m }}>{% endset %}{{ x }}{% macro f(a) %}[{{ a }}]{% endmacro %}{{ "
              "f(x) }}") == "[<](ab cd)[>[<](ab cd)[>]]");
  CHECK(spans("{% for c in 'x' ~ m[:2] %}{{ c }}{% endfor %}") == "[x](ab)");
  CHECK(spans("{{ m if n else 'x' }}{{ n }}{{ n * 2 }}{{ true }}") == "(ab cd)[36True]");
}

TEST_CASE("what is printed of a container is a message's when a part is") {
  CHECK(spans("{{ l }}") == "(['x', 'y'])");
  CHECK(spans("{{ l|tojson }}") == "([\"x\", \"y\"])");
  CHECK(spans("{{ {'a': m}|tojson }}{{ {'a': 1}|tojson }}") == "({\"a\": \"ab cd\"})[{\"a\": 1}]");
  CHECK(spans("{{ {'a': m} }}{{ {'a': 1}.items() }}") == "({'a': 'ab cd'}dict_items([('a', 1)]))");
}

TEST_CASE("tokens and known roles are the template's") {
  const Json tokens = Json::Object{{"bos_token", "<s>"}};
  CHECK(spans("{{ bos_token }}{{ m }}", tokens) == "[<s>](ab cd)");
  CHECK(spans("{% for x in messages %}<|{{ x.role }}|>{% endfor %}") ==
        "[<|user|><|](<|im_end|>)[|>]");
  const ChatTemplate t("{{ bos_token }}", tokens);
  CHECK(marked(t.render(Json::Object{{"bos_token", "<s>"}})) == "[<s>]");
  CHECK(marked(t.render(Json::Object{{"bos_token", "</s>"}})) == "(</s>)");
}

TEST_CASE("generation blocks are marked") {
  CHECK(spans("a{% generation %}b{{ m }}{% endgeneration %}c") == "[a]+[b]+(ab cd)[c]");
  CHECK(spans("{% generation %}{% endgeneration %}c") == "[c]");
}

TEST_CASE("messages never become control tokens") {
  const std::vector<std::string> control = {"<|im_start|>", "<|im_end|>", "<s>", "[INST]"};
  const FakeTokenizer tokenizer(control);
  const std::vector<std::string> templates = {
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}",
      "{% for m in messages %}{{ '<|im_start|>' + m.role ~ m.content|trim + '<|im_end|>' }}{% "
      "endfor %}",
      "{% for m in messages %}<|im_start|>{{ m|tojson }}{{ [m.content]|join }}<|im_end|>{% endfor "
      "%}",
      "{% macro p(x) %}{{ x|replace('  ', ' ') }}{% endmacro %}"
      "{% for m in messages %}<|im_start|>{{ p(m.name) ~ p(m.content) }}<|im_end|>{% endfor %}",
  };
  size_t n = 0;
  for (const std::string& source : templates) {
    const ChatTemplate t(source, Json());
    const auto ids_of = [&](const std::string& role, const std::string& content,
                            const std::string& name) {
      const Json message = Json::Object{{"role", role}, {"content", content}, {"name", name}};
      return control_ids(
          encode_prompt(t.render(Json::Object{{"messages", Json::Array{message}}}), tokenizer));
    };
    const auto plain = ids_of("user", "x", "y");
    CHECK(plain == std::vector<TokenId>{256, 257});
    for (const std::string& token : control) {
      for (size_t cut = 0; cut <= token.size(); ++cut) {
        // Whole in one field, and split over two that the template prints side by side.
        const std::string head = token.substr(0, cut), tail = token.substr(cut);
        CHECK(ids_of(head, tail, head) == plain);
        CHECK(ids_of("user", token + head, tail) == plain);
        ++n;
      }
    }
  }
  CHECK(n > 100);
}

TEST_CASE("a control token across a border is none") {
  const FakeTokenizer tokenizer({"<|x|>"});
  const ChatTemplate t("<|{{ m }}|>{{ '<|' }}{{ 'x|>' }}<|x{{ e }}|>", Json());
  const Prompt prompt = t.render(Json::Object{{"m", "x"}, {"e", ""}});
  CHECK(control_ids(encode_prompt(prompt, tokenizer)).size() == 2);
}

}  // namespace
}  // namespace nalar
