#pragma once

#include <nalar/dataset.h>
#include <nalar/json.h>

#include <string>

#include "output.h"

namespace nalar::apps {

// What learned text is set off by.
struct PreviewMarks {
  std::string begin = "⟦";
  std::string end = "⟧";
};

// The text of a row with its learned parts marked; control sequences in it are shown where
// `for_terminal`.
std::string marked_text(const PreviewRow& row, const PreviewMarks& marks, bool for_terminal);
Json preview_json(const PreviewRow& row);

// The first `rows` rows of a data set as the model sees them: text, ids, counts.
void write_preview(const Dataset& dataset, const Tokenizer& tokenizer, int rows, Output& out);
void write_preview_json(const Dataset& dataset, const Tokenizer& tokenizer, int rows, Output& out);

}  // namespace nalar::apps
