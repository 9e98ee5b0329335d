// Templates of real models, where the test material is there.
#include "support/material.h"

#include <nalar/chat.h>
#include <nalar/error.h>

#include <cstdlib>

#include "chat/interpreter.h"
#include "chat/lexer.h"
#include "chat/parser.h"
#include "chat/scope.h"
#include "chat/variables.h"
#include "support/catch.h"

namespace nalar {
namespace {

Json parse_large(const std::string& path) {
  JsonLimits limits;
  limits.max_bytes = size_t{256} << 20;
  return parse_json(test::read_text(path), limits);
}

// Rendering without trimming around tags, which only the small cases use.
std::string render_untrimmed(const std::string& source, const Json& data) {
  const std::string normalized = chat::normalize_source(source);
  const chat::ast::Template tree = [&] {
    auto parsed = chat::parse(normalized, 128, {.trim_blocks = false, .lstrip_blocks = false});
    chat::resolve(parsed);
    return parsed;
  }();
  chat::Runtime runtime({});
  const chat::Dict variables = chat::make_variables(runtime.budget(), Json(), data);
  return std::string(chat::Interpreter(runtime, variables).run(tree).view());
}

TEST_CASE("one-line templates of the material") {
  const auto path = test::material("templates/goldens/hfjs-micro.json");
  if (!path) return;
  const Json cases = parse_large(*path);
  for (const Json& entry : cases.as_array()) {
    INFO(entry.find("name")->as_string());
    const std::string& source = entry.find("template")->as_string();
    const Json& data = *entry.find("data");
    if (const Json* expected = entry.find("expected")) {
      CHECK(render_untrimmed(source, data) == expected->as_string());
    } else {
      CHECK_THROWS(render_untrimmed(source, data));
    }
  }
}

TEST_CASE("real templates with their own chats") {
  const auto path = test::material("templates/goldens/hfjs-e2e.json");
  if (!path) return;
  setenv("SOURCE_DATE_EPOCH", "1752148800", 1);
  const Json cases = parse_large(*path);
  for (const Json& entry : cases.as_array()) {
    INFO(entry.find("name")->as_string());
    const ChatTemplate chat_template(entry.find("template")->as_string(), Json());
    CHECK(chat_template.render(*entry.find("data")).text() == entry.find("expected")->as_string());
  }
}

// NALAR_TEST_RENDERED: what make_golden_templates.py --real wrote.
TEST_CASE("every real template with every chat") {
  const char* rendered = std::getenv("NALAR_TEST_RENDERED");
  if (rendered == nullptr || !test::material("templates")) return;
  setenv("SOURCE_DATE_EPOCH", "1752148800", 1);
  size_t n = 0;
  const Json cases = parse_large(rendered);
  for (const Json& entry : cases.as_array()) {
    const std::string& name = entry.as_array()[0].as_string();
    const std::string& context = entry.as_array()[1].as_string();
    const Json& expected = entry.as_array()[2];
    INFO(name << " with " << context);
    const std::string source = test::read_text(*test::material("templates/" + name));
    const Json data = parse_large(*test::material("templates/" + context));
    if (expected.is_string()) {
      CHECK(ChatTemplate(source, Json()).render(data).text() == expected.as_string());
    } else {
      CHECK_THROWS_AS(ChatTemplate(source, Json()).render(data), Error);
    }
    ++n;
  }
  CHECK(n == 438);
}

}  // namespace
}  // namespace nalar
