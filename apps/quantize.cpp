#include "quantize.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <unistd.h>

#include "parse_size.h"
#include "quantize_report.h"
#include "stop_signals.h"
#include "terminal.h"

namespace nalar::apps {
namespace {

DType weight_type(std::string_view option, std::string_view text) {
  if (const auto type = parse_weight_type(text)) return *type;
  throw Error(ErrorKind::usage, fmt::format("{}: unknown type \"{}\"", option, printable(text, 60)),
              "F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q5_1, Q5_0, Q4_K, Q4_1, Q4_0, IQ4_NL, IQ4_XS, "
              "Q3_K or Q2_K");
}

std::optional<DType> weight_type(std::string_view option, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return weight_type(option, std::string_view(*text));
}

}  // namespace

const char* QuantizeCommand::notes() const {
  return "OUT.gguf opens in llama.cpp and all that is built on it. It is written whole or not at "
         "all, and beside it OUT.gguf.report.json: what each tensor became and lost, hashes, "
         "options.\n"
         "The names of types choose for each tensor as llama-quantize does; the sizes are the "
         "same.\n"
         "Rounding keeps the errors of what the model computes small: on 16 tokens drawn at random, "
         "or with --calibrate FILE on some hundred kB of text as it will read it, which takes "
         "longer and loses least.";
}

void QuantizeCommand::declare(OptionSet& options) {
  options.positional("MODEL", model_.path, "a .gguf file or a folder, of F32, F16 or BF16");
  options.positional("OUT", out_, "the file to write, which does not exist");
  options.group("Types");
  options.text({"--type", "T",
                "Q8_0, Q6_K, Q5_K_M, Q5_K_S, Q4_K_M, Q4_K_S, Q3_K_L, Q3_K_M, Q3_K_S, Q2_K, Q5_0, "
                "Q5_1, Q4_0, Q4_1, IQ4_NL, IQ4_XS, F16, BF16 or F32 [Q4_K_M]"},
               type_);
  options.texts({"--tensor", "REGEX=TYPE", "the type of tensors by their names; repeatable"},
                tensors_);
  options.flag({"--pure", "", "one type for every matrix"}, given_.pure);
  options.text({"--output-type", "T",
                "the type of the head; where it is the embedding too, what names that comes first"},
               output_type_);
  options.text({"--embedding-type", "T", "the type of the embedding"}, embedding_type_);
  options.text({"--target-size", "SIZE", "the best types for a file of this size: 4GiB, 500MB"},
               target_size_);
  options.number({"--target-bpw", "B", "the same for this many bits a weight"}, given_.target_bpw,
                 {0, 32});
  options.group("Quality");
  options.text({"--calibrate", "FILE", "a text: what the model sees in it steers the rounding"},
               given_.calibration);
  options.flag({"--no-feedback", "", "with --calibrate: no error feedback between columns"},
               no_feedback_);
  options.text({"--imatrix", "FILE", "statistics as llama-imatrix writes them (.gguf)"},
               given_.imatrix);
  options.text({"--write-imatrix", "FILE", "with --calibrate: its statistics in that form"},
               given_.write_imatrix);
  options.text({"--check", "FILE",
                "a text: perplexity and KL divergence against the source, written into the file "
                "and the report"},
               given_.check);
  options.flag({"--allow-requantize", "", "a source that is quantized already"},
               given_.allow_requantize);
  options.group("Machine");
  options.number(
      {"-t,--threads", "N", "threads (default: the physical cores this process may use)"},
      model_.threads, {1, 1024});
  declare_source_flags(options, model_);
  options.flag({"--dry-run", "", "the table of types and sizes; writes nothing"}, model_.dry_run);
  options.command_line_only();
}

QuantizeOptions QuantizeCommand::options() const {
  QuantizeOptions out = given_;
  if (type_) {
    const auto mix = parse_mix(*type_);
    if (!mix) {
      throw Error(ErrorKind::usage,
                  fmt::format("--type: unknown type \"{}\"", printable(*type_, 60)),
                  "nalar quantize --help lists them");
    }
    out.mix = *mix;
  }
  for (const std::string& text : tensors_) {
    const size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorKind::usage,
                  fmt::format("--tensor: got \"{}\", need REGEX=TYPE", printable(text, 60)));
    }
    out.tensors.emplace_back(text.substr(0, equals),
                             weight_type("--tensor", std::string_view(text).substr(equals + 1)));
  }
  out.output_type = weight_type("--output-type", output_type_);
  out.embedding_type = weight_type("--embedding-type", embedding_type_);
  if (target_size_) out.target_bytes = parse_size("--target-size", *target_size_);
  out.feedback = !no_feedback_;
  out.threads = model_.threads.value_or(0);
  out.validate();
  return out;
}

void QuantizeCommand::run(const OptionSet&, Streams& streams) {
  if (!model_.path) throw Error(ErrorKind::usage, "MODEL is missing: a .gguf file");
  if (!out_ && !model_.dry_run) throw Error(ErrorKind::usage, "OUT.gguf is missing");
  const QuantizeOptions how = options();
  if (type_ && (how.target_bytes || how.target_bpw)) {
    throw Error(ErrorKind::usage, "--type and a target exclude each other");
  }
  const auto model = open_model(model_);
  streams.log.detail(describe(*model));
  const StopSignals signals;
  QuantizeDisplay display(streams.log, can_overwrite(STDERR_FILENO));
  QuantizeControl control;
  control.on_event = [&](const QuantizeEvent& event) {
    display.show(event);
    return !signals.asked();
  };
  if (model_.dry_run) {
    const QuantizePlan plan = plan_quantize(model, how, control);
    streams.out.write(common.json ? to_text(plan_json(plan)) + "\n" : plan_text(plan));
    return;
  }
  const QuantizeResult result = quantize(model, *out_, how, control);
  streams.out.write(common.json ? to_text(result.report) + "\n" : result_text(result));
  streams.log.detail(fmt::format("try: nalar run {}", *out_));
}

}  // namespace nalar::apps
