#include "chat/text.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace nalar::chat {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

size_t count_characters(std::string_view bytes) {
  return bytes.size() -
         static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), is_continuation));
}

}  // namespace

Text::Text(std::string bytes, Origin origin, bool markup)
    : bytes_(std::move(bytes)),
      runs_{{bytes_.size(), origin}},
      length_(count_characters(bytes_)),
      markup_(markup) {}

Text::Text(std::string bytes, std::vector<TextRun> runs, bool markup)
    : bytes_(std::move(bytes)),
      runs_(std::move(runs)),
      length_(count_characters(bytes_)),
      markup_(markup) {
  if (runs_.empty()) runs_.push_back({0, kTemplate});
}

size_t Text::offset_of(size_t index) const {
  if (index >= length_) return bytes_.size();
  if (ascii()) return index;
  size_t at = 0;
  for (size_t i = 0; i < index; ++i) {
    ++at;
    while (at < bytes_.size() && is_continuation(bytes_[at])) ++at;
  }
  return at;
}

size_t Text::index_of(size_t offset) const {
  return ascii() ? offset : count_characters(std::string_view(bytes_).substr(0, offset));
}

Origin Text::origin_at(size_t offset) const {
  const auto run = std::upper_bound(runs_.begin(), runs_.end(), offset,
                                    [](size_t at, const TextRun& r) { return at < r.end; });
  return run == runs_.end() ? runs_.back().origin : run->origin;
}

bool Text::all_template() const {
  return std::all_of(runs_.begin(), runs_.end(),
                     [](const TextRun& run) { return (run.origin & kTemplate) != 0; });
}

void TextBuilder::add(std::string_view piece, Origin origin) {
  if (piece.empty()) return;
  budget_->text_size(bytes_.size() + piece.size());
  budget_->bytes(piece.size());
  bytes_.append(piece);
  if (!runs_.empty() && runs_.back().origin == origin) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), origin});
  }
}

void TextBuilder::add(const Text& text, size_t begin, size_t end) {
  if (begin >= end) return;
  const auto& runs = text.runs();
  auto run = std::upper_bound(runs.begin(), runs.end(), begin,
                              [](size_t at, const TextRun& r) { return at < r.end; });
  budget_->step(1);
  for (; begin < end && run != runs.end(); ++run) {
    const size_t stop = std::min(end, run->end);
    add(text.view().substr(begin, stop - begin), run->origin);
    begin = stop;
  }
}

void TextBuilder::add_times(const Text& text, size_t begin, size_t end, int64_t times) {
  if (times <= 0 || begin >= end) return;
  const int64_t most = budget_->limits().max_output_bytes;
  budget_->text_size(static_cast<size_t>(std::min(times, most + 1)) * (end - begin));
  budget_->step(times / 16);
  for (int64_t i = 0; i < times; ++i) add(text, begin, end);
}

void TextBuilder::add_spaces(int64_t n) {
  if (n <= 0) return;
  budget_->text_size(static_cast<size_t>(n));
  add(std::string(static_cast<size_t>(n), ' '), kTemplate);
}

void TextBuilder::reserve(size_t n) {
  budget_->text_size(n);
  bytes_.reserve(n);
}

Text TextBuilder::finish(bool markup) {
  return Text(std::exchange(bytes_, {}), std::exchange(runs_, {}), markup);
}

void TextBuilder::mark(size_t from, Origin bits) {
  std::vector<TextRun> marked;
  size_t begin = 0;
  const auto push = [&marked](size_t end, Origin origin) {
    if (!marked.empty() && marked.back().origin == origin) {
      marked.back().end = end;
    } else {
      marked.push_back({end, origin});
    }
  };
  for (const TextRun& run : runs_) {
    if (begin < from && from < run.end) {
      push(from, run.origin);
      begin = from;
    }
    push(run.end, begin >= from ? static_cast<Origin>(run.origin | bits) : run.origin);
    begin = run.end;
  }
  runs_ = std::move(marked);
}

}  // namespace nalar::chat
