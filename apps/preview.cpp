#include "preview.h"

#include <fmt/format.h>
#include <nalar/terminal_text.h>
#include <unistd.h>

#include <algorithm>

#include "terminal.h"

namespace nalar::apps {
namespace {

const PreviewMarks kColours{"\x1b[1;32m", "\x1b[0m"};

// The text of pieces [begin, end).
std::string text_of(const std::vector<PreviewPiece>& pieces, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < end; ++i) text += pieces[i].text;
  return text;
}

std::string shown(const std::string& text) {
  TerminalFilter filter;
  return filter.push(text) + filter.finish();
}

// Calls run(begin, end, learned) for each longest run of pieces that are learned or not.
template <typename F>
void for_each_run(const std::vector<PreviewPiece>& pieces, F&& run) {
  for (size_t begin = 0; begin < pieces.size();) {
    size_t end = begin;
    while (end < pieces.size() && pieces[end].learned == pieces[begin].learned) ++end;
    run(begin, end, pieces[begin].learned);
    begin = end;
  }
}

int64_t n_learned(const PreviewRow& row) {
  return std::count_if(row.pieces.begin(), row.pieces.end(),
                       [](const PreviewPiece& p) { return p.learned; });
}

std::string ids_text(const PreviewRow& row, const PreviewMarks& marks) {
  std::string text;
  for_each_run(row.pieces, [&](size_t begin, size_t end, bool learned) {
    std::string ids;
    for (size_t i = begin; i < end; ++i)
      ids += fmt::format("{}{}", i == begin ? "" : " ", row.pieces[i].id);
    text += text.empty() ? "" : " ";
    text += learned ? marks.begin + ids + marks.end : ids;
  });
  return text;
}

int64_t n_shown(const Dataset& dataset, int rows) {
  return std::min<int64_t>(rows, dataset.report().rows);
}

}  // namespace

std::string marked_text(const PreviewRow& row, const PreviewMarks& marks, bool for_terminal) {
  std::string text;
  for_each_run(row.pieces, [&](size_t begin, size_t end, bool learned) {
    std::string part = text_of(row.pieces, begin, end);
    if (for_terminal) part = shown(part);
    text += learned ? marks.begin + part + marks.end : part;
  });
  return text;
}

Json preview_json(const PreviewRow& row) {
  Json::Array ids, learned;
  for (const PreviewPiece& piece : row.pieces) {
    ids.emplace_back(piece.id);
    learned.emplace_back(piece.learned);
  }
  return Json::Object{{"place", row.place},
                      {"text", text_of(row.pieces, 0, row.pieces.size())},
                      {"tokens", static_cast<int64_t>(row.pieces.size())},
                      {"label_tokens", n_learned(row)},
                      {"truncated", row.truncated},
                      {"ids", std::move(ids)},
                      {"learned", std::move(learned)}};
}

void write_preview(const Dataset& dataset, const Tokenizer& tokenizer, int rows, Output& out) {
  const PreviewMarks marks = has_colours(STDOUT_FILENO) ? kColours : PreviewMarks{};
  const bool terminal = out.is_terminal();
  // The marks are ours; the text between them went through the filter.
  out.set_raw(true);
  for (int64_t i = 0; i < n_shown(dataset, rows); ++i) {
    const PreviewRow row = preview(dataset, i, tokenizer);
    out.write(fmt::format("--- {}: {} tokens, {} learned{}\n", printable(row.place, 1000),
                          row.pieces.size(), n_learned(row), row.truncated ? ", truncated" : ""));
    out.write(marked_text(row, marks, terminal) + "\n");
    out.write("ids " + ids_text(row, marks) + "\n");
  }
  out.write(fmt::format("--- {}\n", describe(dataset.report())));
}

void write_preview_json(const Dataset& dataset, const Tokenizer& tokenizer, int rows, Output& out) {
  for (int64_t i = 0; i < n_shown(dataset, rows); ++i) {
    out.write(to_text(preview_json(preview(dataset, i, tokenizer))) + "\n");
  }
}

}  // namespace nalar::apps
