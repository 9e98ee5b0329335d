#include "sampling_flags.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <random>

namespace nalar::apps {
namespace {

constexpr Range<float> kAny{};
constexpr Range<float> kFraction{0, 1};
constexpr Range<float> kPositive{0};

// Chooses among what a setting's sources say and notes which one it was.
class Chooser {
 public:
  Chooser(const OptionSet& set, const std::string& model_source, std::vector<std::string>& origins)
      : set_(set), model_source_(model_source), origins_(origins) {}

  template <typename T>
  void choose(const char* name, T& target, const std::optional<T>& flag,
              const std::optional<T>& model = {}) {
    std::string origin = "built in";
    if (flag) {
      target = *flag;
      origin = set_.origin(name);
    } else if (model) {
      target = *model;
      origin = model_source_;
    }
    say(name, target, origin);
  }

  template <typename T>
  void say(const char* name, const T& value, const std::string& origin) {
    origins_.push_back(fmt::format("{} {} ({})", name, value, origin));
  }

 private:
  const OptionSet& set_;
  const std::string& model_source_;
  std::vector<std::string>& origins_;
};

std::pair<TokenId, float> parse_bias(const std::string& text, int n_tokens) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw Error(ErrorKind::usage,
                fmt::format("--logit-bias: got \"{}\", need ID=B", printable(text, 60)));
  }
  const TokenId id =
      parse_number<TokenId>("--logit-bias ID", text.substr(0, equals), {0, n_tokens - 1});
  const std::string bias = text.substr(equals + 1);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (bias == "-inf") return {id, -kInfinity};
  return {id, parse_number<float>("--logit-bias B", bias, kAny)};
}

// --greedy is --temp 0; of the two the command line's wins over the configuration file's.
std::optional<float> temperature(const SamplingFlags& flags, const OptionSet& set) {
  if (!flags.greedy) return flags.temperature;
  if (flags.temperature && *flags.temperature != 0) {
    const std::string& by_temp = set.origin("temp");
    const std::string& by_greedy = set.origin("greedy");
    if (by_temp == by_greedy)
      throw Error(ErrorKind::usage, "--greedy and --temp exclude each other");
    if (by_temp == kCommandLine) return flags.temperature;
  }
  return 0.0F;
}

}  // namespace

void declare_sampling_flags(OptionSet& options, SamplingFlags& flags) {
  options.group("Choice of the next token (defaults: the model's own, else what is in brackets)");
  options.number({"--temp,--temperature", "T", "temperature; 0 is greedy [0.8]"}, flags.temperature,
                 kPositive);
  options.flag({"--greedy", "", "always the most likely token: --temp 0"}, flags.greedy);
  options.number({"--top-k", "N", "only the N most likely; 0 is off [40]"}, flags.top_k, {0});
  options.number({"--top-p", "P", "only the most likely that sum to P; 1 is off [0.95]"},
                 flags.top_p, kFraction);
  options.number(
      {"--min-p", "P", "only those at least P times as likely as the best; 0 is off [0.05]"},
      flags.min_p, kFraction);
  options.number({"--typical-p", "P", "locally typical sampling; 1 is off [1]"}, flags.typical_p,
                 kFraction);
  options.number(
      {"--repeat-penalty", "X", "divides the logits of tokens seen before; 1 is off [1]"},
      flags.repeat_penalty, kPositive);
  options.number({"--presence-penalty", "X", "taken from the logit of a token seen before [0]"},
                 flags.presence_penalty, kAny);
  options.number({"--frequency-penalty", "X", "the same, times how often it was seen [0]"},
                 flags.frequency_penalty, kAny);
  options.number({"--repeat-last-n", "N", "tokens the penalties look back; -1 is all [64]"},
                 flags.repeat_last_n, {-1});
  options.texts(
      {"--logit-bias", "ID=B", "add B to the logit of token ID (-inf forbids it); repeatable"},
      flags.logit_bias);
  options.number({"-s,--seed", "N", "equal seed, equal text (default: drawn anew; -v tells it)"},
                 flags.seed, {});
}

Sampling resolve(const SamplingFlags& flags, const OptionSet& set, const GenerationDefaults& model,
                 const Tokenizer& tokenizer) {
  Sampling result;
  SamplingOptions& o = result.options;
  Chooser chooser(set, model.source, result.origins);
  std::optional<float> model_temperature = model.temperature;
  if (model.do_sample == false) model_temperature = 0.0F;
  if (const auto t = temperature(flags, set); t && flags.greedy && *t == 0) {
    o.temperature = 0;
    chooser.say("temp", o.temperature, "--greedy, " + set.origin("greedy"));
  } else {
    chooser.choose("temp", o.temperature, t, model_temperature);
  }
  chooser.choose("top-k", o.top_k, flags.top_k, model.top_k);
  chooser.choose("top-p", o.top_p, flags.top_p, model.top_p);
  chooser.choose("min-p", o.min_p, flags.min_p, model.min_p);
  chooser.choose("typical-p", o.typical_p, flags.typical_p, model.typical_p);
  chooser.choose("repeat-penalty", o.repeat_penalty, flags.repeat_penalty, model.repeat_penalty);
  chooser.choose("presence-penalty", o.presence_penalty, flags.presence_penalty);
  chooser.choose("frequency-penalty", o.frequency_penalty, flags.frequency_penalty);
  chooser.choose("repeat-last-n", o.repeat_last_n, flags.repeat_last_n);
  if (flags.seed) {
    chooser.choose("seed", o.seed, flags.seed);
  } else {
    std::random_device entropy;
    o.seed = entropy();
    chooser.say("seed", o.seed, "drawn");
  }
  for (const std::string& text : flags.logit_bias) {
    o.logit_bias.push_back(parse_bias(text, tokenizer.n_tokens()));
  }
  o.validate();
  return result;
}

}  // namespace nalar::apps
