#include "report/run_json.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include "report/format.h"

namespace nalar::report {
namespace {

Json files_json(const std::vector<FileHash>& files) {
  Json::Array all;
  for (const FileHash& file : files) {
    all.emplace_back(Json::Object{
        {"name", file_name(file.name)}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return all;
}

Json data_json(const TrainingRecord& r) {
  Json data =
      Json::Object{{"files", files_json(r.data_files)}, {"valid_files", files_json(r.valid_files)}};
  const Json figures = without_folders(r.data);
  if (!figures.is_object()) return data;
  for (const auto& [key, value] : figures.as_object()) data.set(key, value);
  return data;
}

template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json result_json(const TrainingRecord& r) {
  const auto first = r.valid.empty() ? std::nullopt : std::optional(r.valid.front().loss);
  const auto last = r.curve.empty() ? std::nullopt : std::optional(r.curve.back().loss);
  return Json::Object{{"steps", r.steps},
                      {"stopped_by", r.stopped_by},
                      {"best_step", r.best_step},
                      {"train_loss", optional_json(last)},
                      {"valid_loss_before", optional_json(first)},
                      {"valid_loss", optional_json(best_valid_loss(r))},
                      {"tokens", r.tokens},
                      {"label_tokens", r.label_tokens},
                      {"seconds", r.seconds},
                      {"peak_bytes", r.peak_bytes},
                      {"flops", r.flops},
                      {"flops_method", r.flops_method},
                      {"joules", optional_json(r.joules)}};
}

Json software_json(const TrainingRecord& r) {
  return Json::Object{{"nalar", r.nalar_version},
                      {"commit", r.nalar_commit},
                      {"torch", r.torch_version},
                      {"isa", r.isa},
                      {"cpu", r.cpu},
                      {"dtype", r.dtype},
                      {"threads", r.threads}};
}

Error wrong(const std::string& key, const Json* got, const char* need) {
  return {ErrorKind::bad_data, fmt::format("(key {}): got {}, need {}", key,
                                           got == nullptr ? "none" : got->kind_name(), need)};
}

std::string text_of(const Json& object, const char* key) {
  const Json* value = object.find(key);
  if (value == nullptr) return {};
  if (!value->is_string()) throw wrong(key, value, "a string");
  return value->as_string();
}

const Json::Array& list_of(const Json& object, const char* key) {
  static const Json::Array kNone;
  const Json* value = object.find(key);
  if (value == nullptr) return kNone;
  if (!value->is_array()) throw wrong(key, value, "a list");
  return value->as_array();
}

void read_base(const Json& base, RunSummary& run) {
  if (!base.is_object()) throw wrong("base", &base, "an object");
  run.base_name = text_of(base, "name");
  for (const Json& file : list_of(base, "files")) {
    if (!file.is_object()) throw wrong("files", &file, "objects");
    const Json* bytes = file.find("bytes");
    if (bytes == nullptr || !bytes->is_integer()) throw wrong("bytes", bytes, "an integer");
    run.base_files.push_back({text_of(file, "name"), bytes->as_int64(), text_of(file, "sha256")});
  }
}

void read_end_tokens(const Json& end, RunSummary& run) {
  if (!end.is_object()) throw wrong("end_tokens", &end, "an object");
  for (const Json& id : list_of(end, "ids")) {
    if (!id.is_integer() || id.as_int64() < 0) throw wrong("ids", &id, "integers ≥ 0");
    run.end_tokens.push_back(id.as_int64());
  }
  for (const Json& piece : list_of(end, "pieces")) {
    if (!piece.is_string()) throw wrong("pieces", &piece, "strings");
    run.end_pieces.push_back(piece.as_string());
  }
  if (run.end_pieces.size() != run.end_tokens.size()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("(key pieces): got {} of them, need {}, one for each of ids",
                            run.end_pieces.size(), run.end_tokens.size()));
  }
}

}  // namespace

std::string run_json(const TrainingRecord& r) {
  const Json run = Json::Object{
      {"format", kRunFormat},
      {"command", "finetune"},
      {"name", file_name(r.name)},
      {"date", r.date},
      {"method", r.method},
      {"base", Json::Object{{"name", without_folders(r.base_name)},
                            {"family", r.base_family},
                            {"parameters", r.base_parameters},
                            {"files", files_json(r.base_files)}}},
      {"data", data_json(r)},
      {"settings", without_folders(r.settings)},
      {"seed", r.seed},
      {"trained_parameters", r.trained_parameters},
      {"template_sha256", r.template_sha256},
      {"end_tokens",
       Json::Object{{"ids", Json::Array(r.end_tokens.begin(), r.end_tokens.end())},
                    {"pieces", Json::Array(r.end_pieces.begin(), r.end_pieces.end())}}},
      {"software", software_json(r)},
      {"result", result_json(r)}};
  return to_text(run, 2) + "\n";
}

RunSummary parse_run_json(std::string_view text) {
  const Json run = parse_json(text);
  if (!run.is_object()) throw wrong("format", nullptr, "an object of a run");
  if (text_of(run, "format") != kRunFormat) {
    throw Error(ErrorKind::bad_data, fmt::format("(key format): need \"{}\"", kRunFormat));
  }
  RunSummary summary;
  if (const Json* base = run.find("base")) read_base(*base, summary);
  if (const Json* end = run.find("end_tokens")) read_end_tokens(*end, summary);
  return summary;
}

}  // namespace nalar::report
