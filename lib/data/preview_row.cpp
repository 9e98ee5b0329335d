#include <fmt/format.h>
#include <nalar/dataset.h>

#include "data/data_file.h"
#include "data/example.h"

namespace nalar {

PreviewRow preview(const Dataset& dataset, int64_t row, const Tokenizer& tokenizer) {
  const data::Example& example = dataset.examples().at(static_cast<size_t>(row));
  const std::string& file = dataset.paths().at(static_cast<size_t>(example.file));
  return {fmt::format("{}: {} {}", file, data::row_word(file), example.line), example.truncated,
          preview(example, tokenizer)};
}

}  // namespace nalar
