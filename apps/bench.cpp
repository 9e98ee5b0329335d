#include "bench.h"

#include <fmt/format.h>
#include <nalar/json.h>

#include <algorithm>

#include "dry_run.h"
#include "first_token.h"

namespace nalar::apps {
namespace {

struct Spread {
  double median = 0, min = 0, max = 0;
};

Spread spread(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {median, values.front(), values.back()};
}

Json::Array numbers(const std::vector<double>& values) { return {values.begin(), values.end()}; }

Json series_json(const BenchSeries& series) {
  return Json::Object{{"tokens", series.tokens},
                      {"tokens_per_s", series.median_tokens_per_s()},
                      {"min_tokens_per_s", series.min_tokens_per_s()},
                      {"max_tokens_per_s", series.max_tokens_per_s()},
                      {"seconds", numbers(series.seconds)}};
}

std::string series_line(const char* what, const BenchSeries& series) {
  return fmt::format("{:<14}{:>10.1f} tokens/s   {:.1f} to {:.1f}   ({} tokens, {} times)\n", what,
                     series.median_tokens_per_s(), series.min_tokens_per_s(),
                     series.max_tokens_per_s(), series.tokens, series.seconds.size());
}

// What the measured process must be told to be like this one.
std::vector<std::string> same_settings(const ModelFlags& flags) {
  std::vector<std::string> arguments = {*flags.path, "--compute", flags.compute};
  if (flags.device) arguments.insert(arguments.end(), {"--device", *flags.device});
  if (flags.n_ctx) arguments.insert(arguments.end(), {"--ctx", std::to_string(*flags.n_ctx)});
  if (flags.threads)
    arguments.insert(arguments.end(), {"--threads", std::to_string(*flags.threads)});
  if (flags.allow_symlinks) arguments.emplace_back("--allow-symlinks");
  for (const std::string& adapter : flags.adapters) {
    arguments.insert(arguments.end(), {"--adapter", adapter});
  }
  return arguments;
}

}  // namespace

const char* BenchCommand::notes() const {
  return "Prompt: tokens read at once; generation: one after the other; each from an empty "
         "context, median "
         "and spread. Start: a whole process from its start to the first token of a short prompt.";
}

void BenchCommand::declare(OptionSet& options) {
  options.positional("MODEL", model_.path, "a .gguf file, or a folder as Hugging Face lays it out");
  options.group("Measured");
  options.number({"-p,--prompt-tokens", "N", "tokens of the prompt; 0 leaves it out [512]"},
                 bench_.prompt_tokens, {0});
  options.number({"-n,--generate-tokens", "N", "tokens generated; 0 leaves it out [128]"},
                 bench_.generate_tokens, {0});
  options.number({"-r,--repetitions", "N", "how often [5]"}, bench_.repetitions, {1, 10'000});
  declare_model_flags(options, model_);
  declare_device_flags(options, model_);
}

void BenchCommand::run(const OptionSet&, Streams& streams) {
  const Device where = device(model_);
  const auto model = open_model(model_);
  if (model_.dry_run) return dry_run(*model, model_, common.json, streams.out);
  // First, so that its memory and this one's do not stand side by side.
  const std::vector<double> start_s =
      first_token_seconds(same_settings(model_), bench_.repetitions);
  const EngineOptions how = engine_options(model_, *model);
  const auto engine = open_engine(model, how, where);
  const BenchResult result = run_bench(*engine, bench_);
  const Spread start = spread(start_s);
  if (common.json) {
    Json json = Json::Object{{"model", model->files().path()},
                             {"instructions", cpu_isa()},
                             {"threads", engine->threads()},
                             {"compute", model_.compute}};
    if (!model_.adapters.empty()) {
      json.set("adapters", Json::Array(model_.adapters.begin(), model_.adapters.end()));
    }
    if (result.prompt.tokens > 0) json.set("prompt", series_json(result.prompt));
    if (result.generate.tokens > 0) json.set("generate", series_json(result.generate));
    json.set("first_token_s", Json::Object{{"median", start.median},
                                           {"min", start.min},
                                           {"max", start.max},
                                           {"seconds", numbers(start_s)}});
    json.set("peak_bytes", result.peak_bytes);
    streams.out.write(to_text(json) + "\n");
    return;
  }
  streams.out.write(fmt::format("{}\n{} threads, {}, compute {}\n", describe(*model),
                                engine->threads(), cpu_isa(), model_.compute));
  for (const AdapterUse& use : how.adapters) streams.out.write(describe(use) + "\n");
  if (result.prompt.tokens > 0) streams.out.write(series_line("prompt", result.prompt));
  if (result.generate.tokens > 0) streams.out.write(series_line("generation", result.generate));
  streams.out.write(
      fmt::format("{:<14}{:>10.3f} s          {:.3f} to {:.3f}   (start to first token)\n", "start",
                  start.median, start.min, start.max));
  streams.out.write(fmt::format("{:<14}{:>10.1f} MiB\n", "peak memory",
                                static_cast<double>(result.peak_bytes) / (1 << 20)));
}

}  // namespace nalar::apps
