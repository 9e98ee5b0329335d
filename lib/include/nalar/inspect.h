#pragma once

#include <string>

#include <nalar/export.h>
#include <nalar/json.h>
#include <nalar/model_files.h>

namespace nalar {

struct InspectOptions {
  bool tensors = false;  // list every tensor
};

// What a model file, a Hugging Face folder, a tokenizer or a template is made of: an object with
// "path", "format", and where they apply "architecture", "parameters", "types", "tokenizer",
// "chat_template", "licence", "tensors", … Errors: those of opening.
NALAR_API Json inspect(const ModelFiles& files, const InspectOptions& options);
// The same for people, some lines of text.
NALAR_API std::string inspect_text(const Json& report);

}  // namespace nalar
