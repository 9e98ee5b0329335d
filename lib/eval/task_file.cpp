#include "eval/task_file.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/digest.h"
#include "base/utf8.h"
#include "eval/object_reader.h"
#include "io/folder_file.h"

namespace nalar::eval {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;

constexpr std::array<std::string_view, 4> kTypes = {"multiple_choice", "loglikelihood",
                                                    "loglikelihood_rolling", "generate_until"};
constexpr std::array<std::string_view, 9> kMetrics = {
    "acc",        "acc_norm",        "acc_bytes",       "exact_match",  "f1",
    "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte"};

// What lm-evaluation-harness calls it that makes the metric's figure of its items.
std::string_view aggregation_of(MetricKind metric) {
  switch (metric) {
    case MetricKind::f1:
      return "f1";
    case MetricKind::perplexity:
      return "perplexity";
    case MetricKind::word_perplexity:
    case MetricKind::byte_perplexity:
      return "weighted_perplexity";
    case MetricKind::bits_per_byte:
      return "bits_per_byte";
    default:
      return "mean";
  }
}

// Which metrics each output type has.
bool fits(MetricKind metric, OutputType type) {
  switch (type) {
    case OutputType::multiple_choice:
      return metric <= MetricKind::f1;
    case OutputType::loglikelihood:
      return metric == MetricKind::acc || metric == MetricKind::perplexity;
    case OutputType::loglikelihood_rolling:
      return metric >= MetricKind::word_perplexity;
    case OutputType::generate_until:
      return metric == MetricKind::exact_match;
  }
  return false;
}

std::vector<std::string_view> default_metrics(OutputType type) {
  switch (type) {
    case OutputType::multiple_choice:
      return {"acc", "acc_norm"};
    case OutputType::loglikelihood:
      return {"perplexity", "acc"};
    case OutputType::loglikelihood_rolling:
      return {"word_perplexity", "byte_perplexity", "bits_per_byte"};
    case OutputType::generate_until:
      return {"exact_match"};
  }
  return {};
}

template <typename Enum, size_t N>
Enum one_of(ObjectReader& reader, std::string_view key,
            const std::array<std::string_view, N>& names, const std::string& word) {
  const auto at = std::find(names.begin(), names.end(), word);
  if (at == names.end()) {
    reader.wrong(key, fmt::format("\"{}\"", base::escaped(word, 40)),
                 fmt::format("one of {}", fmt::join(names, ", ")));
  }
  return static_cast<Enum>(at - names.begin());
}

MetricSpec read_metric(const Json& entry, OutputType type, size_t index) {
  ObjectReader reader(entry, fmt::format("metric_list[{}].", index));
  MetricSpec spec;
  const std::string word = reader.text("metric", "");
  spec.kind = one_of<MetricKind>(reader, "metric", kMetrics, word);
  if (!fits(spec.kind, type)) {
    reader.wrong("metric", word, fmt::format("a metric of {}", name(type)));
  }
  spec.higher_is_better = reader.boolean("higher_is_better", spec.kind < MetricKind::perplexity);
  const std::string_view own = aggregation_of(spec.kind);
  if (const std::string given = reader.text("aggregation", std::string(own)); given != own) {
    reader.wrong("aggregation", fmt::format("\"{}\"", base::escaped(given, 40)), own);
  }
  if (spec.kind == MetricKind::f1) {
    const std::string average = reader.text("average", "binary");
    constexpr std::array<std::string_view, 2> kAverages = {"binary", "macro"};
    spec.macro = one_of<int>(reader, "average", kAverages, average) == 1;
  }
  if (spec.kind == MetricKind::exact_match) {
    spec.ignore_case = reader.boolean("ignore_case", false);
    spec.ignore_punctuation = reader.boolean("ignore_punctuation", false);
    spec.ignore_numbers = reader.boolean("ignore_numbers", false);
    for (std::string& pattern : reader.texts("regexes_to_ignore")) {
      try {
        spec.regexes_to_ignore.emplace_back(std::move(pattern));
      } catch (const Error& error) {
        reader.wrong("regexes_to_ignore", error.what(), "regular expressions");
      }
    }
  }
  reader.end();
  return spec;
}

void read_metrics(ObjectReader& reader, TaskFile& task) {
  if (const Json::Array* list = reader.list("metric_list")) {
    for (const Json& entry : *list) {
      task.metrics.push_back(read_metric(entry, task.output_type, task.metrics.size()));
    }
  } else {
    for (const std::string_view word : default_metrics(task.output_type)) {
      const Json entry = Json::Object{{"metric", word}};
      task.metrics.push_back(read_metric(entry, task.output_type, task.metrics.size()));
    }
  }
  if (task.metrics.empty()) reader.wrong("metric_list", "an empty list", "one metric or more");
}

void read_generation(ObjectReader& reader, TaskFile& task) {
  const Json* kwargs = reader.find("generation_kwargs");
  task.until = {task.fewshot_delimiter};
  if (kwargs == nullptr) return;
  ObjectReader own(*kwargs, "generation_kwargs.");
  if (own.find("until") != nullptr) task.until = own.texts("until");
  task.max_gen_toks = static_cast<int>(own.integer("max_gen_toks", 256, 1, 1 << 20));
  if (own.boolean("do_sample", false)) own.wrong("do_sample", "true", "false: answers are greedy");
  if (const Json* t = own.find("temperature"); t != nullptr) {
    if (!t->is_number() || t->as_double() != 0) {
      own.wrong("temperature", to_text(*t), "0: answers are greedy");
    }
  }
  own.end();
}

void read_shots(ObjectReader& reader, TaskFile& task) {
  task.num_fewshot = static_cast<int>(reader.integer("num_fewshot", 0, 0, 1000));
  const std::string test = reader.text("test_split", reader.text("validation_split", ""));
  const std::string shots = reader.text("fewshot_split", test);
  reader.skip({"training_split", "validation_split"});
  task.other_fewshot_split = shots != test;
  const Json* config = reader.find("fewshot_config");
  if (config == nullptr) return;
  ObjectReader own(*config, "fewshot_config.");
  constexpr std::array<std::string_view, 2> kSamplers = {"default", "first_n"};
  task.fewshot_samples.path = task.path;
  task.first_n = one_of<int>(own, "sampler", kSamplers, own.text("sampler", "default")) == 1;
  if (const Json::Array* samples = own.list("samples")) {
    for (const Json& sample : *samples) {
      if (!sample.is_object()) own.wrong("samples", sample.kind_name(), "a list of objects");
      std::vector<Row>& rows = task.fewshot_samples.rows;
      rows.push_back({sample, static_cast<int64_t>(rows.size()) + 1});
    }
  }
  own.end();
}

std::optional<Field> read_field(ObjectReader& reader, const char* key) {
  const Json* spec = reader.find(key);
  if (spec == nullptr) return std::nullopt;
  const bool fits = spec->is_string() || spec->is_integer() || spec->is_array();
  if (!fits) reader.wrong(key, spec->kind_name(), "a column, a template or a list");
  return Field(*spec, key);
}

void need_fields(ObjectReader& reader, const TaskFile& task) {
  const bool rolling = task.output_type == OutputType::loglikelihood_rolling;
  if (!task.doc_to_text && !rolling) reader.need("doc_to_text", "a column or a template");
  if (!task.doc_to_target) reader.need("doc_to_target", "a column or a template");
  if (task.output_type == OutputType::multiple_choice && !task.doc_to_choice) {
    reader.need("doc_to_choice", "a column, a template or a list");
  }
}

// Paths in a task file are from its folder.
std::string beside(const std::string& task_path, const std::string& path) {
  if (path.empty() || path.front() == '/') return path;
  const size_t slash = task_path.rfind('/');
  return slash == std::string::npos ? path : task_path.substr(0, slash + 1) + path;
}

TaskFile parse(const std::string& path, const std::string& text) {
  const Json json = parse_json(text);
  ObjectReader reader(json);
  TaskFile task;
  task.path = path;
  task.sha256 = base::sha256_hex(text);
  task.source = json;
  task.name = reader.text("task", "");
  if (task.name.empty()) reader.need("task", "a name");
  task.output_type = one_of<OutputType>(reader, "output_type", kTypes,
                                        reader.text("output_type", "generate_until"));
  task.data = beside(path, reader.text("data", ""));
  task.fewshot_data = beside(path, reader.text("fewshot_data", ""));
  task.columns = reader.texts("columns");
  task.doc_to_text = read_field(reader, "doc_to_text");
  task.doc_to_choice = read_field(reader, "doc_to_choice");
  task.doc_to_target = read_field(reader, "doc_to_target");
  task.description = read_field(reader, "description");
  need_fields(reader, task);
  task.target_delimiter = reader.text("target_delimiter", " ");
  task.fewshot_delimiter = reader.text("fewshot_delimiter", "\n\n");
  read_shots(reader, task);
  read_generation(reader, task);
  read_metrics(reader, task);
  if (reader.list("filter_list") != nullptr) task.filters = read_filters(*json.find("filter_list"));
  if (task.filters.empty()) task.filters.emplace_back();
  if (const Json* metadata = reader.find("metadata")) {
    if (const Json* version = metadata->find("version")) task.version = *version;
  }
  reader.integer("repeats", 1, 1, 1);
  reader.skip({"about", "tag", "group", "task_alias", "dataset_path", "dataset_name",
               "dataset_kwargs", "should_decontaminate", "doc_to_decontamination_query"});
  reader.end();
  return task;
}

}  // namespace

std::string_view name(OutputType type) noexcept { return kTypes[static_cast<size_t>(type)]; }
std::string_view name(MetricKind kind) noexcept { return kMetrics[static_cast<size_t>(kind)]; }

TaskFile read_task_file(const std::string& path) {
  if (path.ends_with(".yaml") || path.ends_with(".yml")) {
    throw Error(ErrorKind::no_input, "need a task in JSON",
                "python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))' "
                "< TASK.yaml > TASK.json")
        .in_file(path);
  }
  return io::in_file(path, [&] { return parse(path, read_input(path, kMaxBytes)); });
}

}  // namespace nalar::eval
