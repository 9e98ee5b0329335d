#include "option_set.h"

#include <nalar/error.h>

#include "support/catch.h"

namespace nalar::apps {
namespace {

// A command with one option of each kind.
struct Sample {
  CLI::App app{"", "sample"};
  OptionSet options{app};
  bool flag = false;
  int count = 5;
  std::optional<float> rate;
  std::optional<std::string> name;
  std::vector<std::string> items;
  std::string mode = "a";

  Sample() {
    options.flag({"--flag", "", ""}, flag);
    options.number({"-n,--count,--number", "N", ""}, count, {0, 9});
    options.number({"--rate", "X", ""}, rate, {0, 1});
    options.text({"--name", "TEXT", ""}, name);
    options.texts({"--item", "TEXT", ""}, items);
    options.choice({"--mode", "M", ""}, mode, {"a", "b"});
  }
  void parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
    options.apply_command_line();
  }
  std::string config_problem(const Json& table) {
    try {
      options.apply_config(table, "c.toml");
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::config);
      return e.what();
    }
    return "";
  }
};

}  // namespace

TEST_CASE("the command line sets, the last of a repeated option counts") {
  Sample s;
  s.parse({"--flag", "-n", "3", "--number", "4", "--rate=0.5", "--item", "x", "--item", "[y,z]",
           "--mode", "b"});
  CHECK(s.flag);
  CHECK(s.count == 4);
  CHECK(s.rate == 0.5F);
  CHECK_FALSE(s.name);
  CHECK(s.items == std::vector<std::string>{"x", "[y,z]"});
  CHECK(s.mode == "b");
  CHECK(s.options.origin("count") == kCommandLine);
  CHECK(s.options.origin("number") == kCommandLine);
  CHECK(s.options.origin("name").empty());
}

TEST_CASE("a value may look like an option") {
  Sample s;
  s.parse({"--name", "--flag", "--item", "-n"});
  CHECK(s.name == "--flag");
  CHECK_FALSE(s.flag);
  CHECK(s.items == std::vector<std::string>{"-n"});
}

TEST_CASE("a configuration file sets what is left") {
  Sample s;
  s.parse({"--count", "1"});
  s.options.apply_config(
      Json::Object{{"number", 7}, {"rate", 1}, {"item", Json::Array{"a", "b"}}, {"flag", true}},
      "c.toml");
  CHECK(s.count == 1);
  CHECK(s.rate == 1.0F);
  CHECK(s.items == std::vector<std::string>{"a", "b"});
  CHECK(s.flag);
  CHECK(s.options.origin("rate") == "c.toml");
}

TEST_CASE("mistakes of a configuration file name the key") {
  Sample s;
  CHECK_THAT(s.config_problem(Json::Object{{"cuont", 7}}), Catch::Contains("sample.cuont"));
  CHECK_THAT(s.config_problem(Json::Object{{"count", "7"}}), Catch::Contains("need a number"));
  CHECK_THAT(s.config_problem(Json::Object{{"count", 10}}), Catch::Contains("0..9"));
  CHECK_THAT(s.config_problem(Json::Object{{"count", 1.5}}), Catch::Contains("0..9"));
  CHECK_THAT(s.config_problem(Json::Object{{"flag", "yes"}}), Catch::Contains("true or false"));
  CHECK_THAT(s.config_problem(Json::Object{{"item", Json::Array{Json::Array{}}}}),
             Catch::Contains("single value"));
  CHECK_THAT(s.config_problem(Json::Object{{"mode", "c"}}), Catch::Contains("a or b"));
}

TEST_CASE("values in force can be shown") {
  Sample s;
  s.parse({"--rate", "0.1"});
  const auto shown = [&](size_t i) { return to_text(s.options.settings()[i]->get()); };
  CHECK(shown(0) == "false");
  CHECK(shown(1) == "5");
  CHECK(shown(2) == "0.1");
  CHECK(shown(3) == "null");
  CHECK(shown(4) == "null");
  CHECK(shown(5) == "\"a\"");
}

}  // namespace nalar::apps
