#include "train/finetune_run.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/build_info.h"
#include "data/canaries.h"
#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/weight_files.h"
#include "model/fingerprint.h"
#include "model/lora.h"
#include "model/lora_peft.h"
#include "model/weights.h"
#include "report/energy.h"
#include "train/base_files.h"
#include "train/identity.h"
#include "train/options.h"
#include "train/output_folder.h"
#include "train/preparation.h"
#include "train/record.h"
#include "train/run_log.h"
#include "train/samples.h"
#include "train/trained_weights.h"
#include "train/trainer.h"
#include "train/training_data.h"

namespace nalar::train {
namespace {

bool has_quantized_weights(const Model& model) {
  bool found = false;
  Weights weights = model.weights();
  model::for_each_tensor(model.config(), weights, [&](const model::TensorSlot& slot) {
    found = found || is_quantized(slot.view->dtype);
  });
  return found;
}

class Run {
 public:
  Run(std::shared_ptr<const Model> model, const FinetuneOptions& options,
      const TrainingBackend& backend, const FinetuneProgress& progress)
      : model_(std::move(model)),
        options_(options),
        backend_(backend),
        progress_(progress),
        folder_(backend.files, options.out, options.resume) {}

  FinetuneResult run() {
    look_back();
    prepare();
    open();
    const Ended ended = train();
    return finish(ended);
  }

 private:
  void look_back();  // finds the checkpoint to go on from, or begins a state
  void prepare();    // data, plan, identity
  void open();       // model with gradients; the state's tensors
  Ended train();
  FinetuneResult finish(Ended ended);

  Json identity() const;
  void check_position();
  void save();
  void tell_data(const char* what, const Dataset& dataset);
  void say(FinetuneEvent::Kind kind, std::string text);
  // Whether to go on: once it was refused, it stays so.
  bool tell(const FinetuneEvent& event);
  Tuned tuned() const;
  FinetuneResult result() const;

  std::shared_ptr<const Model> model_;
  FinetuneOptions options_;
  const TrainingBackend& backend_;
  FinetuneProgress progress_;
  bool stopped_ = false;
  OutputFolder folder_;
  std::optional<io::CheckpointDir::Found> found_;
  TrainState state_;
  std::optional<Preparation> prepared_;
  std::optional<UpdatePlan> plan_;
  TrainableOptions trainable_options_;
  Json identity_;
  std::unique_ptr<TrainableModel> trainable_;
  std::optional<RunLog> log_;
  report::EnergyMeter meter_;
  std::optional<double> joules_before_;
};

void Run::look_back() {
  found_ = folder_.newest([](const std::string& text) { notice(text); });
  if (!found_) {
    state_.clock = clock_now();
    return;
  }
  state_ = read_progress(backend_.files, found_->folder);
  if (state_.step != found_->step) {
    throw Error(ErrorKind::bad_data,
                fmt::format("damaged state (key step): got {}, need {}", state_.step, found_->step))
        .in_file(found_->folder);
  }
}

void Run::prepare() {
  const auto stopped = [&] {
    FinetuneEvent event;
    event.kind = FinetuneEvent::Kind::alive;
    return !tell(event);
  };
  prepared_.emplace(*model_, options_, state_.clock, stopped);
  if (options_.adapter) take_form(*prepared_->adapter, *model_, options_);
  data::PackOptions pack = pack_options(options_, prepared_->data.rows);
  if (found_) pack.batch_tokens = state_.batch_tokens;
  state_.batch_tokens = pack.batch_tokens;
  plan_.emplace(prepared_->data.rows, options_, pack);
  if (!found_) state_.dtype = name(dtype_for(options_, *prepared_, backend_));
  trainable_options_ = trainable_options(
      options_, *prepared_, state_.dtype == "bf16" ? TrainDtype::bf16 : TrainDtype::fp32,
      largest_batch(*plan_, prepared_->data.valid, pack));
  identity_ = identity();
  if (found_) {
    const Json* recorded = found_->manifest.find("identity");
    check_identity(recorded == nullptr ? Json() : *recorded, identity_);
    check_position();
  }
}

Json Run::identity() const {
  const TrainingData& data = prepared_->data;
  Origin origin;
  origin.base = model::fingerprint(*model_);
  if (options_.adapter) {
    const std::string weights = io::join(*options_.adapter, model::kPeftWeightsName);
    origin.adapter = hash_files(io::file_system(), {weights}).front().sha256;
  }
  origin.data = data.dataset->report().sha256;
  if (data.valid_dataset) origin.valid = data.valid_dataset->report().sha256;
  if (data.chat) origin.chat_template = data.chat->hash();
  origin.build = fmt::format("{} torch {}", NALAR_BUILD_ID, backend_.torch_version);
  origin.isa = cpu_isa();
  origin.device = options_.device == Device::cuda ? "cuda" : "cpu";
  origin.threads = trainable_options_.threads;
  return identity_json(origin, options_);
}

// A state that passed its checks may still be none of this plan.
void Run::check_position() {
  const bool fits =
      state_.step <= plan_->updates() &&
      (state_.step == plan_->updates() || state_.update < plan_->updates_of(state_.epoch));
  if (fits) return;
  throw Error(ErrorKind::bad_data,
              fmt::format("damaged state (key update): got {} of epoch {}, step {} of {}",
                          state_.update, state_.epoch, state_.step, plan_->updates()))
      .in_file(found_->folder);
}

void Run::open() {
  // First what may not be there, a device or LibTorch: a run that cannot begin leaves no folder.
  trainable_ = backend_.open(trainable_options_);
  folder_.prepare(checkpoint_bytes(prepared_->parameters, options_.optimizer), options_.keep);
  log_.emplace(backend_.files, folder_,
               RunLog::Start{.log_bytes = state_.log_bytes,
                             .resumed_at = found_ ? std::optional(state_.step + 1) : std::nullopt,
                             .tensorboard = options_.tensorboard});
  joules_before_ = state_.joules;
  if (options_.dtype == TrainDtype::automatic) {
    say(FinetuneEvent::Kind::notice, fmt::format("--dtype auto is {} here", state_.dtype));
  }
  if (options_.method == Method::full && has_quantized_weights(*model_)) {
    say(FinetuneEvent::Kind::notice,
        "the model is quantized: its weights are dequantized to be trained, and stay so");
  }
  if (found_) {
    read_tensors(backend_.files, found_->folder, options_.optimizer, state_,
                 trainable_->parameters());
    trainable_->parameters_changed();
  } else {
    state_.moments = initial_moments(options_.optimizer, trainable_->parameters());
  }
}

Ended Run::train() {
  const TrainingData& data = prepared_->data;
  say(FinetuneEvent::Kind::started,
      fmt::format("{} parameters, {} rows ({} held back), {} updates, {}{}", prepared_->parameters,
                  data.rows.size(), data.valid.size(), plan_->updates(), state_.dtype,
                  found_ ? fmt::format(", from update {} on", state_.step + 1) : ""));
  tell_data("data", *data.dataset);
  if (data.valid_dataset) tell_data("validation data", *data.valid_dataset);
  if (data.canaries) {
    say(FinetuneEvent::Kind::notice,
        fmt::format("canaries: {} secrets, {} times each, after the training rows",
                    data.canaries->secrets.size(), data.canaries->repeats));
  }
  TrainerHooks hooks{.progress = [&](const FinetuneEvent& event) { return tell(event); },
                     .log = [&](const FinetuneEvent& event) { log_->add(event); },
                     .save = [&] { save(); }};
  Trainer trainer({*trainable_, data.rows, data.valid, *plan_, options_, state_}, std::move(hooks));
  return trainer.run();
}

void Run::save() {
  log_->sync();
  state_.log_bytes = log_->log_bytes();
  if (const auto joules = meter_.joules()) state_.joules = joules_before_.value_or(0) + *joules;
  folder_.checkpoints().save(
      state_.step, identity_,
      [&](const std::string& folder) {
        write_state(backend_.files, folder, state_, trainable_->parameters());
      },
      options_.keep);
  say(FinetuneEvent::Kind::saved,
      fmt::format("{}/checkpoints/step-{:08}", folder_.path(), state_.step));
}

FinetuneResult Run::finish(Ended ended) {
  if (ended == Ended::stopped || ended == Ended::out_of_time) {
    throw Error(ErrorKind::try_again,
                fmt::format("{} after update {} of {}: saved",
                            ended == Ended::stopped ? "stopped" : "--max-time is over", state_.step,
                            plan_->updates()),
                "the same command with --resume goes on");
  }
  const std::span<Parameter> parameters = trainable_->parameters();
  if (state_.best && state_.best->step != state_.step) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      std::copy(state_.best_values[i].begin(), state_.best_values[i].end(),
                parameters[i].value.begin());
    }
  }
  const TrainingData& data = prepared_->data;
  const ChatTemplate* chat = data.chat ? &*data.chat : nullptr;
  io::FileSystem& files = backend_.files;
  if (options_.method == Method::full && model_->files().format() == ModelFormat::gguf) {
    backend_.write_folder(folder_.path(), trained_values(parameters));
    copy_tokenizer_files(files, model_->files(), chat, folder_.path());
  } else if (options_.method == Method::full) {
    write_weights(files, folder_.path(), *model_, parameters);
    copy_model_files(files, model_->files(), chat, folder_.path());
  } else {
    prepared_->adapter = with_values(std::move(*prepared_->adapter), parameters);
    write_adapter(files, folder_.path(), *prepared_->adapter, *model_);
    copy_tokenizer_files(files, model_->files(), chat, folder_.path());
  }
  if (data.canaries) {
    io::write_atomically(files, folder_.path_of(data::kCanariesName), io::kPrivateFile,
                         to_text(data::to_json(*data.canaries), 2) + "\n");
  }
  trainable_.reset();  // its memory is free for the samples
  report::TrainingRecord record =
      make_record({.base = *model_,
                   .options = options_,
                   .data = data,
                   .state = state_,
                   .torch_version = backend_.torch_version,
                   .stopped_by = ended == Ended::steps ? "steps" : "early stop",
                   .trained_parameters = prepared_->parameters,
                   .threads = trainable_options_.threads});
  const bool full = options_.method == Method::full;
  record.result_files =
      hash_files(files, {folder_.path_of(full ? io::kSafetensorsName : model::kPeftWeightsName)});
  record.samples = make_samples(model_, tuned(), data, trainable_options_.threads);
  write_reports(files, folder_.path(), record);
  say(FinetuneEvent::Kind::ended, folder_.path());
  return result();
}

void Run::tell_data(const char* what, const Dataset& dataset) {
  const DatasetReport& report = dataset.report();
  say(FinetuneEvent::Kind::notice, fmt::format("{}: {}", what, describe(report)));
  for (const BadRow& bad : report.bad) {
    say(FinetuneEvent::Kind::notice, fmt::format("{}: {}", bad.place, bad.problem));
  }
}

void Run::say(FinetuneEvent::Kind kind, std::string text) {
  FinetuneEvent event;
  event.kind = kind;
  event.step = state_.step;
  event.steps = plan_->updates();
  event.tokens = state_.tokens;
  event.label_tokens = state_.label_tokens;
  event.seconds = state_.seconds;
  event.text = std::move(text);
  tell(event);
}

bool Run::tell(const FinetuneEvent& event) {
  if (progress_ && !progress_(event)) stopped_ = true;
  return !stopped_;
}

Tuned Run::tuned() const {
  if (!prepared_->adapter) return {.model = open_model(folder_.path()), .adapter = nullptr};
  return {.model = model_,
          .adapter = std::make_shared<Adapter>(folder_.path(), *prepared_->adapter)};
}

FinetuneResult Run::result() const {
  FinetuneResult result;
  result.steps = state_.step;
  result.tokens = state_.tokens;
  result.label_tokens = state_.label_tokens;
  result.train_loss = state_.train_loss;
  if (state_.best) result.valid_loss = state_.best->loss;
  result.first_valid_loss = state_.first_valid_loss;
  result.best_step = state_.best ? state_.best->step : state_.step;
  result.seconds = state_.seconds;
  result.tokens_per_s =
      state_.seconds > 0 ? static_cast<double>(state_.tokens) / state_.seconds : 0;
  result.peak_bytes = state_.peak_bytes;
  return result;
}

}  // namespace

FinetuneResult run_finetune(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                            const TrainingBackend& backend, const FinetuneProgress& progress) {
  options.validate();
  if (options.out.empty()) throw Error(ErrorKind::usage, "-o: got nothing, need a folder");
  return Run(std::move(model), options, backend, progress).run();
}

}  // namespace nalar::train
