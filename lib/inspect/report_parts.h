#pragma once

#include <nalar/json.h>
#include <nalar/model.h>
#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

#include <string>
#include <vector>

namespace nalar::inspect_parts {

// Members of the report, each from one thing; they add nothing where there is nothing to tell.

// "files": path, bytes, and sha256 when asked for.
Json weight_files(const std::vector<std::string>& paths, bool hashes);
// "types": a list of {type, tensors, parameters, bytes}, the largest first.
Json types(const io::TensorFile& tensors);
Json tensor_list(const io::TensorFile& tensors);
// "config": the shape of the model in our words.
Json config(const ModelConfig& config);
// "generation": what the file says about sampling.
Json generation(const GenerationDefaults& defaults);
Json tokenizer(const Tokenizer& tokenizer);

// "verified": what weight files were held against, their names, sizes and hashes: FILE.report.json
// that quantize writes beside FILE, run.json that finetune writes into a folder. Errors: no_input
// where it is not there; bad_data where a file is another one.
Json verify(const std::string& path);

// What the files say about where they come from: "name", "architecture", "licence", "provenance".
void add_provenance(const ModelFiles& files, Json& report);

}  // namespace nalar::inspect_parts
