#include "eval/text_windows.h"

#include <nalar/error.h>

#include <numeric>

#include "support/catch.h"

namespace nalar::eval {
namespace {

using Ids = std::vector<TokenId>;

Ids counted(int n) {
  Ids ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

// Every scored token with the number of tokens before it, in order.
std::vector<std::pair<TokenId, int>> scored(const TextWindows& windows) {
  std::vector<std::pair<TokenId, int>> out;
  for (int64_t i = 0; i < windows.size(); ++i) {
    const Window w = windows.at(i);
    CHECK(w.first_scored + w.targets.size() == w.input.size());
    for (size_t t = 0; t < w.targets.size(); ++t) {
      out.emplace_back(w.targets[t], static_cast<int>(w.first_scored + t + 1));
    }
  }
  return out;
}

TEST_CASE("llamacpp: second halves of chunks, each with its own BOS") {
  const Ids ids = counted(19);
  const TextWindows windows(ids, {Convention::llamacpp, 8, 0}, 99);
  REQUIRE(windows.size() == 2);  // the rest is left out
  CHECK(windows.at(1).input == Ids{99, 9, 10, 11, 12, 13, 14});
  CHECK(scored(windows) ==
        std::vector<std::pair<TokenId, int>>{{5, 5}, {6, 6}, {7, 7}, {13, 5}, {14, 6}, {15, 7}});
  const TextWindows without(ids, {Convention::llamacpp, 8, 0}, std::nullopt);
  CHECK(without.at(1).input.front() == 8);
}

// The loop of transformers' guide: labels of what an earlier window has reached are -100, and the
// loss shifts them by one.
std::vector<std::pair<TokenId, int>> guide(int n, int window, int stride) {
  std::vector<std::pair<TokenId, int>> out;
  int previous = 0;
  for (int begin = 0; begin < n; begin += stride) {
    const int end = std::min(begin + window, n);
    const int targets = end - previous;
    for (int i = std::max(1, end - begin - targets); i < end - begin; ++i) {
      out.emplace_back(begin + i, i);
    }
    previous = end;
    if (end == n) break;
  }
  return out;
}

TEST_CASE("hf: as the loop of the guide") {
  for (const int n : {2, 7, 8, 9, 20, 21, 22, 64}) {
    for (const int stride : {1, 3, 7, 8}) {
      const Ids ids = counted(n);
      CHECK(scored(TextWindows(ids, {Convention::hf, 8, stride}, {})) == guide(n, 8, stride));
    }
  }
}

TEST_CASE("rolling: each token once, one token of context, the last window full") {
  const Ids ids = counted(19);
  const TextWindows windows(ids, {Convention::rolling, 8, 0}, 99);
  REQUIRE(windows.size() == 3);
  CHECK(windows.at(0).input == Ids{99, 0, 1, 2, 3, 4, 5, 6});
  CHECK(windows.at(1).input == Ids{7, 8, 9, 10, 11, 12, 13, 14});
  CHECK(windows.at(2).input == Ids{10, 11, 12, 13, 14, 15, 16, 17});
  const auto all = scored(windows);
  REQUIRE(all.size() == ids.size());
  for (size_t i = 0; i < all.size(); ++i) CHECK(all[i].first == ids[i]);
  CHECK(all[8].second == 1);
  CHECK(all[16].second == 6);
}

TEST_CASE("rolling: a document shorter than the window") {
  const Ids ids = counted(3);
  const TextWindows windows(ids, {Convention::rolling, 8, 0}, 99);
  REQUIRE(windows.size() == 1);
  CHECK(windows.at(0).input == Ids{99, 0, 1});
  CHECK(windows.at(0).targets.size() == 3);
}

TEST_CASE("a text that is too short is an error that says what it needs") {
  const Ids ids = counted(15);
  CHECK_THROWS_WITH(TextWindows(ids, {Convention::llamacpp, 8, 0}, 99),
                    Catch::Contains("got 15 tokens, need 16"));
  CHECK_THROWS_AS(TextWindows(std::span(ids).first(1), {Convention::hf, 8, 4}, {}), Error);
  CHECK_THROWS_AS(TextWindows(std::span(ids).first(0), {Convention::rolling, 8, 0}, 99), Error);
}

}  // namespace
}  // namespace nalar::eval
