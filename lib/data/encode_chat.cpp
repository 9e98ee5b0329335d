#include <algorithm>

#include "data/encode_row.h"
#include "data/row.h"
#include "data/token_ranges.h"

namespace nalar::data {
namespace {

class ChatEncoder {
 public:
  ChatEncoder(const RenderedChat& chat, const EncodeContext& context)
      : chat_(chat), tokenizer_(context.tokenizer) {
    example_.ids = encode_prompt(chat_.prompt, tokenizer_);
    if (auto ranges = token_ranges(chat_.text, example_.ids, tokenizer_)) {
      ranges_ = std::move(*ranges);
      aligned_ = true;
    }
    find_written();
  }

  bool aligned() const { return aligned_; }
  const std::vector<TokenId>& ids() const { return example_.ids; }

  // The example with these turns learned, of a conversation of n messages.
  Example run(const std::vector<Turn>& turns, size_t n) {
    std::vector<TextRange> learned;
    bool append_eos = false;
    for (const Turn& turn : turns) {
      TextRange range = turn.text;
      const auto end = end_token(turn);
      if (end && (turn.how != Turn::How::tagged || end->end > range.end)) range.end = end->end;
      if (!end && turn.message + 1 == n) {
        range.end = chat_.text.size();
        append_eos = true;
      }
      if (range.end > range.begin) learned.push_back(range);
    }
    example_.learned = learned_tokens(ranges_, learned);
    if (const auto eos = tokenizer_.special().eos; append_eos && eos) {
      example_.ids.push_back(*eos);
      example_.learned.push_back(1);
    }
    return std::move(example_);
  }

 private:
  // Text that messages brought in, ascending.
  void find_written() {
    size_t at = 0;
    for (const PromptSpan& span : chat_.prompt.spans) {
      if (!span.from_template) written_.push_back({at, at + span.text.size()});
      at += span.text.size();
    }
  }

  // Where the turn's own text ends: what follows in it is the template's.
  size_t content_end(const Turn& turn) const {
    size_t end = turn.text.begin;
    for (const TextRange& range : written_) {
      if (range.begin < turn.text.end && range.end > turn.text.begin) {
        end = std::min(range.end, turn.text.end);
      }
    }
    return turn.how == Turn::How::content ? turn.text.end : end;
  }

  // Where the next message's text begins.
  size_t next_written(size_t at) const {
    for (const TextRange& range : written_) {
      if (range.begin >= at) return range.begin;
    }
    return chat_.text.size();
  }

  bool ends_turn(TokenId id) const {
    const SpecialTokens& special = tokenizer_.special();
    return special.eos == id ||
           std::find(special.end.begin(), special.end.end(), id) != special.end.end();
  }

  // The token that ends a turn: the first after its text that the tokenizer knows as one; else, of
  // the control tokens that the template writes there, the turn's last or the first behind it.
  std::optional<TextRange> end_token(const Turn& turn) const {
    const size_t begin = content_end(turn);
    const size_t limit = next_written(begin);
    std::optional<TextRange> control;
    for (size_t i = 0; i < ranges_.size(); ++i) {
      const TextRange range = ranges_[i];
      if (range.begin < begin || range.end == range.begin) continue;
      if (range.end > limit) break;
      if (ends_turn(example_.ids[i])) return range;
      const bool opens = tokenizer_.special().bos == example_.ids[i];
      if (opens || tokenizer_.kind(example_.ids[i]) != TokenKind::control) continue;
      if (!control || range.end <= turn.text.end) control = range;
    }
    return control;
  }

  const RenderedChat& chat_;
  const Tokenizer& tokenizer_;
  Example example_;
  bool aligned_ = false;
  std::vector<TextRange> ranges_;  // of each token
  std::vector<TextRange> written_;
};

// The turns that are to be learned.
std::vector<Turn> chosen(std::vector<Turn> turns, const Conversation& conversation, Learn learn) {
  if (learn == Learn::last && turns.size() > 1) turns.erase(turns.begin(), turns.end() - 1);
  const auto skipped = [&](const Turn& turn) { return conversation.skipped[turn.message] != 0; };
  turns.erase(std::remove_if(turns.begin(), turns.end(), skipped), turns.end());
  return turns;
}

Conversation as_decoded(Conversation conversation, const Tokenizer& tokenizer) {
  for (Json& message : conversation.messages) {
    const Json* content = message.find("content");
    if (content == nullptr || !content->is_string()) continue;
    message.set("content", data::as_decoded(content->as_string(), tokenizer));
  }
  return conversation;
}

}  // namespace

Example encode_chat(const Conversation& conversation, const EncodeContext& context) {
  if (context.chat == nullptr) {
    throw Error(ErrorKind::bad_data, "a row of messages needs a chat template, the model has none",
                "rows of prompt/completion or text");
  }
  const RenderedChat chat = render_chat(conversation, *context.chat);
  const bool rewritten = std::any_of(chat.turns.begin(), chat.turns.end(), [](const Turn& turn) {
    return turn.how == Turn::How::content;
  });
  if (rewritten && context.rewritten != nullptr) ++*context.rewritten;
  ChatEncoder encoder(chat, context);
  if (!encoder.aligned()) {
    // Once more with the text as the tokenizer sees it.
    const RenderedChat seen =
        render_chat(as_decoded(conversation, context.tokenizer), *context.chat);
    ChatEncoder again(seen, context);
    if (!again.aligned() || again.ids() != encoder.ids()) {
      throw Error(ErrorKind::bad_data,
                  "the tokenizer changes this text, so that it is unknown where its turns begin");
    }
    return again.run(chosen(seen.turns, conversation, context.learn), conversation.messages.size());
  }
  return encoder.run(chosen(chat.turns, conversation, context.learn), conversation.messages.size());
}

}  // namespace nalar::data
