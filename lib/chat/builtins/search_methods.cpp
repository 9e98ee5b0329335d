#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "chat/builtins/builtin.h"
#include "chat/builtins/characters.h"
#include "chat/operators.h"
#include "chat/runtime.h"
#include "chat/unicode.h"

namespace nalar::chat {
namespace {

constexpr size_t kNotFound = std::string_view::npos;

struct Window {
  size_t begin = 0, end = 0;  // bytes
  bool reversed = false;      // begins behind its end: nothing is in it, not even ""
};

// The optional start and end arguments of find, count, startswith …
Window window_of(const Text& text, const Value& start, const Value& end) {
  const auto length = static_cast<int64_t>(text.length());
  const auto clamp = [length](const Value& v, int64_t absent) {
    if (v.is_missing() || v.is_none()) return absent;
    const int64_t i = need_integer(v);
    return i < 0 ? std::max<int64_t>(i + length, 0) : i;
  };
  const int64_t from = clamp(start, 0), to = std::min(clamp(end, length), length);
  if (from > to) return {0, 0, true};
  return {text.offset_of(static_cast<size_t>(from)), text.offset_of(static_cast<size_t>(to)),
          false};
}

std::optional<int64_t> locate(Runtime& runtime, const Call& call, bool last) {
  const Text& text = call[0].text();
  const std::string_view sought = need_text(call[1], "argument").view();
  const Window window = window_of(text, call[2], call[3]);
  if (window.reversed) return std::nullopt;
  runtime.budget().bytes(text.view().size() * 2);
  const std::string_view part = text.view().substr(window.begin, window.end - window.begin);
  const size_t at = last ? part.rfind(sought) : part.find(sought);
  if (at == kNotFound) return std::nullopt;
  return static_cast<int64_t>(text.index_of(window.begin + at));
}

template <bool last>
Value find(Runtime& runtime, const Call& call) {
  return locate(runtime, call, last).value_or(-1);
}

template <bool last>
Value index(Runtime& runtime, const Call& call) {
  if (const auto at = locate(runtime, call, last)) return *at;
  fail("substring not found");
}

Value count(Runtime& runtime, const Call& call) {
  const Text& text = call[0].text();
  const std::string_view sought = need_text(call[1], "argument").view();
  const Window window = window_of(text, call[2], call[3]);
  if (window.reversed) return 0;
  runtime.budget().bytes(text.view().size() * 2);
  const std::string_view part = text.view().substr(window.begin, window.end - window.begin);
  if (sought.empty()) {
    return static_cast<int64_t>(text.index_of(window.end) - text.index_of(window.begin) + 1);
  }
  int64_t n = 0;
  for (size_t at = part.find(sought); at != kNotFound; at = part.find(sought, at + sought.size()))
    ++n;
  return n;
}

template <bool at_end>
Value has_affix(Runtime& runtime, const Call& call) {
  const Text& text = call[0].text();
  const Window window = window_of(text, call[2], call[3]);
  const std::string_view part = text.view().substr(window.begin, window.end - window.begin);
  const auto fits = [&](const Value& v) {
    const std::string_view affix = need_text(v, "an affix").view();
    runtime.budget().step();
    if (window.reversed || affix.size() > part.size()) return false;
    return at_end ? part.substr(part.size() - affix.size()) == affix
                  : part.substr(0, affix.size()) == affix;
  };
  if (!call[1].is_tuple()) return fits(call[1]);
  const auto& items = call[1].sequence().items;
  return std::any_of(items.begin(), items.end(), fits);
}

struct Piece {
  size_t begin, end;
};

std::vector<Piece> split_at(std::string_view text, std::string_view separator, int64_t most) {
  std::vector<Piece> out;
  size_t begin = 0;
  for (size_t at; most != 0 && (at = text.find(separator, begin)) != kNotFound; --most) {
    out.push_back({begin, at});
    begin = at + separator.size();
  }
  out.push_back({begin, text.size()});
  return out;
}

std::vector<Piece> split_at_last(std::string_view text, std::string_view separator, int64_t most) {
  std::vector<Piece> out;
  size_t end = text.size();
  for (; most != 0 && end >= separator.size(); --most) {
    const size_t at = text.rfind(separator, end - separator.size());
    if (at == kNotFound) break;
    out.push_back({at + separator.size(), end});
    end = at;
  }
  out.push_back({0, end});
  std::reverse(out.begin(), out.end());
  return out;
}

// The runs without white space, in order.
std::vector<Piece> words(std::string_view text) {
  std::vector<Piece> out;
  bool in_word = false;
  for_characters(text, [&](char32_t c, size_t begin, size_t end) {
    if (unicode::is_space(c)) {
      in_word = false;
    } else if (!in_word) {
      out.push_back({begin, end});
      in_word = true;
    } else {
      out.back().end = end;
    }
  });
  return out;
}

// After `most` splits the rest stays whole: the last piece reaches to the end of the text …
std::vector<Piece> words_from_left(std::string_view text, int64_t most) {
  std::vector<Piece> out = words(text);
  if (most >= 0 && static_cast<size_t>(most) < out.size()) {
    out.resize(static_cast<size_t>(most) + 1);
    out.back().end = text.size();
  }
  return out;
}

// … or the first one from its begin.
std::vector<Piece> words_from_right(std::string_view text, int64_t most) {
  std::vector<Piece> out = words(text);
  if (most >= 0 && static_cast<size_t>(most) < out.size()) {
    out.erase(out.begin(), out.end() - (static_cast<std::ptrdiff_t>(most) + 1));
    out.front().begin = 0;
  }
  return out;
}

Value list_of(Runtime& runtime, const Text& text, const std::vector<Piece>& pieces) {
  runtime.budget().step(static_cast<int64_t>(pieces.size()));
  std::vector<Value> out;
  out.reserve(pieces.size());
  for (const auto& [begin, end] : pieces) {
    out.push_back(piece_of(runtime.budget(), text, begin, end));
  }
  return make_list(runtime.budget(), std::move(out));
}

template <bool from_right>
Value split(Runtime& runtime, const Call& call) {
  const Text& text = call[0].text();
  const int64_t most = integer_or(call[2], -1);
  runtime.budget().bytes(text.view().size() * 4);
  if (!call.has(1) || call[1].is_none()) {
    return list_of(
        runtime, text,
        from_right ? words_from_right(text.view(), most) : words_from_left(text.view(), most));
  }
  const std::string_view separator = need_text(call[1], "must be str or None: separator").view();
  if (separator.empty()) fail("empty separator");
  return list_of(runtime, text,
                 from_right ? split_at_last(text.view(), separator, most)
                            : split_at(text.view(), separator, most));
}

Value lines(Runtime& runtime, const Call& call) {
  return make_list(runtime.budget(),
                   split_lines(runtime, call[0].text(), flag_or(runtime, call[1], false)));
}

template <bool last>
Value partition(Runtime& runtime, const Call& call) {
  const Text& text = call[0].text();
  const Text& separator = need_text(call[1], "must be str");
  if (separator.empty()) fail("empty separator");
  runtime.budget().bytes(text.view().size() * 2);
  const size_t at = last ? text.view().rfind(separator.view()) : text.view().find(separator.view());
  const Value nothing = Value::made("");
  if (at == kNotFound) {
    return last ? make_tuple(runtime.budget(), {nothing, nothing, call[0]})
                : make_tuple(runtime.budget(), {call[0], nothing, nothing});
  }
  const auto piece = [&](size_t begin, size_t end) {
    return piece_of(runtime.budget(), text, begin, end);
  };
  const size_t after = at + separator.view().size();
  return make_tuple(runtime.budget(),
                    {piece(0, at), piece(at, after), piece(after, text.view().size())});
}

constexpr Builtin kMethods[] = {
    {"count", "self sub start= end= /", count},
    {"endswith", "self suffix start= end= /", has_affix<true>},
    {"find", "self sub start= end= /", find<false>},
    {"index", "self sub start= end= /", index<false>},
    {"partition", "self sep /", partition<false>},
    {"rfind", "self sub start= end= /", find<true>},
    {"rindex", "self sub start= end= /", index<true>},
    {"rpartition", "self sep /", partition<true>},
    {"rsplit", "self sep= maxsplit=", split<true>},
    {"split", "self sep= maxsplit=", split<false>},
    {"splitlines", "self keepends=", lines},
    {"startswith", "self prefix start= end= /", has_affix<false>},
};

}  // namespace

std::span<const Builtin> search_methods() { return kMethods; }

std::vector<Value> split_lines(Runtime& runtime, const Text& text, bool keep_ends) {
  const std::string_view bytes = text.view();
  runtime.budget().bytes(bytes.size() * 4);
  std::vector<Value> out;
  size_t begin = 0;
  for (size_t at = 0; at < bytes.size();) {
    const auto c = base::decode_utf8(bytes, at);
    size_t after = at + static_cast<size_t>(c.length);
    if (unicode::is_line_break(c.code)) {
      if (c.code == '\r' && after < bytes.size() && bytes[after] == '\n') ++after;
      runtime.budget().step();
      out.push_back(piece_of(runtime.budget(), text, begin, keep_ends ? after : at));
      begin = after;
    }
    at = after;
  }
  if (begin < bytes.size()) out.push_back(piece_of(runtime.budget(), text, begin, bytes.size()));
  return out;
}

}  // namespace nalar::chat
