#include "base/utf8.h"
#include "tokenizer/hf_components.h"
#include "tokenizer/pre_tokenizer.h"

namespace nalar::tokenizer {
namespace {

SplitBehavior behavior(const JsonAt& json) {
  const std::string& name = json.string();
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  json.fail("unknown split behavior \"" + base::escaped(name, 60) + "\"");
}

PiecesStep split_step(const JsonAt& json) {
  const JsonAt at = json.need("pattern");
  const HfPattern pattern = hf_pattern(at);
  const SplitBehavior how = behavior(json.need("behavior"));
  const bool invert = json.boolean_or("invert", false);
  if (!pattern.is_regex) return split_by_literal(pattern.text, how, invert);
  return at_place(at, [&] { return split_by_regex(pattern.text, how, invert); });
}

PrependScheme prepend_scheme(const JsonAt& json) {
  const auto scheme = json.find("prepend_scheme");
  if (!scheme)
    return json.boolean_or("add_prefix_space", true) ? PrependScheme::always : PrependScheme::never;
  const std::string& name = scheme->string();
  if (name == "always") return PrependScheme::always;
  if (name == "first") return PrependScheme::first;
  if (name == "never") return PrependScheme::never;
  scheme->fail("unknown prepend scheme \"" + base::escaped(name, 60) + "\"");
}

class Builder {
 public:
  explicit Builder(std::vector<PiecesStep>& steps) : steps_(steps) {}

  void add(const JsonAt& json) {
    const std::string& type = json.type();
    if (type == "Sequence") {
      for (const JsonAt& part : json.need("pretokenizers").items()) add(part);
      return;
    }
    ends_in_bytes_ = type == "ByteLevel";
    if (type == "ByteLevel") {
      if (json.boolean_or("add_prefix_space", true)) steps_.push_back(prefix_space());
      if (json.boolean_or("use_regex", true)) steps_.push_back(split_gpt2());
      steps_.push_back(map_bytes());
    } else {
      steps_.push_back(simple_step(json, type));
    }
  }
  bool ends_in_bytes() const { return ends_in_bytes_; }

 private:
  static PiecesStep simple_step(const JsonAt& json, const std::string& type) {
    if (type == "Split") return split_step(json);
    if (type == "Metaspace") {
      return metaspace(json.string_or("replacement", "\u2581"), prepend_scheme(json),
                       json.boolean_or("split", true));
    }
    if (type == "Digits") return split_digits(json.boolean_or("individual_digits", false));
    if (type == "Punctuation") {
      const auto how = json.find("behavior");
      return split_punctuation(how ? behavior(*how) : SplitBehavior::isolated);
    }
    if (type == "Whitespace") return split_words();
    if (type == "WhitespaceSplit") return split_white_space();
    if (type == "BertPreTokenizer") return split_bert();
    if (type == "CharDelimiterSplit") {
      return split_by_literal(json.need("delimiter").string(), SplitBehavior::removed);
    }
    json.unknown_type("pre-tokenizer");
  }

  std::vector<PiecesStep>& steps_;
  bool ends_in_bytes_ = false;
};

}  // namespace

HfPreTokenizer hf_pre_tokenizer(const JsonAt& json, bool allow_raw) {
  HfPreTokenizer result;
  Builder builder(result.steps);
  builder.add(json);
  if (allow_raw && builder.ends_in_bytes()) {
    result.raw_bytes = true;
    result.steps.pop_back();
  }
  return result;
}

}  // namespace nalar::tokenizer
