#include "chat/builtins/wrap.h"

#include <algorithm>

#include "chat/builtins/characters.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

struct Chunk {
  size_t begin, end;  // characters
  size_t length() const { return end - begin; }
};

// Cuts a paragraph where a line may end.
class Splitter {
 public:
  Splitter(const std::u32string& text, bool hyphens) : text_(text), hyphens_(hyphens) {}

  std::vector<Chunk> split() const {
    std::vector<Chunk> out;
    for (size_t at = 0; at < text_.size(); at = out.back().end)
      out.push_back({at, end_of_chunk(at)});
    return out;
  }

  // textwrap knows ASCII white space only.
  bool is_blank(size_t i) const {
    return (text_[i] >= 0x09 && text_[i] <= 0x0D) || text_[i] == ' ';
  }

 private:
  bool is_letter(size_t i) const {
    return i < text_.size() && unicode::is_word(text_[i]) && text_[i] != '_' &&
           !unicode::is_decimal(text_[i]);
  }
  bool ends_word(size_t i) const {
    return unicode::is_word(text_[i]) ||
           std::u32string_view(U"!\"'&.,?").find(text_[i]) != std::u32string_view::npos;
  }
  size_t end_of_run(size_t at, char32_t c) const {
    while (at < text_.size() && text_[at] == c) ++at;
    return at;
  }
  // Dashes between two words begin at `at`.
  bool is_dash(size_t at) const {
    if (at == 0 || at >= text_.size() || text_[at] != '-' || !ends_word(at - 1)) return false;
    const size_t end = end_of_run(at, '-');
    return end >= at + 2 && end < text_.size() && unicode::is_word(text_[end]);
  }
  // A word can be cut after the hyphen at `at`.
  bool is_hyphen(size_t at, size_t begin) const {
    if (text_[at] != '-' || at < begin + 1) return false;
    const bool two_letters = at >= 2 && is_letter(at - 1) && is_letter(at - 2);
    const bool letter_hyphen_letter =
        at >= 3 && is_letter(at - 1) && text_[at - 2] == '-' && is_letter(at - 3);
    if (!two_letters && !letter_hyphen_letter) return false;
    if (!is_letter(at + 1)) return false;
    return is_letter(at + 2) ||
           (at + 2 < text_.size() && text_[at + 2] == '-' && is_letter(at + 3));
  }

  size_t end_of_chunk(size_t begin) const {
    size_t at = begin;
    if (is_blank(begin)) {
      while (at < text_.size() && is_blank(at)) ++at;
      return at;
    }
    if (hyphens_ && is_dash(begin)) return end_of_run(begin, '-');
    for (at = begin + 1; at < text_.size(); ++at) {
      if (is_blank(at)) return at;
      if (!hyphens_) continue;
      if (is_hyphen(at, begin)) return at + 1;
      if (is_dash(at)) return at;
    }
    return at;
  }

  const std::u32string& text_;
  bool hyphens_;
};

// How much of a chunk that is too long for any line goes on the current one.
size_t cut_long_word(const std::u32string& text, const Chunk& chunk, size_t room, bool hyphens) {
  if (!hyphens || chunk.length() <= room) return std::min(room, chunk.length());
  const std::u32string_view head = std::u32string_view(text).substr(chunk.begin, room);
  const size_t hyphen = head.rfind(U'-');
  const bool cut_there = hyphen != head.npos && hyphen > 0 &&
                         head.substr(0, hyphen).find_first_not_of(U'-') != head.npos;
  return cut_there ? hyphen + 1 : room;
}

}  // namespace

std::vector<WrappedLine> wrap(Budget& budget, std::string_view paragraph, const WrapStyle& style) {
  budget.bytes(paragraph.size() * 32);
  std::u32string text;
  std::vector<size_t> offsets;
  for_characters(paragraph, [&](char32_t c, size_t begin, size_t) {
    text += c;
    offsets.push_back(begin);
  });
  offsets.push_back(paragraph.size());
  const Splitter splitter(text, style.break_on_hyphens);
  std::vector<Chunk> chunks = splitter.split();
  const auto blank = [&](const Chunk& c) {
    return c.length() == 0 || unicode::is_space(text[c.begin]);
  };
  const auto width = static_cast<size_t>(style.width);

  std::vector<WrappedLine> lines;
  for (size_t next = 0; next < chunks.size();) {
    if (blank(chunks[next]) && !lines.empty()) ++next;
    const size_t first = next;
    size_t length = 0;
    while (next < chunks.size() && length + chunks[next].length() <= width) {
      length += chunks[next++].length();
    }
    if (next < chunks.size() && chunks[next].length() > width) {
      if (style.break_long_words) {
        Chunk& chunk = chunks[next];
        const size_t n = cut_long_word(text, chunk, width - length, style.break_on_hyphens);
        if (n > 0) {
          const Chunk head{chunk.begin, chunk.begin + n};
          chunk.begin += n;
          chunks.insert(chunks.begin() + static_cast<std::ptrdiff_t>(next), head);
          budget.step(static_cast<int64_t>(chunks.size()) / 16 + 1);
          ++next;
        }
      } else if (next == first) {
        ++next;
      }
    }
    size_t last = next;
    if (last > first && blank(chunks[last - 1])) --last;
    if (last > first) {
      lines.push_back({offsets[chunks[first].begin], offsets[chunks[last - 1].end]});
    }
  }
  return lines;
}

}  // namespace nalar::chat
