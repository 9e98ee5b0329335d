#include "tokenizer/base64.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/hf_components.h"
#include "tokenizer/normalizer.h"

namespace nalar::tokenizer {

HfPattern hf_pattern(const JsonAt& json) {
  if (const auto regex = json.find("Regex")) return {regex->string(), true};
  return {json.need("String").string(), false};
}

namespace {

NormalizeStep replace(const JsonAt& json) {
  const JsonAt at = json.need("pattern");
  const HfPattern pattern = hf_pattern(at);
  std::string content = json.need("content").string();
  if (!pattern.is_regex) return normalize_replace(pattern.text, std::move(content));
  return at_place(at, [&] { return normalize_replace_regex(pattern.text, std::move(content)); });
}

NormalizeStep precompiled(const JsonAt& json) {
  const JsonAt at = json.need("precompiled_charsmap");
  return at_place(at, [&] { return normalize_charsmap(decode_base64(at.string())); });
}

}  // namespace

void add_hf_normalizer(const JsonAt& json, std::vector<NormalizeStep>& steps) {
  const std::string& type = json.type();
  if (type == "Sequence") {
    for (const JsonAt& part : json.need("normalizers").items()) add_hf_normalizer(part, steps);
  } else if (type == "NFC") {
    steps.push_back(normalize_unicode(UnicodeForm::nfc));
  } else if (type == "NFD") {
    steps.push_back(normalize_unicode(UnicodeForm::nfd));
  } else if (type == "NFKC") {
    steps.push_back(normalize_unicode(UnicodeForm::nfkc));
  } else if (type == "NFKD") {
    steps.push_back(normalize_unicode(UnicodeForm::nfkd));
  } else if (type == "Lowercase") {
    steps.push_back(normalize_lowercase());
  } else if (type == "Strip") {
    steps.push_back(
        normalize_strip(json.boolean_or("strip_left", true), json.boolean_or("strip_right", true)));
  } else if (type == "StripAccents") {
    steps.push_back(normalize_strip_accents());
  } else if (type == "Replace") {
    steps.push_back(replace(json));
  } else if (type == "Prepend") {
    steps.push_back(normalize_prepend(json.need("prepend").string()));
  } else if (type == "ByteLevel") {
    steps.push_back(normalize_byte_level());
  } else if (type == "Nmt") {
    steps.push_back(normalize_nmt());
  } else if (type == "Precompiled") {
    steps.push_back(precompiled(json));
  } else {
    json.unknown_type("normalizer");
  }
}

}  // namespace nalar::tokenizer
