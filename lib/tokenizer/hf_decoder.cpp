#include "tokenizer/hf_components.h"
#include "tokenizer/normalizer.h"

namespace nalar::tokenizer {
namespace {

DecodeStep replace(const JsonAt& json) {
  const JsonAt at = json.need("pattern");
  const HfPattern pattern = hf_pattern(at);
  std::string content = json.need("content").string();
  if (!pattern.is_regex) return decode_replace_literal(pattern.text, std::move(content));
  return at_place(
      at, [&] { return decode_each(normalize_replace_regex(pattern.text, std::move(content))); });
}

DecodeStep strip(const JsonAt& json) {
  const auto count = [&](std::string_view key) {
    const JsonAt at = json.need(key);
    const int64_t n = at.integer();
    if (n < 0 || n > 1'000'000) at.fail("number of characters out of range");
    return static_cast<int>(n);
  };
  return decode_strip(json.need("content").string(), count("start"), count("stop"));
}

DecodeStep metaspace(const JsonAt& json) {
  const auto scheme = json.find("prepend_scheme");
  const bool prepended =
      scheme ? scheme->string() != "never" : json.boolean_or("add_prefix_space", true);
  return decode_metaspace(json.string_or("replacement", "\u2581"), prepended);
}

}  // namespace

void add_hf_decoder(const JsonAt& json, std::vector<DecodeStep>& steps) {
  const std::string& type = json.type();
  if (type == "Sequence") {
    for (const JsonAt& part : json.need("decoders").items()) add_hf_decoder(part, steps);
  } else if (type == "ByteLevel") {
    steps.push_back(decode_byte_level());
  } else if (type == "ByteFallback") {
    steps.push_back(decode_byte_fallback());
  } else if (type == "Fuse") {
    steps.push_back(decode_fuse());
  } else if (type == "Replace") {
    steps.push_back(replace(json));
  } else if (type == "Strip") {
    steps.push_back(strip(json));
  } else if (type == "Metaspace") {
    steps.push_back(metaspace(json));
  } else if (type == "BPEDecoder") {
    steps.push_back(decode_word_suffix(json.string_or("suffix", "</w>")));
  } else {
    json.unknown_type("decoder");
  }
}

}  // namespace nalar::tokenizer
