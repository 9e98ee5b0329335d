#pragma once

#include <nalar/chat.h>
#include <nalar/dataset.h>
#include <nalar/tokenizer.h>

#include <vector>

#include "data/example.h"
#include "data/row_format.h"
#include "data/turns.h"

namespace nalar::data {

struct EncodeContext {
  const Tokenizer& tokenizer;
  const ChatTemplate* chat = nullptr;
  Learn learn = Learn::assistant;
  // Counts the rows whose template rewrites earlier turns, so that those are found by their text.
  int64_t* rewritten = nullptr;
};

// The whole row, whatever its length; its place is not set. Text of a row is encoded as `run --raw`
// does: with what the tokenizer adds in front, spellings of control tokens count, and EOS behind.
// Errors: bad_data "field K: …".
Example encode_row(const ParsedRow& row, const EncodeContext& context);

// Of a conversation: ids of the whole rendering; learned are the assistant's turns, each to its end
// token inclusive. A last turn that its template does not end is followed by EOS.
Example encode_chat(const Conversation& conversation, const EncodeContext& context);

Example encode_text(const Continuation& text, const EncodeContext& context);

}  // namespace nalar::data
