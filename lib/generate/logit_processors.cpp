#include "generate/logit_processors.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

namespace nalar::generate {

void LogitBias::apply(std::span<const TokenId> /*history*/, std::span<float> logits) {
  for (const auto& [id, bias] : bias_) {
    if (id < 0 || static_cast<size_t>(id) >= logits.size()) {
      throw Error(ErrorKind::usage,
                  fmt::format("--logit-bias: got token {}, need 0 to {}", id, logits.size() - 1));
    }
    logits[static_cast<size_t>(id)] += bias;
  }
}

void Penalties::apply(std::span<const TokenId> history, std::span<float> logits) {
  if (spec_.last_n >= 0)
    history = history.last(std::min(history.size(), static_cast<size_t>(spec_.last_n)));
  window_.assign(history.begin(), history.end());
  std::sort(window_.begin(), window_.end());
  for (auto run = window_.begin(); run != window_.end();) {
    const auto end = std::upper_bound(run, window_.end(), *run);
    const auto id = static_cast<size_t>(*run);
    if (*run >= 0 && id < logits.size()) {
      float& logit = logits[id];
      logit = logit > 0 ? logit / spec_.repeat : logit * spec_.repeat;
      logit -= static_cast<float>(end - run) * spec_.frequency + spec_.presence;
    }
    run = end;
  }
}

}  // namespace nalar::generate
