#include <fmt/format.h>

#include "base/utf8.h"
#include "tokenizer/hf_components.h"

namespace nalar::tokenizer {
namespace {

TokenId token_id(const JsonAt& at, const Vocab& vocab) {
  const int64_t id = at.integer();
  if (id < 0 || id >= vocab.size()) {
    at.fail(fmt::format("token id out of range: got {}, need 0..{}", id, vocab.size() - 1));
  }
  return static_cast<TokenId>(id);
}

void add_template(const JsonAt& json, const Vocab& vocab, HfFrame& frame) {
  std::vector<TokenId> before, after;
  bool seen_text = false;
  for (const JsonAt& part : json.need("single").items()) {
    if (const auto sequence = part.find("Sequence")) {
      if (seen_text) part.fail("the text comes twice");
      seen_text = true;
      continue;
    }
    const JsonAt name = part.need("SpecialToken").need("id");
    const auto token = json.need("special_tokens").find(name.string());
    if (!token)
      name.fail(
          fmt::format("special token \"{}\" is not described", base::escaped(name.string(), 60)));
    for (const JsonAt& id : token->need("ids").items()) {
      (seen_text ? after : before).push_back(token_id(id, vocab));
    }
  }
  if (!seen_text) json.need("single").fail("the text does not come");
  frame.prefix.insert(frame.prefix.begin(), before.begin(), before.end());
  frame.suffix.insert(frame.suffix.end(), after.begin(), after.end());
}

// Bert's and Roberta's: [token, id] around the text.
void add_pair(const JsonAt& json, const Vocab& vocab, HfFrame& frame) {
  const auto id_of = [&](std::string_view key) {
    const std::vector<JsonAt> pair = json.need(key).items();
    if (pair.size() != 2) json.need(key).fail("need a token and its id");
    return token_id(pair[1], vocab);
  };
  frame.prefix.insert(frame.prefix.begin(), id_of("cls"));
  frame.suffix.push_back(id_of("sep"));
}

}  // namespace

void add_hf_post_processor(const JsonAt& json, const Vocab& vocab, HfFrame& frame) {
  const std::string& type = json.type();
  if (type == "Sequence") {
    for (const JsonAt& part : json.need("processors").items())
      add_hf_post_processor(part, vocab, frame);
  } else if (type == "TemplateProcessing") {
    add_template(json, vocab, frame);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    add_pair(json, vocab, frame);
  } else if (type != "ByteLevel") {  // that one moves offsets only
    json.unknown_type("post-processor");
  }
}

}  // namespace nalar::tokenizer
