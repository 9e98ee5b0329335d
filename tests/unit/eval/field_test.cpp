#include "eval/field.h"

#include "eval/literal.h"
#include "support/catch.h"
#include "support/error_of.h"

namespace nalar::eval {
namespace {

using Catch::Contains;
using nalar::test::error_of;

Json row() {
  return parse_json(
      R"({"q": "Why?", "n": 2, "choices": {"text": ["it's", "\"so\""]}, "s": "a_b"})");
}

std::string made(const char* spec) { return to_text(Field(Json(spec), "f").of(row())); }

TEST_CASE("a field is a column, a template or a constant") {
  CHECK(made("q") == "\"Why?\"");
  CHECK(made("n") == "2");
  CHECK(made("Q: {{q}}\n\n") == "\"Q: Why?\\n\\n\"");  // line breaks at the end stay
  CHECK(made("  {% if n > 1 %}\nmany{% endif %}") == "\"  \\nmany\"");  // blocks are not trimmed
  CHECK(to_text(Field(Json::Array{"no", "yes"}, "f").of(row())) == "[\"no\",\"yes\"]");
  CHECK(to_text(Field(Json(3), "f").of(row())) == "3");
}

TEST_CASE("what a template says of an undefined variable is an error") {
  const auto error = [](const char* spec) { return error_of([&] { made(spec); }); };
  CHECK_THAT(error("{{questoin}}?"), Contains("field f: 'questoin' is undefined"));
  CHECK_THAT(error("{{choices.labels}} "), Contains("field f: "));
  CHECK_THAT(error("{% if nothing %}{% endif %}"), Contains("'nothing' is undefined"));
  CHECK_THAT(error("{% for x in nothing %}{% endfor %}"), Contains("'nothing' is undefined"));
  CHECK_THAT(error("questoin"), Contains("field f: the row has no column \"questoin\""));
  CHECK_THAT(error("{{n + q}}"), Contains("field f: "));
  CHECK_THAT(error("{{raise_exception('no')}}"), Contains("field f: refused: no"));
  CHECK_THAT(error_of([] { Field(Json("{{q"), "doc_to_text"); }), Contains("field doc_to_text: "));
  CHECK(made("{{x is defined}}") == "\"False\"");
  CHECK(made("{{x|default('-')}}") == "\"-\"");
}

TEST_CASE("a list that a template prints is read again") {
  const auto list = [](const char* spec) {
    return to_text(parse_python_literal(Field(Json(spec), "f").of(row()).as_string()));
  };
  CHECK(list("{{choices.text}}") == R"(["it's","\"so\""])");
  CHECK(list("{{[s.split('_')[0], 'x\\ny', n, 1.5, none, true]}}") ==
        "[\"a\",\"x\\ny\",2,1.5,null,true]");
  CHECK(list("{{('a', ['b'])}}") == R"(["a",["b"]])");
}

TEST_CASE("Python literals: what is none is an error") {
  for (const char* text : {"", "[", "['a'", "['a' 'b']", "['a]", "a", "[a]", "{'a': 1}", "[1]x",
                           "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1"}) {
    CHECK_THAT(error_of([&] { parse_python_literal(text); }), Contains("need a list as Python"));
  }
  CHECK(to_text(parse_python_literal(" ( 'a' , ) ")) == R"(["a"])");
  CHECK(to_text(parse_python_literal(R"('\x41\u00e9\'')")) == "\"Aé'\"");
}

}  // namespace
}  // namespace nalar::eval
