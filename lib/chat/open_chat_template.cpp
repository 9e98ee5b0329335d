#include <fmt/format.h>
#include <nalar/chat.h>
#include <nalar/error.h>

#include "io/gguf_metadata.h"

namespace nalar {
namespace {

constexpr std::string_view kTokenNames[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                            "pad_token", "cls_token", "mask_token"};

struct Source {
  std::string text;
  std::string path;
};

[[noreturn]] void wrong_kind(std::string_view key, const Json& value, std::string_view need) {
  throw Error(ErrorKind::bad_data,
              fmt::format("key {}: got {}, need {}", key, value.kind_name(), need));
}

// The JSON object in a file of the folder; null when the file is not there.
Json read_object(const ModelFiles& files, std::string_view name) {
  const auto bytes = files.file(name);
  if (!bytes) return {};
  try {
    Json json = parse_json(*bytes);
    if (!json.is_object()) {
      throw Error(ErrorKind::bad_data, fmt::format("got {}, need an object", json.kind_name()));
    }
    return json;
  } catch (const Error& error) {
    throw error.in_file(files.path_of(name));
  }
}

// The value of chat_template: one template, or a list of named ones of which "default" counts.
std::optional<std::string> template_of(const Json& object) {
  constexpr std::string_view kKey = "chat_template";
  const Json* value = object.find(kKey);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_string()) return value->as_string();
  if (!value->is_array()) wrong_kind(kKey, *value, "a string or an array");
  for (const Json& entry : value->as_array()) {
    const Json* name = entry.find("name");
    const Json* text = entry.find("template");
    if (name == nullptr || !name->is_string() || text == nullptr || !text->is_string()) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("key {}: need an array of objects with name and template", kKey));
    }
    if (name->as_string() == "default") return text->as_string();
  }
  return std::nullopt;
}

std::optional<Source> find_source(const ModelFiles& files) {
  if (const auto text = files.file("chat_template.jinja")) {
    return Source{std::string(*text), files.path_of("chat_template.jinja")};
  }
  for (const std::string_view name : {"chat_template.json", "tokenizer_config.json"}) {
    const Json object = read_object(files, name);
    try {
      if (auto text = template_of(object)) return Source{std::move(*text), files.path_of(name)};
    } catch (const Error& error) {
      throw error.in_file(files.path_of(name));
    }
  }
  if (files.gguf() == nullptr) return std::nullopt;
  try {
    if (const auto text = files.gguf()->string("tokenizer.chat_template")) {
      return Source{std::string(*text), files.path()};
    }
  } catch (const Error& error) {
    throw error.in_file(files.path());
  }
  return std::nullopt;
}

// A token's text: a string, or an object with its content; nullopt when the file has null or
// nothing.
std::optional<std::string> token_text(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (value->is_object()) value = value->find("content");
  if (value == nullptr || !value->is_string()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("key {}: need a string or an object with content", key));
  }
  return value->as_string();
}

void add_from_file(Json& variables, const ModelFiles& files, std::string_view name) {
  const Json object = read_object(files, name);
  try {
    for (const std::string_view key : kTokenNames) {
      const auto text = token_text(object, key);
      if (text && variables.find(key) == nullptr) variables.set(std::string(key), *text);
    }
  } catch (const Error& error) {
    throw error.in_file(files.path_of(name));
  }
}

void add_from_tokenizer(Json& variables, const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  const auto add = [&](const char* key, const std::optional<TokenId>& id) {
    if (id && variables.find(key) == nullptr) variables.set(key, tokenizer.piece(*id));
  };
  add("bos_token", special.bos);
  add("eos_token", special.eos);
  add("unk_token", special.unk);
  add("pad_token", special.pad);
}

std::optional<ChatTemplate> open(const ModelFiles& files, const Tokenizer* tokenizer) {
  auto source = find_source(files);
  if (!source) return std::nullopt;
  Json tokens = template_token_variables(files, tokenizer);
  try {
    return ChatTemplate(std::move(source->text), std::move(tokens));
  } catch (const Error& error) {
    const std::string where = files.gguf() == nullptr ? "" : "key tokenizer.chat_template: ";
    throw Error(error.kind(), where + error.what(), error.hint()).in_file(source->path);
  }
}

}  // namespace

Json template_token_variables(const ModelFiles& files, const Tokenizer* tokenizer) {
  Json variables = Json::Object{};
  for (const std::string_view name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    add_from_file(variables, files, name);
  }
  const bool from_files = !variables.as_object().empty();
  if (!from_files && tokenizer != nullptr) add_from_tokenizer(variables, *tokenizer);
  return variables;
}

std::optional<ChatTemplate> open_chat_template(const ModelFiles& files,
                                               const Tokenizer& tokenizer) {
  return open(files, &tokenizer);
}

std::optional<ChatTemplate> open_chat_template(const ModelFiles& files) {
  return open(files, nullptr);
}

}  // namespace nalar
