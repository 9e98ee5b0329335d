#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chat/budget.h"

namespace nalar::chat {

// Where bytes of a text came from: bits that are joined by or.
using Origin = uint8_t;
inline constexpr Origin kMessage = 0;   // the caller's variables
inline constexpr Origin kTemplate = 1;  // the template, its token variables, or made by its filters
inline constexpr Origin kGeneration = 2;  // printed inside {% generation %}

struct TextRun {
  size_t end;  // byte where it ends; it begins where the one before ends
  Origin origin;
};

// A string of Python: characters in UTF-8, and for each byte its origin. Immutable.
class Text {
 public:
  Text(std::string bytes, Origin origin, bool markup = false);
  Text(std::string bytes, std::vector<TextRun> runs, bool markup = false);

  std::string_view view() const { return bytes_; }
  const std::vector<TextRun>& runs() const { return runs_; }
  bool empty() const { return bytes_.empty(); }
  // Text that counts as escaped HTML (markupsafe.Markup): what is added to it is escaped.
  bool markup() const { return markup_; }
  bool ascii() const { return length_ == bytes_.size(); }
  // In characters.
  size_t length() const { return length_; }
  // The byte at which character `index` begins; the size at or beyond the end.
  size_t offset_of(size_t index) const;
  size_t index_of(size_t offset) const;
  Origin origin_at(size_t offset) const;
  // kTemplate if every byte is the template's.
  bool all_template() const;

 private:
  std::string bytes_;
  std::vector<TextRun> runs_;  // one at least, also of an empty text
  size_t length_;
  bool markup_;
};

// Collects a text and the origins of its pieces.
class TextBuilder {
 public:
  explicit TextBuilder(Budget& budget) : budget_(&budget) {}

  void add(std::string_view piece, Origin origin);
  void add(const Text& text) { add(text, 0, text.view().size()); }
  void add(const Text& text, size_t begin, size_t end);  // bytes
  void add_times(const Text& text, size_t begin, size_t end, int64_t times);
  void add_spaces(int64_t n);
  void reserve(size_t n);

  size_t size() const { return bytes_.size(); }
  Text finish(bool markup = false);
  // The bits are added to every piece from byte `from` on.
  void mark(size_t from, Origin bits);

 private:
  Budget* budget_;
  std::string bytes_;
  std::vector<TextRun> runs_;
};

}  // namespace nalar::chat
