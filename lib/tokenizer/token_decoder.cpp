#include "tokenizer/token_decoder.h"

#include "tokenizer/byte_chars.h"
#include "tokenizer/replace.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {
namespace {

bool is_fixed(const TokenText& token) { return token.literal || token.bytes; }

// How often `content` comes at the beginning of `text`, at most `most` times; in bytes.
size_t run_at_front(std::string_view text, std::string_view content, int most) {
  size_t n = 0;
  for (int i = 0; i < most && text.substr(n).starts_with(content); ++i) n += content.size();
  return n;
}

size_t run_at_back(std::string_view text, std::string_view content, int most) {
  size_t n = 0;
  for (int i = 0; i < most && text.substr(0, text.size() - n).ends_with(content); ++i)
    n += content.size();
  return n;
}

}  // namespace

DecodeStep decode_byte_level() {
  return [](std::vector<TokenText>& tokens, bool) {
    for (TokenText& token : tokens) {
      if (is_fixed(token)) continue;
      std::string bytes;
      if (append_bytes_of_chars(bytes, token.text)) token.text = std::move(bytes);
    }
  };
}

DecodeStep decode_byte_fallback() {
  return [](std::vector<TokenText>& tokens, bool) {
    for (TokenText& token : tokens) {
      const int byte = is_fixed(token) ? -1 : byte_of_piece(token.text);
      if (byte < 0) continue;
      token.text.assign(1, static_cast<char>(byte));
      token.bytes = true;
    }
  };
}

DecodeStep decode_replace_literal(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::vector<TokenText>& tokens, bool) {
    for (TokenText& token : tokens) {
      if (!is_fixed(token)) replace_all(token.text, from, to);
    }
  };
}

DecodeStep decode_each(std::function<void(std::string&)> change) {
  return [change = std::move(change)](std::vector<TokenText>& tokens, bool) {
    for (TokenText& token : tokens) {
      if (!is_fixed(token)) change(token.text);
    }
  };
}

DecodeStep decode_join_spaces() {
  return [](std::vector<TokenText>& tokens, bool at_start) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0 || !at_start) tokens[i].text.insert(0, " ");
    }
  };
}

DecodeStep decode_fuse() {
  return [](std::vector<TokenText>& tokens, bool) {
    TokenText all;
    for (const TokenText& token : tokens) all.text += token.text;
    tokens.assign(1, std::move(all));
  };
}

DecodeStep decode_strip(std::string content, int start, int stop) {
  return
      [content = std::move(content), start, stop](std::vector<TokenText>& tokens, bool at_start) {
        if (!at_start) return;
        for (TokenText& token : tokens) {
          const size_t front = run_at_front(token.text, content, start);
          token.text.erase(0, front);
          token.text.resize(token.text.size() - run_at_back(token.text, content, stop));
        }
      };
}

DecodeStep decode_metaspace(std::string replacement, bool drop_first) {
  return [replacement = std::move(replacement), drop_first](std::vector<TokenText>& tokens,
                                                            bool at_start) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (is_fixed(tokens[i])) continue;
      replace_all(tokens[i].text, replacement, i == 0 && at_start && drop_first ? "" : " ");
    }
  };
}

DecodeStep decode_first_mark(std::string mark, bool any, bool all) {
  return [mark = std::move(mark), any, all](std::vector<TokenText>& tokens, bool at_start) {
    if (!at_start || !any) return;
    for (TokenText& token : tokens) {
      if (!is_fixed(token) && token.text.starts_with(mark)) {
        token.text.erase(0, mark.size());
        if (!all) return;
      }
      if (!token.text.empty()) return;
    }
  };
}

DecodeStep decode_word_suffix(std::string suffix) {
  return [suffix = std::move(suffix)](std::vector<TokenText>& tokens, bool at_start) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const bool last = at_start && i + 1 == tokens.size();
      replace_all(tokens[i].text, suffix, last ? "" : " ");
    }
  };
}

std::string run_decoder(const std::vector<DecodeStep>& steps, std::vector<TokenText> tokens,
                        bool at_start) {
  for (const DecodeStep& step : steps) step(tokens, at_start);
  std::string text;
  for (const TokenText& token : tokens) text += token.text;
  return text;
}

}  // namespace nalar::tokenizer
