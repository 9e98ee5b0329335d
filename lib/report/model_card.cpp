#include "report/model_card.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "io/front_matter.h"
#include "report/format.h"

namespace nalar::report {
namespace {

constexpr const char* kFillIn = "**To be filled in:**";
constexpr size_t kMaxCell = 2000;

// Text of a file as text of Markdown: on one line, nothing in it means anything.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : base::escaped(text, kMaxCell)) {
    if (c == '<' || c == '&') {
      out += c == '<' ? "&lt;" : "&amp;";
      continue;
    }
    if (std::string_view("\\`*_{}[]>#|~!").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string table(const char* left, const char* right, const std::vector<Row>& rows) {
  std::string out = fmt::format("| {} | {} |\n|---|---|\n", left, right);
  for (const auto& [name, value] : rows) {
    out += fmt::format("| {} | {} |\n", plain(name), plain(value));
  }
  return out + "\n";
}

std::string front_matter(const TrainingRecord& r) {
  const std::string base = without_folders(r.base_name);
  std::string out = fmt::format("---\nbase_model: {}\nbase_model_relation: {}\nlibrary_name: {}\n",
                                io::quoted_yaml(base), r.whole_model ? "finetune" : "adapter",
                                r.whole_model ? "transformers" : "peft");
  out += "pipeline_tag: text-generation\ntags:\n";
  if (!r.whole_model)
    out += fmt::format("- {}\n- lora\n", io::quoted_yaml("base_model:adapter:" + base));
  return out +
         "- nalar\n# license: to be filled in; that of the base model and of the data "
         "bind\n---\n\n";
}

std::string usage(const TrainingRecord& r) {
  std::string out =
      "## How to use it\n\nWith nalar, where BASE is the base model's file or folder:\n\n";
  if (r.whole_model) {
    return "## How to use it\n\n```sh\nnalar run THIS_FOLDER \"…\"\n```\n\n"
           "```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
           "model = AutoModelForCausalLM.from_pretrained(\"THIS_FOLDER\")\n"
           "tokenizer = AutoTokenizer.from_pretrained(\"THIS_FOLDER\")\n```\n\n";
  }
  out += "```sh\nnalar run BASE --adapter THIS_FOLDER \"…\"\n```\n\n";
  out += "With PEFT, where BASE is the same model as a Hugging Face folder:\n\n";
  out +=
      "```python\nfrom peft import PeftModel\n"
      "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
      "base = AutoModelForCausalLM.from_pretrained(\"BASE\")\n"
      "model = PeftModel.from_pretrained(base, \"THIS_FOLDER\")\n"
      "tokenizer = AutoTokenizer.from_pretrained(\"BASE\")\n```\n\n";
  return out;
}

std::string end_tokens(const TrainingRecord& r) {
  if (r.end_tokens.empty()) {
    return "It was not trained to end a turn by a token of its own: set a limit of tokens or a "
           "stop text.\n\n";
  }
  std::string list;
  for (size_t i = 0; i < r.end_tokens.size(); ++i) {
    const std::string piece = i < r.end_pieces.size() ? r.end_pieces[i] : "";
    list += fmt::format("{}{} (id {})", list.empty() ? "" : ", ", plain(piece), r.end_tokens[i]);
  }
  return fmt::format(
      "A turn ends with: {}. nalar reads this from run.json; elsewhere, stop generating at any of "
      "these ids.\n\n",
      list);
}

std::string hashes(const std::vector<FileHash>& files) {
  std::string out = "| file | size | SHA-256 |\n|---|---|---|\n";
  for (const FileHash& file : files) {
    out += fmt::format("| {} | {} | {} |\n", plain(file_name(file.name)), bytes_text(file.bytes),
                       plain(file.sha256));
  }
  return out + "\n";
}

std::string data(const TrainingRecord& r) {
  std::string out = "## Data\n\n" + hashes(r.data_files);
  if (!r.valid_files.empty()) out += "Validation:\n\n" + hashes(r.valid_files);
  const std::vector<Row> rows = rows_of(r.data);
  if (!rows.empty()) out += table("of the data", "", rows);
  return out + fmt::format(
                   "{} where the data comes from, its licence, whether it holds personal data, and "
                   "how it was "
                   "chosen and cleaned.\n\n",
                   kFillIn);
}

std::string limits(const TrainingRecord& r) {
  std::string out =
      "## Limits\n\n- The losses above tell how well the text is predicted, not whether answers "
      "are right.\n";
  if (r.valid.empty())
    out += "- There was no validation: nothing here tells how it does on text it has not seen.\n";
  if (!r.whole_model) {
    out +=
        "- The adapter fits the base model with the hashes below and no other; on the same model "
        "in another "
        "quantization its answers differ a little.\n";
  }
  return out + fmt::format(
                   "- It inherits the limits and biases of its base model.\n"
                   "- {} intended uses, uses to stay away from, languages, known failures.\n\n",
                   kFillIn);
}

}  // namespace

std::string model_card(const TrainingRecord& r) {
  std::string out = front_matter(r);
  out += fmt::format(
      "# {}\n\n{}, trained from {} by {}.\n\n{} what it is for, in a sentence; who made it; "
      "contact.\n\n",
      plain(file_name(r.name)), r.whole_model ? "A model" : "An adapter",
      plain(without_folders(r.base_name)), plain(r.method), kFillIn);
  out += usage(r) + end_tokens(r);
  out += "## Measured\n\n" + table("of the training", "", result_rows(r));
  out +=
      "Curves and samples are in report.html, each update in log.jsonl, all of it for programs in "
      "run.json.\n\n";
  out += data(r);
  out += "## Settings\n\n" + table("setting", "value", rows_of(r.settings));
  out += limits(r);
  out += "## Origin\n\n" + table("made with", "", origin_rows(r)) + hashes(r.base_files);
  return out;
}

}  // namespace nalar::report
