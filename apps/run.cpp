#include "run.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <chrono>

#include "answer_json.h"
#include "chat.h"
#include "dry_run.h"

namespace nalar::apps {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Overflow overflow(const std::string& word) {
  if (word == "shift") return Overflow::shift;
  return word == "truncate" ? Overflow::truncate : Overflow::error;
}

}  // namespace

const char* RunCommand::notes() const {
  return "PROMPT, or --file, or the standard input is what the model answers; with PROMPT, a - "
         "adds the "
         "standard input after it: git diff | nalar run MODEL \"Summarise:\" -\n"
         "With none of them, at a terminal, it is a chat: /help there tells more. Ctrl-C stops an "
         "answer, "
         "twice ends.\n"
         "One line end at the end of a file or of the standard input is no part of the prompt. A "
         "prompt that "
         "begins with - comes after --.";
}

void RunCommand::declare(OptionSet& options) {
  options.positional("MODEL", model_.path, "a .gguf file, or a folder as Hugging Face lays it out");
  options.positional("PROMPT", prompt_.prompt, "what the model answers");
  options.positional("-", prompt_.dash, "adds the standard input after PROMPT and a blank line");
  declare_prompt_flags(options, prompt_);
  options.group("Length and end");
  options.number({"-n,--max-tokens", "N",
                  "tokens at most; 0: until the model ends or the context is full [0]"},
                 max_tokens_, {0});
  options.texts({"--stop", "TEXT", "end before this text; repeatable"}, stop_);
  options.flag({"--ignore-eos", "", "go on after the model would end"}, ignore_eos_);
  options.choice(
      {"--on-overflow", "WHAT",
       "when the context is full: error, shift (forget the oldest half) or truncate [error]"},
      on_overflow_, {"error", "shift", "truncate"});
  declare_sampling_flags(options, sampling_);
  declare_model_flags(options, model_);
  declare_device_flags(options, model_);
  options.group("Output");
  options.number(
      {"--logprobs", "N", "with --json: log-probabilities of each token and of the N best"},
      logprobs_, {0, 1000});
  options.text({"--history", "FILE", "keep the lines typed in a chat in this file"}, history_);
  options.flag({"--raw-output", "", "at a terminal too, control sequences of the text as they are"},
               raw_output_);
  options.not_yet({"--batch", "--parallel", "--json-schema", "--grammar", "--draft",
                   "--prompt-cache", "--kv-type"});
}

void RunCommand::check() const {
  if (logprobs_ && !common.json) throw Error(ErrorKind::usage, "--logprobs needs --json");
}

GenerateOptions RunCommand::generate_options(const OptionSet& options, const Model& model,
                                             const Tokenizer& tokenizer,
                                             const Messages& log) const {
  GenerateOptions generate;
  Sampling sampling = resolve(sampling_, options, model.config().generation, tokenizer);
  for (const std::string& line : sampling.origins) log.detail("  " + line);
  generate.sampling = std::move(sampling.options);
  generate.max_tokens = max_tokens_;
  generate.stop = stop_;
  generate.ignore_eos = ignore_eos_;
  generate.logprobs = logprobs_.value_or(-1);
  generate.on_overflow = overflow(on_overflow_);
  return generate;
}

void RunCommand::run(const OptionSet& options, Streams& streams) {
  check();
  const Device where = device(model_);
  streams.out.set_raw(raw_output_);
  if (model_.dry_run) return dry_run(*open_model(model_), model_, common.json, streams.out);
  if (!model_.path)
    throw Error(ErrorKind::usage, "MODEL is missing: a .gguf file or a model folder");
  const std::optional<std::string> text = read_prompt(prompt_);

  const Clock::time_point start = Clock::now();
  const auto model = open_model(model_);
  const auto tokenizer = open_tokenizer(model->files());
  const PromptMaker maker(prompt_, model->files(), tokenizer);
  if (!text) check_chat(maker, common, streams.out);
  if (text && maker.raw() && !prompt_.raw && (common.verbose || streams.out.is_terminal())) {
    streams.log.note("the model has no chat template: the prompt is completed as it is");
  }
  RenderedPrompt prompt;
  if (text)
    prompt = maker.raw() ? maker.completion(*text) : maker.chat(with_user(maker.opening(), *text));
  if (text && prompt_.show_prompt) return show_prompt(prompt, *tokenizer, streams.out);

  streams.log.detail(describe(*model));
  GenerateOptions generate = generate_options(options, *model, *tokenizer, streams.log);
  const EngineOptions how = engine_options(model_, *model);
  generate.end_ids = end_tokens(*tokenizer, model->config(), how.adapters);
  for (const AdapterUse& use : how.adapters) streams.log.detail(describe(use));
  const auto engine = open_engine(model, how, where);
  streams.log.detail(
      fmt::format("{} threads, {}, context {}", engine->threads(), cpu_isa(), engine->n_ctx()));
  Generator generator(*engine, tokenizer);
  if (text) return answer(generator, prompt, generate, seconds_since(start), streams);
  Chat(generator, maker, generate, streams, history_).run(title(*model));
}

void RunCommand::show_prompt(const RenderedPrompt& prompt, const Tokenizer& tokenizer,
                             Output& out) const {
  if (common.json) {
    out.write(to_text(prompt_json(prompt, tokenizer)) + "\n");
    return;
  }
  out.write(prompt.text);
  out.end_text();
  out.write(fmt::format("{}--- {} tokens\n",
                        prompt.text.ends_with('\n') || out.is_terminal() ? "" : "\n",
                        prompt.ids.size()));
  for (const TokenId id : prompt.ids) {
    const bool special = tokenizer.kind(id) == TokenKind::control;
    out.write(fmt::format("{:>8}  {}{}\n", id, printable(tokenizer.piece(id)),
                          special ? "  special" : ""));
  }
}

void RunCommand::answer(Generator& generator, const RenderedPrompt& prompt,
                        const GenerateOptions& options, double load_s, Streams& streams) const {
  TokenCallback on_token;
  if (!common.json) {
    on_token = [&out = streams.out](const TokenEvent& event) {
      out.write(event.text);
      out.flush();
      return true;
    };
  }
  const GenerateResult result = generator.generate(prompt.ids, options, on_token);
  if (common.json) {
    streams.out.write(to_text(answer_json(result, load_s, options.logprobs >= 0)) + "\n");
  } else {
    streams.out.end_text();
  }
  streams.log.detail(timing_line(result, load_s));
}

}  // namespace nalar::apps
