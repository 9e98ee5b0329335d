#include "eval/text.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/digest.h"
#include "data/data_file.h"
#include "eval/owned_sequence.h"
#include "eval/row_score.h"

namespace nalar {
namespace {

int default_window(Convention convention, int n_ctx) {
  return convention == Convention::llamacpp ? std::min(512, n_ctx) : n_ctx;
}

std::optional<TokenId> beginning(const TextOptions& options, const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  if (options.convention == Convention::hf) return std::nullopt;
  if (options.convention == Convention::llamacpp) {
    return tokenizer.adds_bos() ? special.bos : std::nullopt;
  }
  const auto id = special.bos ? special.bos : special.eos;
  if (!id) {
    throw Error(ErrorKind::usage,
                "the convention rolling needs a tokenizer with a BOS or EOS token: got neither");
  }
  return id;
}

// A figure of a text in another encoding would be one of something else. Blanks are a text, too.
std::string_view checked(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") != text.npos) {
    data::text_of_file(text, data::FileKind::txt);
  }
  return text;
}

}  // namespace

std::string_view name(Convention convention) noexcept {
  switch (convention) {
    case Convention::llamacpp:
      return "llamacpp";
    case Convention::hf:
      return "hf";
    case Convention::rolling:
      return "rolling";
  }
  return "?";
}

TextOptions TextOptions::resolve(const Engine& engine) const {
  TextOptions out = *this;
  const int n_ctx = engine.n_ctx();
  const auto need = [](bool ok, const char* what, int got, int low, int high) {
    if (ok) return;
    throw Error(ErrorKind::usage,
                fmt::format("{}: got {}, need an integer in {}..{}", what, got, low, high));
  };
  if (out.window == 0) out.window = default_window(convention, n_ctx);
  const int least = convention == Convention::llamacpp ? 4 : 2;
  need(out.window >= least && out.window <= n_ctx, "--window", out.window, least, n_ctx);
  if (convention != Convention::hf) {
    if (stride != 0) throw Error(ErrorKind::usage, "--stride needs --convention hf");
    return out;
  }
  if (out.stride == 0) out.stride = std::min(512, out.window);
  need(out.stride >= 1 && out.stride <= out.window, "--stride", out.stride, 1, out.window);
  return out;
}

namespace eval {

int64_t count_words(std::string_view text) {
  int64_t breaks = 0;
  bool in_space = false;
  for (const char c : text) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    breaks += space && !in_space;
    in_space = space;
  }
  return breaks + 1;
}

WindowedText::WindowedText(std::string_view text, const TextOptions& given, const Subject& subject)
    : options(given.resolve(*subject.engine)),
      ids(subject.tokenizer->encode(
          checked(text), {.add_special = true, .parse_special = false, .special_ranges = {}})),
      windows(ids, options, beginning(options, *subject.tokenizer)) {}

void forward_window(LogitStream& stream, const SequenceOptions& options, const Window& window,
                    const LogitStream::Visit& visit) {
  std::vector<int32_t> rows(window.targets.size());
  std::iota(rows.begin(), rows.end(), static_cast<int32_t>(window.first_scored));
  Engine& engine = stream.engine();
  const OwnedSequence sequence(engine, engine.create(options));
  const Slice slice{sequence.id(), window.input, rows};
  stream.forward({&slice, 1}, visit);
}

void TextSums::add(std::span<const double> logprobs, const Window& window,
                   const Tokenizer& tokenizer) {
  for (size_t i = 0; i < logprobs.size(); ++i) {
    if (!std::isfinite(logprobs[i])) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("window {}: the model gives a token a log-probability of {}",
                              windows + 1, logprobs[i]));
    }
    nll.add(-logprobs[i]);
    scored_bytes += static_cast<int64_t>(tokenizer.token_bytes(window.targets[i]).size());
  }
  ++windows;
}

TextResult TextSums::result(std::string_view text, const WindowedText& windowed) const {
  TextResult result;
  result.options = windowed.options;
  result.bytes = static_cast<int64_t>(text.size());
  result.words = count_words(text);
  result.tokens = static_cast<int64_t>(windowed.ids.size());
  result.windows = windows;
  result.scored = nll.n;
  result.nll = nll.mean();
  result.perplexity = exp_of(result.nll);
  const auto per = [&](int64_t units) {
    const double factor = static_cast<double>(nll.n) / static_cast<double>(units);
    return Estimate{result.nll.value * factor, result.nll.error * factor};
  };
  const bool whole = result.options.convention == Convention::rolling;
  const Estimate nats = per(whole ? result.bytes : scored_bytes);
  result.bits_per_byte = {nats.value / std::log(2.0), nats.error / std::log(2.0)};
  if (whole) {
    result.word_perplexity = exp_of(per(result.words));
    result.byte_perplexity = exp_of(nats);
  }
  result.sha256 = base::sha256_hex(text);
  return result;
}

void report_progress(const EvalControl& control, const EvalEvent& event,
                     const std::function<Json()>& state) {
  if (!control.on_event || control.on_event(event)) {
    if (state && control.save && control.save_due && control.save_due()) control.save(state());
    return;
  }
  if (control.save) control.save(state ? state() : Json());
  throw Error(ErrorKind::try_again,
              fmt::format("stopped: {} of {} windows or items done", event.done, event.total));
}

namespace {

// What goes on from a window of a text.
std::string state_key(std::string_view text, const TextOptions& o) {
  return base::sha256_hex(
      fmt::format("{} {} {} {}", base::sha256_hex(text), name(o.convention), o.window, o.stride));
}

Json to_state(const TextSums& sums, const std::string& key) {
  return Json::Object{
      {"key", key},          {"windows", sums.windows},     {"scored", sums.nll.n},
      {"sum", sums.nll.sum}, {"squares", sums.nll.squares}, {"scored_bytes", sums.scored_bytes}};
}

TextSums from_state(const Json& state, const std::string& key, int64_t n_windows) {
  const auto number = [&](const char* field) -> const Json& {
    const Json* value = state.find(field);
    if (value == nullptr || !value->is_number()) {
      throw Error(ErrorKind::bad_data, fmt::format("state: key {}: need a number", field));
    }
    return *value;
  };
  const Json* given = state.find("key");
  if (given == nullptr || !given->is_string() || given->as_string() != key) {
    throw Error(ErrorKind::bad_data, "state: it belongs to another text or other settings");
  }
  TextSums sums;
  sums.windows = number("windows").as_int64();
  sums.nll = {number("scored").as_int64(), number("sum").as_double(),
              number("squares").as_double()};
  sums.scored_bytes = number("scored_bytes").as_int64();
  if (sums.windows < 0 || sums.windows > n_windows) {
    throw Error(ErrorKind::bad_data,
                fmt::format("state: key windows: got {}, need 0 to {}", sums.windows, n_windows));
  }
  return sums;
}

}  // namespace
}  // namespace eval

TextResult evaluate_text(const Subject& subject, std::string_view text, const TextOptions& options,
                         const EvalControl& control) {
  const eval::WindowedText windowed(text, options, subject);
  const std::string key = eval::state_key(text, windowed.options);
  const int64_t n = windowed.windows.size();
  eval::TextSums sums;
  if (!control.resume.is_null()) sums = eval::from_state(control.resume, key, n);
  eval::LogitStream stream(*subject.engine);
  std::vector<double> logprobs;
  while (sums.windows < n) {
    eval::report_progress(control, {"text", sums.windows, n},
                          [&] { return eval::to_state(sums, key); });
    const eval::Window window = windowed.windows.at(sums.windows);
    logprobs.resize(window.targets.size());
    eval::forward_window(stream, subject.sequence, window, [&](int64_t j, auto logits) {
      const auto at = static_cast<size_t>(j);
      logprobs[at] = eval::logprob(eval::score_row(logits), logits, window.targets[at]);
    });
    sums.add(logprobs, window, *subject.tokenizer);
  }
  eval::report_progress(control, {"text", n, n}, [&] { return eval::to_state(sums, key); });
  if (control.save) control.save(eval::to_state(sums, key));
  return sums.result(text, windowed);
}

}  // namespace nalar
