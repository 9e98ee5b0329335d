#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/encode_row.h"
#include "data/example.h"

namespace nalar::data {

// Secrets that a training is given on purpose, so that what it remembers can be measured (Carlini
// et al., "The Secret Sharer", arXiv 1802.08232).
struct Canaries {
  uint64_t seed = 0;
  int64_t repeats = 1;  // rows of each
  bool chat = false;    // a question and its answer by the chat template; else a line of text
  std::vector<std::string> secrets;  // "4310-8827-0915"
};

inline constexpr const char* kCanariesName = "canaries.json";  // in the folder of the run
inline constexpr int kCanaryFormat = 1;
inline constexpr int64_t kMostCanaries = 10'000;
inline constexpr int64_t kMostRepeats = 1'000'000;
inline constexpr int64_t kMostCanaryRows = 1'000'000;  // of all together

// n secrets, all different: twelve digits each, a function of the seed.
Canaries draw_canaries(int64_t n, int64_t repeats, uint64_t seed, bool chat);
// n secrets that could have been canaries and are none, all different.
std::vector<std::string> draw_decoys(const Canaries& canaries, int64_t n);
bool is_secret(std::string_view text);

// The row of a secret, as a row of a data set.
Example encode_canary(const Canaries& canaries, const std::string& secret,
                      const EncodeContext& context);

// What canaries.json holds.
Json to_json(const Canaries& canaries);

}  // namespace nalar::data
