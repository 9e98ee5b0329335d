#pragma once

#include <fmt/format.h>
#include <nalar/dataset.h>
#include <nalar/error.h>
#include <nalar/files.h>

#include <memory>
#include <string>

#include "data/example.h"
#include "support/byte_tokenizer.h"
#include "support/error_of.h"
#include "support/material.h"

namespace nalar::test {

inline const ByteTokenizer& byte_tokenizer() {
  static const ByteTokenizer tokenizer({"</s>", "<|im_start|>", "<|im_end|>"});
  return tokenizer;
}

inline const ChatTemplate& chatml() {
  static const ChatTemplate chat(
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
      "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
      Json::Object{});
  return chat;
}

inline std::string write_data(const std::string& name, std::string_view content) {
  static const std::string folder = temporary_folder();
  static int n = 0;
  const std::string path = fmt::format("{}/{}{}", folder, n++, name);
  write_new_file(path, content);
  return path;
}

// A data set of one file with this suffix and content.
inline std::shared_ptr<const Dataset> open_data(const std::string& suffix, std::string_view content,
                                                DatasetOptions options = {}) {
  options.paths = {write_data(suffix, content)};
  return open_dataset(options, byte_tokenizer(), &chatml());
}

// What open_data throws, without the path.
inline std::string data_error(const std::string& suffix, std::string_view content,
                              const DatasetOptions& options = {}) {
  const std::string message = error_of([&] { open_data(suffix, content, options); });
  const size_t at = message.find(suffix + ": ");
  return at == std::string::npos ? message : message.substr(at + suffix.size() + 2);
}

// The row's text with what is learned in brackets.
inline std::string marked(const data::Example& example) {
  std::string text;
  bool inside = false;
  for (size_t i = 0; i < example.ids.size(); ++i) {
    const bool learned = example.learned[i] != 0;
    if (learned != inside) text += learned ? "[" : "]";
    text += byte_tokenizer().piece(example.ids[i]);
    inside = learned;
  }
  return inside ? text + "]" : text;
}

inline std::string marked_row(const std::string& suffix, std::string_view content,
                              const DatasetOptions& options = {}) {
  return marked(open_data(suffix, content, options)->examples().at(0));
}

}  // namespace nalar::test
