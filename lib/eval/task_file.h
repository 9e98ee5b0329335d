#pragma once

#include <nalar/json.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/field.h"
#include "eval/filters.h"
#include "eval/rows.h"

namespace nalar::eval {

enum class OutputType { multiple_choice, loglikelihood, loglikelihood_rolling, generate_until };
std::string_view name(OutputType type) noexcept;

enum class MetricKind {
  acc,              // the most likely choice is right, or every token of the target is the first
  acc_norm,         // likelihood ÷ characters of the choice
  acc_bytes,        // ÷ its bytes
  exact_match,      // the answer is the target, both normalised
  f1,               // of choice 1 ("binary"), or the mean over all choices ("macro")
  perplexity,       // of targets, each counted once
  word_perplexity,  // of documents, a word
  byte_perplexity,
  bits_per_byte,
};
std::string_view name(MetricKind kind) noexcept;

struct MetricSpec {
  MetricKind kind = MetricKind::acc;
  bool higher_is_better = true;
  bool macro = false;  // f1
  // exact_match, in this order.
  std::vector<PythonRegex> regexes_to_ignore;
  bool ignore_case = false;
  bool ignore_punctuation = false;  // of ASCII
  bool ignore_numbers = false;      // ASCII digits
};

// A task as its file says it, in the words of lm-evaluation-harness.
struct TaskFile {
  std::string path, name, sha256;
  Json source;   // the file as it is
  Json version;  // metadata.version, or null
  OutputType output_type = OutputType::generate_until;
  // Paths of data, as from here; "" when the file names none.
  std::string data, fewshot_data;
  std::vector<std::string> columns;
  std::optional<Field> doc_to_text, doc_to_choice, doc_to_target, description;
  std::string target_delimiter = " ";
  std::string fewshot_delimiter = "\n\n";
  int num_fewshot = 0;
  bool first_n = false;              // fewshot_config.sampler; else random
  Rows fewshot_samples;              // fewshot_config.samples
  bool other_fewshot_split = false;  // the file says that shots come from other rows
  std::vector<std::string> until;
  int max_gen_toks = 256;
  std::vector<FilterChain> filters;  // one at least
  std::vector<MetricSpec> metrics;   // one at least
};

// Errors: no_input; bad_data "FILE: field K: …".
TaskFile read_task_file(const std::string& path);

}  // namespace nalar::eval
