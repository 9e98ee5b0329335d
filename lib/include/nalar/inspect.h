#pragma once

#include <nalar/chat.h>
#include <nalar/error.h>
#include <nalar/export.h>
#include <nalar/json.h>
#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

#include <memory>
#include <optional>
#include <string>

namespace nalar {

struct InspectOptions {
  bool tensors = false;  // list every tensor
  bool hashes = false;   // SHA-256 of every weight file: reads all of them
  // Against the hashes in FILE.report.json or FOLDER/run.json: "verified", or a problem.
  bool verify = false;
};

struct Inspection {
  // An object: "path", "format", "files", and where they apply "name", "architecture",
  // "parameters", "weight_bytes", "bits_per_weight", "types", "config", "generation", "tokenizer",
  // "chat_template", "licence", "provenance", "tensors", and "problems", a list of texts.
  Json report;
  // Why a part could not be read although the files could be opened (an unknown architecture, a bad
  // vocabulary): the first of them. The report tells the rest.
  std::optional<Error> problem;
};

// What a model, a tokenizer or a template is made of. Errors: io while hashing.
NALAR_API Inspection inspect(std::shared_ptr<const ModelFiles> files,
                             const InspectOptions& options);
// Whether it is a folder with an adapter and no model.
NALAR_API bool is_adapter(const std::string& path);
// What an adapter is made of, without its base: "path", "format", "files", "parameters",
// "weight_bytes", "types", "adapter" (rank, alpha, scale, targets, base, end tokens), "tensors".
// Errors: those of open_adapter that need no base; with `verify` bad_data and no_input; io.
NALAR_API Json inspect_adapter(const std::string& path, const InspectOptions& options);
// nullptr where the files hold no tokenizer (a lone template). Errors: those of open_tokenizer but
// for that one.
NALAR_API std::shared_ptr<const Tokenizer> open_tokenizer_if_any(const ModelFiles& files);
// Whether a path is taken for a data set: a file .jsonl, .csv, .tsv or .txt, or a .json that holds
// an array. False where it cannot be read.
NALAR_API bool is_dataset(const std::string& path);
// What a data set is made of: "path", "format", "bytes", "sha256", "rows", "row_formats" and
// "fields" (with the number of rows of each), "problems". With a tokenizer also "tokens": what
// finetune would make of it; `chat` may be nullptr. Errors: those of the file; a bad row is a
// problem, not an error.
NALAR_API Inspection inspect_dataset(const std::string& path, const Tokenizer* tokenizer,
                                     const ChatTemplate* chat);
// A report for people: lines of at most `width` characters where it can; printable on any terminal.
NALAR_API std::string inspect_text(const Json& report, int width = 80);

}  // namespace nalar
