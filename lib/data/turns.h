#pragma once

#include <nalar/chat.h>
#include <nalar/tokenizer.h>

#include <string>
#include <vector>

#include "data/conversation.h"

namespace nalar::data {

// A turn of the assistant in the rendering of the whole conversation.
struct Turn {
  TextRange text;      // what the model is to write, as far as it is known without the tokens
  size_t message = 0;  // whose it is
  enum class How {
    tagged,   // between the template's generation tags
    prefix,   // what the rendering grew by: all that follows the generation prompt
    content,  // the message's own text, in a template that rewrites earlier turns
  } how = How::prefix;
};

struct RenderedChat {
  Prompt prompt;
  std::string text;         // of the prompt
  std::vector<Turn> turns;  // ascending
};

// Renders a conversation and finds the assistant's turns in it. Errors: bad_data: what the template
// refuses; "the chat template does not show messages[i] as it is".
RenderedChat render_chat(const Conversation& conversation, const ChatTemplate& chat);

}  // namespace nalar::data
