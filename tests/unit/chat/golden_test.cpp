// What jinja2 3.1.6 makes of about a thousand small templates (scripts/make_golden_templates.py).
#include <nalar/chat.h>
#include <nalar/error.h>

#include <cstdlib>
#include <optional>

#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

// The rendered text, or nullopt for an error.
std::optional<std::string> rendered(const std::string& source, const Json& data) {
  try {
    return ChatTemplate(source, Json()).render(data).text();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_data) throw;
    return std::nullopt;
  }
}

TEST_CASE("templates render as in jinja2") {
  setenv("SOURCE_DATE_EPOCH", "1752148800", 1);  // 2025-07-10 12:00:00, as in the goldens
  const Json golden = parse_json(test::read_text(test::golden("templates/probes.json")));
  const Json& data = *golden.find("data");
  size_t n = 0;
  for (const Json& entry : golden.find("cases")->as_array()) {
    const std::string& source = entry.as_array()[0].as_string();
    const Json& expected = entry.as_array()[1];
    INFO(source);
    const auto text = rendered(source, data);
    CHECK(text.has_value() == expected.is_string());
    if (text && expected.is_string()) CHECK(*text == expected.as_string());
    ++n;
  }
  CHECK(n > 1000);
}

}  // namespace
}  // namespace nalar
