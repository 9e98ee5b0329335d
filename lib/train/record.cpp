#include "train/record.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nalar/version.h>

#include <algorithm>
#include <chrono>

#include "io/atomic_file.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "model/fingerprint.h"
#include "report/format.h"
#include "report/html_report.h"
#include "report/model_card.h"
#include "report/run_json.h"
#include "train/base_files.h"
#include "train/machine.h"
#include "train/options.h"

namespace nalar::train {
namespace {

bool is_quantized_base(const Model& base) {
  const std::vector<LayerWeights>& layers = base.weights().layers;
  return std::any_of(layers.begin(), layers.end(),
                     [](const LayerWeights& w) { return is_quantized(w.q.dtype); });
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

void add_data(const TrainingData& data, report::TrainingRecord& record) {
  record.data_files = hash_files(io::file_system(), data.dataset->paths());
  record.data = to_json(data.dataset->report());
  record.data.set("rows_trained", data.rows.size() - data.canary_rows());
  if (data.canaries) record.data.set("canary_rows", data.canary_rows());
  record.data.set("rows_held_back", data.valid_dataset ? 0 : data.valid.size());
  if (data.valid_dataset) {
    record.valid_files = hash_files(io::file_system(), data.valid_dataset->paths());
    record.data.set("validation", to_json(data.valid_dataset->report()));
  }
  if (data.chat) record.template_sha256 = data.chat->hash();
  for (const TokenId id : data.end_tokens()) {
    record.end_tokens.push_back(id);
    record.end_pieces.emplace_back(data.tokenizer->piece(id));
  }
}

void add_machine(const RecordParts& parts, report::TrainingRecord& record) {
  const VersionInfo version = version_info();
  record.nalar_version = version.version;
  record.nalar_commit = version.commit;
  record.torch_version = parts.torch_version;
  record.isa = cpu_isa();
  record.cpu = cpu_name();
  record.dtype = parts.state.dtype;
  record.threads = parts.threads;
}

void add_course(const TrainState& state, report::TrainingRecord& record) {
  record.steps = state.step;
  record.best_step = state.best ? state.best->step : state.step;
  record.tokens = state.tokens;
  record.label_tokens = state.label_tokens;
  record.peak_bytes = state.peak_bytes;
  record.seconds = state.seconds;
  record.joules = state.joules;
  record.clock = state.clock;
  record.curve = state.curve;
  record.valid = state.valid;
}

}  // namespace

double training_flops(Method method, int64_t base_parameters, int64_t trained_parameters) {
  const auto frozen = method == Method::full ? 0.0 : static_cast<double>(base_parameters);
  return 4 * frozen + 6 * static_cast<double>(trained_parameters);
}

Json to_json(const DatasetReport& report) {
  Json json;
  json.set("rows", report.rows);
  json.set("tokens", report.tokens);
  json.set("learned_tokens", report.learned);
  json.set("shortest", report.shortest);
  json.set("median", report.median);
  json.set("longest", report.longest);
  json.set("truncated", report.truncated);
  json.set("dropped", report.dropped);
  json.set("without_learned", report.without_learned);
  json.set("duplicates", report.duplicates);
  json.set("bad_rows", static_cast<int64_t>(report.bad.size()));
  Json::Object formats;
  for (const auto& [format, rows] : report.formats) formats.emplace_back(format, rows);
  json.set("formats", std::move(formats));
  json.set("sha256", report.sha256);
  return json;
}

report::TrainingRecord make_record(const RecordParts& parts) {
  const FinetuneOptions& options = parts.options;
  report::TrainingRecord record;
  record.name = report::file_name(options.out);
  record.date = utc_now();
  record.base_name = report::file_name(parts.base.files().path());
  record.base_family = parts.base.config().family;
  record.base_fingerprint = model::fingerprint(parts.base);
  record.base_files = hash_files(parts.base.files());
  record.whole_model = options.method == Method::full;
  record.method = record.whole_model              ? "all weights"
                  : is_quantized_base(parts.base) ? "QLoRA"
                                                  : "LoRA";
  record.settings = settings_json(options);
  record.settings.set("batch-tokens", parts.state.batch_tokens);
  record.seed = options.seed;
  record.trained_parameters = parts.trained_parameters;
  record.base_parameters = parts.base.n_parameters();
  record.stopped_by = parts.stopped_by;
  add_data(parts.data, record);
  add_machine(parts, record);
  add_course(parts.state, record);
  record.flops = training_flops(options.method, record.base_parameters, record.trained_parameters) *
                 static_cast<double>(record.tokens);
  record.flops_method = record.whole_model ? "6 · parameters · tokens"
                                           : "(4 · base parameters + 6 · trained ones) · tokens";
  return record;
}

void write_reports(io::FileSystem& files, const std::string& folder,
                   const report::TrainingRecord& record) {
  io::write_atomically(files, io::join(folder, "run.json"), io::kSharedFile,
                       report::run_json(record));
  io::write_atomically(files, io::join(folder, "README.md"), io::kSharedFile,
                       report::model_card(record));
  io::write_atomically(files, io::join(folder, "report.html"), io::kSharedFile,
                       report::html_report(record));
}

}  // namespace nalar::train
