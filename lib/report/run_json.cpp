#include "report/run_json.h"

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
                      {"joules", optional_json(r.joules)},
                      {"files", files_json(r.result_files)}};
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
                            {"fingerprint", r.base_fingerprint},
                            {"parameters", r.base_parameters},
                            {"files", files_json(r.base_files)}}},
      {"data", data_json(r)},
      {"settings", without_folders(r.settings)},
      {"seed", r.seed},
      {"trained_parameters", r.trained_parameters},
      {"template_sha256", r.template_sha256},
      {"clock", r.clock},
      {"end_tokens",
       Json::Object{{"ids", Json::Array(r.end_tokens.begin(), r.end_tokens.end())},
                    {"pieces", Json::Array(r.end_pieces.begin(), r.end_pieces.end())}}},
      {"software", software_json(r)},
      {"result", result_json(r)}};
  return to_text(run, 2) + "\n";
}

}  // namespace nalar::report
