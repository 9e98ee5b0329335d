#pragma once

#include <nalar/finetune.h>
#include <nalar/json.h>

#include <string>

namespace nalar::train {

// What a training is of besides its options: a checkpoint is only good for the same.
struct Origin {
  std::string base;           // SHA-256 of the base's files
  std::string adapter;        // of the adapter it starts from, or ""
  std::string data, valid;    // of the data sets, or ""
  std::string chat_template;  // of the template, or ""
  std::string build;          // of the program, and of LibTorch
  std::string isa;
  std::string device;
  int threads = 0;
};

// An object, a key a thing that must not change: the origin's, and those of recipe_json().
Json identity_json(const Origin& origin, const FinetuneOptions& options);

// Errors: bad_data "cannot resume: KEY differs (OLD, NEW)" for the first key that does.
void check_identity(const Json& recorded, const Json& now);

}  // namespace nalar::train
