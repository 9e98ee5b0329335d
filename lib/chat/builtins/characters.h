#pragma once

#include <string_view>

#include "base/utf8.h"
#include "chat/runtime.h"

namespace nalar::chat {

// Calls visit(code, begin, end) for every character of a text, with its bytes' range.
template <class Visit>
void for_characters(std::string_view text, const Visit& visit) {
  for (size_t at = 0; at < text.size();) {
    const auto c = base::decode_utf8(text, at);
    const size_t end = at + static_cast<size_t>(c.length);
    visit(c.code, at, end);
    at = end;
  }
}

// The text with every character replaced by what write(out, code, begin) appends for it; each keeps
// its origin.
template <class Write>
Value map_characters(Budget& budget, const Text& text, const Write& write) {
  budget.bytes(text.view().size() * 8);
  TextBuilder out(budget);
  std::string piece;
  size_t run_begin = 0;
  for (const TextRun& run : text.runs()) {
    piece.clear();
    for_characters(text.view().substr(run_begin, run.end - run_begin),
                   [&](char32_t c, size_t begin, size_t) { write(piece, c, run_begin + begin); });
    out.add(piece, run.origin);
    run_begin = run.end;
  }
  return out.finish(text.markup());
}

// Bytes [begin, end) of a text, as a value of its own.
inline Value piece_of(Budget& budget, const Text& text, size_t begin, size_t end) {
  TextBuilder out(budget);
  out.add(text, begin, end);
  return out.finish(text.markup());
}

// str.strip and its kin; `characters` empty: white space.
Value strip(Runtime& runtime, const Text& text, const Value& characters, bool left, bool right);
// str.replace.
Value replace(Runtime& runtime, const Text& text, const Text& old, const Text& with, int64_t count);
// separator.join(items); `convert`: str() of each item, else only strings are taken.
Value join(Runtime& runtime, const Text& separator, const Value& items, bool convert);
Value upper(Runtime& runtime, const Text& text);
Value lower(Runtime& runtime, const Text& text);
Value capitalize(Runtime& runtime, const Text& text);
// str.center.
Value center(Runtime& runtime, const Text& text, int64_t width, const Value& fill);
// str.splitlines.
std::vector<Value> split_lines(Runtime& runtime, const Text& text, bool keep_ends);
// text.rsplit(" ", 1)[0], the only part of it that truncate needs.
size_t last_space(std::string_view text);

}  // namespace nalar::chat
