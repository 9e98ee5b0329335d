#include "dry_run.h"

#include <fmt/format.h>
#include <nalar/bench.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <nalar/json.h>

#include <algorithm>

namespace nalar::apps {
namespace {

// The number after `key` in a file of the kernel, times `unit`; nullopt when it is not there
// ("max", no such file).
std::optional<int64_t> kernel_number(const char* path, std::string_view key, int64_t unit) {
  std::string text;
  try {
    text = read_input(path, size_t{1} << 16);
  } catch (const Error&) {
    return std::nullopt;
  }
  const size_t at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  const size_t digits = text.find_first_not_of(" \t", at + key.size());
  int64_t value = 0;
  if (digits == std::string::npos) return std::nullopt;
  const auto [stop, error] =
      std::from_chars(text.data() + digits, text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value * unit;
}

}  // namespace

std::optional<int64_t> available_memory() {
  std::optional<int64_t> available = kernel_number("/proc/meminfo", "MemAvailable:", 1024);
  const auto limit = kernel_number("/sys/fs/cgroup/memory.max", "", 1);
  const auto used = kernel_number("/sys/fs/cgroup/memory.current", "", 1);
  if (limit && used)
    available = std::min(available.value_or(*limit), std::max<int64_t>(*limit - *used, 0));
  return available;
}

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
