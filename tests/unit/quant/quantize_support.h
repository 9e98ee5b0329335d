#pragma once

#include <nalar/model.h>
#include <nalar/quantize.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "quant/imatrix.h"
#include "support/material.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar::quant {

// Contexts of 64 tokens, a byte or a bit more each.
inline std::string some_text(size_t bytes) {
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i) text += "hello world " + std::to_string(i * i) + " ";
  return text;
}

struct Set {
  std::string folder = test::temporary_folder();
  std::string text = folder + "/text.txt";
  std::shared_ptr<const Model> model;

  explicit Set(size_t bytes = 900) {
    test::write_text(folder + "/model.gguf", test::tiny_llama().bytes());
    test::write_text(text, some_text(bytes));
    model = open_model(folder + "/model.gguf");
  }
};

inline std::string write_model(const std::string& folder, const test::GgufBuilder& builder) {
  const std::string path = folder + "/model.gguf";
  test::write_text(path, builder.bytes());
  return path;
}

inline QuantizeOptions with(Mix mix) {
  QuantizeOptions options;
  options.mix = mix;
  options.threads = 2;
  return options;
}

struct Made {
  std::string out;
  QuantizeResult result;
  std::shared_ptr<const Model> model;  // of the result
};

inline Made make(const std::string& folder, const QuantizeOptions& options,
                 const test::GgufBuilder& builder = test::tiny_llama()) {
  Made made;
  const auto source = open_model(write_model(folder, builder));
  made.out = folder + "/out.gguf";
  made.result = quantize(source, made.out, options);
  made.model = open_model(made.out);
  return made;
}

// In a folder, statistics of one matrix, from one token. Its path.
inline std::string write_imatrix_of(const std::string& folder, const std::string& matrix,
                                    std::vector<float> sums) {
  Imatrix imatrix;
  imatrix.datasets = {"text"};
  imatrix.chunk_count = imatrix.chunk_size = 1;
  imatrix.entries[matrix] = {std::move(sums), 1};
  const std::string path = folder + "/imatrix.gguf";
  write_imatrix(io::file_system(), path, imatrix);
  return path;
}

}  // namespace nalar::quant
