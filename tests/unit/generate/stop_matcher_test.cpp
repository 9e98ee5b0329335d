#include "generate/stop_matcher.h"

#include <nalar/error.h>

#include "base/rng.h"
#include "support/catch.h"

namespace nalar::generate {
namespace {

struct Outcome {
  std::string text;
  bool matched = false;
  bool operator==(const Outcome&) const = default;
};

// The twin: looks at every end in turn.
Outcome twin(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    size_t longest = 0;
    for (const std::string& stop : stops) {
      if (stop.size() <= end && text.compare(end - stop.size(), stop.size(), stop) == 0) {
        longest = std::max(longest, stop.size());
      }
    }
    if (longest > 0) return {text.substr(0, end - longest), true};
  }
  return {text, false};
}

Outcome run(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(stops);
  Outcome outcome;
  for (const std::string& piece : pieces) outcome.text += matcher.push(piece);
  outcome.matched = matcher.matched();
  outcome.text += matcher.finish();
  return outcome;
}

TEST_CASE("a stop is found however the text is cut") {
  const std::string text = "one STOP two \xc3\xa9STOSTOP";
  for (const std::vector<std::string>& stops : {std::vector<std::string>{"STOP"},
                                                {"two", "STOSTOP"},
                                                {"\xc3\xa9S"},
                                                {"P", "STOP"},
                                                {"never"},
                                                {"one STOP two \xc3\xa9STOSTOP"},
                                                {}}) {
    const Outcome whole = twin(stops, text);
    for (size_t i = 0; i <= text.size(); ++i) {
      for (size_t j = i; j <= text.size(); ++j) {
        CHECK(run(stops, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}) == whole);
      }
    }
  }
}

TEST_CASE("random texts and stops of few letters") {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    uint64_t draws = 0;
    const auto below = [&](int n) { return static_cast<int>(base::uniform(seed, 1, draws++) * n); };
    const auto word = [&](int length) {
      std::string w;
      for (int i = 0; i < length; ++i) w += static_cast<char>('a' + below(2));
      return w;
    };
    std::vector<std::string> stops;
    for (int n = below(4); n >= 0; --n) stops.push_back(word(1 + below(5)));
    std::vector<std::string> pieces;
    std::string text;
    for (int n = below(6); n >= 0; --n) {
      pieces.push_back(word(below(5)));
      text += pieces.back();
    }
    INFO("seed " << seed);
    CHECK(run(stops, pieces) == twin(stops, text));
  }
}

TEST_CASE("nothing more is held back than may be a stop's beginning") {
  StopMatcher matcher({"</end>"});
  CHECK(matcher.push("a<b") == "a<b");
  CHECK(matcher.push("c</e") == "c");
  CHECK(matcher.push("n</") == "</en");
  CHECK(matcher.push("end>more").empty());
  CHECK(matcher.matched());
  CHECK(matcher.push("and more").empty());
  CHECK(matcher.finish().empty());
}

TEST_CASE("an empty stop is refused") { CHECK_THROWS_AS(StopMatcher({"a", ""}), Error); }

}  // namespace
}  // namespace nalar::generate
