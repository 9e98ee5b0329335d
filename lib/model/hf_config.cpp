#include "model/hf_config.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"

namespace nalar::model {
namespace {

// Written by transformers and by training tools; none changes the logits of a decoder in inference.
constexpr std::string_view kHarmless[] = {
    // of the file
    "_name_or_path", "_model_name_or_path", "architectures", "model_type", "transformers_version",
    "torch_dtype", "dtype", "transformers.js_config", "is_llama_config", "unsloth_fixed",
    "unsloth_version", "_commit_hash", "_attn_implementation", "_attn_implementation_autoset",
    "attn_implementation", "_flash_attn_2_enabled", "cache_implementation", "use_cache",
    "use_bfloat16", "torchscript",
    // of training
    "initializer_range", "attention_dropout", "hidden_dropout", "resid_dropout", "embd_dropout",
    "neftune_noise_alpha", "pretraining_tp", "gradient_checkpointing",
    // of the tokenizer
    "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "sep_token_id",
    "decoder_start_token_id", "tokenizer_class", "prefix", "max_sequence_length",
    "model_max_length",
    // of outputs and tasks
    "output_attentions", "output_hidden_states", "output_scores", "return_dict",
    "return_dict_in_generate", "task_specific_params", "problem_type", "finetuning_task",
    "id2label", "label2id", "tie_encoder_decoder", "chunk_size_feed_forward",
    "cross_attention_hidden_size",
    // of generation, kept in old files
    "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "do_sample", "max_length",
    "min_length", "num_beams", "num_beam_groups", "diversity_penalty", "length_penalty",
    "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences",
    "forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values",
    "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
    "early_stopping"};

std::optional<int64_t> integer_of(const Json& value) {
  if (value.kind() == Json::Kind::integer) return value.as_int64();
  // An unsigned value is one that does not fit int64, and so is out of every range here.
  return std::nullopt;
}

std::optional<double> number_of(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  return value.as_double();
}

}  // namespace

HfConfig::HfConfig(const Json& object, std::string path)
    : object_(object), path_(std::move(path)) {}

const Json* HfConfig::find(std::string_view key) {
  read_.insert(std::string(key));
  const Json* value = object_.find(key);
  return value && !value->is_null() ? value : nullptr;
}

bool HfConfig::is_null(std::string_view key) const {
  const Json* value = object_.find(key);
  return value && value->is_null();
}

bool HfConfig::has(std::string_view key) { return find(key) != nullptr; }

int64_t HfConfig::integer(std::string_view key, IntRange range) {
  const Json* value = find(key);
  if (!value) fail_missing(path_of(key), need_text(range));
  return check(path_of(key), integer_of(*value), range, to_text(*value));
}

int64_t HfConfig::integer(std::string_view key, IntRange range, int64_t otherwise) {
  return has(key) ? integer(key, range) : otherwise;
}

double HfConfig::number(std::string_view key, NumberRange range) {
  const Json* value = find(key);
  if (!value) fail_missing(path_of(key), need_text(range));
  return check(path_of(key), number_of(*value), range, to_text(*value));
}

double HfConfig::number(std::string_view key, NumberRange range, double otherwise) {
  return has(key) ? number(key, range) : otherwise;
}

bool HfConfig::boolean(std::string_view key, bool otherwise) {
  const Json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_bool()) fail_value(path_of(key), to_text(*value), "true or false");
  return value->as_bool();
}

std::string_view HfConfig::text(std::string_view key, std::string_view otherwise) {
  const Json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_string()) fail_value(path_of(key), to_text(*value), "a text");
  return value->as_string();
}

std::optional<std::vector<std::string_view>> HfConfig::texts(std::string_view key) {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  constexpr std::string_view kNeed = "a list of texts";
  if (!value->is_array()) fail_value(path_of(key), to_text(*value), kNeed);
  std::vector<std::string_view> items;
  for (const Json& item : value->as_array()) {
    if (!item.is_string()) fail_value(path_of(key), to_text(item), kNeed);
    items.push_back(item.as_string());
  }
  return items;
}

std::optional<HfConfig> HfConfig::object(std::string_view key) {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_object()) fail_value(path_of(key), to_text(*value), "an object");
  return HfConfig(*value, path_of(key) + ".");
}

void HfConfig::only(std::string_view key, bool value) {
  if (boolean(key, value) != value) fail_unsupported(path_of(key), value ? "false" : "true");
}

void HfConfig::fail_unknown(std::string_view key) const {
  throw Error(ErrorKind::bad_data,
              fmt::format("key {} is not known: it may change what the model computes",
                          base::escaped(path_of(key))));
}

void HfConfig::finish() const {
  for (const auto& [key, value] : object_.as_object()) {
    if (!read_.count(key)) fail_unknown(key);
  }
}

void HfConfig::finish_model() const {
  for (const auto& [key, value] : object_.as_object()) {
    if (read_.count(key)) continue;
    if (!std::count(std::begin(kHarmless), std::end(kHarmless), key)) fail_unknown(key);
  }
}

}  // namespace nalar::model
