#include "dry_run.h"

#include <fmt/format.h>
#include <nalar/bench.h>
#include <nalar/json.h>

#include <algorithm>

namespace nalar::apps {

std::string mib(int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void dry_run(const Model& model, const ModelFlags& flags, bool json, Output& out) {
  const EngineOptions options = engine_options(flags, model);
  const MemoryEstimate need = estimate_memory(model, options);
  const int64_t n_ctx = options.n_ctx > 0 ? options.n_ctx : model.config().n_ctx_train;
  const int64_t cache = need.cache_per_token * n_ctx;
  const int64_t total = need.weights + need.scratch + cache;
  const std::optional<int64_t> have = available_memory();
  const bool fits = !have || total <= *have;
  const int threads = options.threads > 0 ? options.threads : default_threads();
  const double at_most =
      read_bandwidth(threads) / static_cast<double>(std::max<int64_t>(need.weights, 1));
  if (json) {
    out.write(to_text(Json::Object{{"weights_bytes", need.weights},
                                   {"cache_bytes_per_token", need.cache_per_token},
                                   {"cache_bytes", cache},
                                   {"scratch_bytes", need.scratch},
                                   {"total_bytes", total},
                                   {"n_ctx", n_ctx},
                                   {"available_bytes", have ? Json(*have) : Json()},
                                   {"fits", fits},
                                   {"tokens_per_s_at_most", at_most}}) +
              "\n");
    return;
  }
  out.write(describe(model) + "\n");
  out.write(fmt::format("weights   {}\n", mib(need.weights)));
  out.write(fmt::format("cache     {} for all {} positions ({:.1f} KiB each, taken as it fills)\n",
                        mib(cache), n_ctx, static_cast<double>(need.cache_per_token) / 1024));
  out.write(fmt::format("scratch   {}\n", mib(need.scratch)));
  out.write(fmt::format("together  {}\n", mib(total)));
  if (have) {
    out.write(fmt::format("machine   {} available: {}\n", mib(*have),
                          fits ? "it fits" : "IT DOES NOT FIT"));
  }
  out.write(fmt::format(
      "speed     at most {:.0f} tokens a second generated, by the memory's speed with {} threads\n",
      at_most, threads));
}

}  // namespace nalar::apps
