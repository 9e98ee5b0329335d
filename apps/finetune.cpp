#include "finetune.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <unistd.h>

#include "dry_run.h"
#include "finetune_progress.h"
#include "preview.h"
#include "stop_signals.h"
#include "terminal.h"

namespace nalar::apps {
namespace {

Json plan_json(const FinetunePlan& plan, int64_t total, const std::optional<int64_t>& have) {
  return Json::Object{{"parameters", plan.parameters},
                      {"steps", plan.updates},
                      {"tokens_per_epoch", plan.tokens},
                      {"label_tokens_per_epoch", plan.label_tokens},
                      {"weights_bytes", plan.weights_bytes},
                      {"parameter_bytes", plan.parameter_bytes},
                      {"activation_bytes", plan.activation_bytes},
                      {"recompute", plan.recompute},
                      {"total_bytes", total},
                      {"checkpoint_bytes", plan.checkpoint_bytes},
                      {"seconds", plan.seconds},
                      {"available_bytes", have ? Json(*have) : Json()},
                      {"fits", !have || total <= *have}};
}

std::string plan_text(const FinetunePlan& plan, int64_t total, const std::optional<int64_t>& have) {
  std::string out = fmt::format("trained      {} parameters\n", plan.parameters);
  out += fmt::format("data         {} tokens an epoch, of them {} learned\n", plan.tokens,
                     plan.label_tokens);
  out += fmt::format("updates      {}\n", plan.updates);
  out += fmt::format("weights      {}\n", mib(plan.weights_bytes));
  out += fmt::format("parameters   {}, with gradients and optimizer\n", mib(plan.parameter_bytes));
  out += fmt::format("activations  {}, {}\n", mib(plan.activation_bytes),
                     plan.recompute ? "computed again block by block" : "kept");
  out += fmt::format("together     {}\n", mib(total));
  if (have) {
    out += fmt::format("machine      {} available: {}\n", mib(*have),
                       total <= *have ? "it fits" : "IT DOES NOT FIT");
  }
  out += fmt::format("checkpoint   {} on disk, each\n", mib(plan.checkpoint_bytes));
  return out + fmt::format("time         about {}, by the speed of products here\n",
                           time_text(plan.seconds));
}

}  // namespace

const char* FinetuneCommand::notes() const {
  return "DIR gets the adapter as PEFT lays it out (with --method full: a model's folder), "
         "run.json, "
         "log.jsonl, README.md, report.html and checkpoints. nalar run MODEL --adapter DIR uses "
         "it.\n"
         "Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 save and end with 75: the same command with --resume "
         "goes on, to the same bits. A second one ends at once; the last checkpoint is kept.";
}

void FinetuneCommand::declare(OptionSet& options) { declare_finetune_flags(options, flags_); }

void FinetuneCommand::run(const OptionSet& /*options*/, Streams& streams) {
  if (!flags_.model.path) {
    throw Error(ErrorKind::usage, "MODEL is missing: a .gguf file or a model folder");
  }
  const FinetuneOptions options = finetune_options(flags_);
  if (!flags_.preview) {
    if (options.out.empty() && !flags_.model.dry_run) {
      throw Error(ErrorKind::usage, "-o DIR is missing: where the result goes");
    }
    options.validate();
  }
  options.data.validate();
  const auto model = open_model(flags_.model);
  streams.log.detail(describe(*model));
  if (flags_.preview) return preview(*model, options, streams);
  if (flags_.model.dry_run) return plan(model, options, streams);
  train(model, options, streams);
}

void FinetuneCommand::preview(const Model& model, const FinetuneOptions& options,
                              Streams& streams) const {
  const auto tokenizer = open_tokenizer(model.files());
  const auto chat = open_chat_template(model.files(), *tokenizer);
  const auto dataset = open_dataset(options.data, *tokenizer, chat ? &*chat : nullptr);
  for (const BadRow& bad : dataset->report().bad) {
    streams.log.note(fmt::format("{}: {}", bad.place, bad.problem));
  }
  const auto write = common.json ? write_preview_json : write_preview;
  write(*dataset, *tokenizer, *flags_.preview, streams.out);
}

void FinetuneCommand::plan(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                           Streams& streams) const {
  const FinetunePlan plan = plan_finetune(model, options);
  const std::optional<int64_t> have = available_memory();
  const int64_t total = plan.weights_bytes + plan.parameter_bytes + plan.activation_bytes;
  if (common.json) {
    streams.out.write(to_text(plan_json(plan, total, have)) + "\n");
  } else {
    streams.out.write(describe(*model) + "\n" + plan_text(plan, total, have));
  }
}

void FinetuneCommand::train(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                            Streams& streams) const {
  const StopSignals signals;
  FinetuneDisplay display(streams.log, can_overwrite(STDERR_FILENO),
                          terminal_columns(STDERR_FILENO));
  FinetuneResult result;
  try {
    result = finetune(std::move(model), options, [&](const FinetuneEvent& event) {
      display.show(event);
      return !signals.asked();
    });
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::try_again || !e.hint().empty()) throw;
    throw Error(e.kind(), e.what(), "the same command with --resume");
  }
  streams.out.write(common.json ? to_text(result_json(result)) + "\n" : result_text(result));
  streams.log.detail(options.method == Method::full
                         ? fmt::format("try: nalar run {}", options.out)
                         : fmt::format("try: nalar run MODEL --adapter {}", options.out));
}

}  // namespace nalar::apps
