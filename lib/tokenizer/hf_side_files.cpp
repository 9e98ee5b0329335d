#include "tokenizer/hf_side_files.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/utf8.h"
#include "tokenizer/end_tokens.h"
#include "tokenizer/json_at.h"

namespace nalar::tokenizer {
namespace {

// Parses a side file, if it is there, and hands it on; errors get its name.
void with_file(const ModelFiles& files, const std::string& name,
               const std::function<void(const JsonAt&)>& use) {
  const auto text = files.file(name);
  if (!text) return;
  try {
    const Json json = parse_json(*text);
    const JsonAt at(json, "");
    at.object();
    use(at);
  } catch (const Error& e) {
    throw e.in_file(files.path_of(name));
  }
}

// "<s>", or {"content": "<s>", …}.
void read_name(const JsonAt& json, std::string_view key, std::optional<std::string>& name) {
  const auto member = json.find(key);
  if (!member || name) return;
  name = member->value().is_object() ? member->need("content").string() : member->string();
}

void read_names(const JsonAt& json, HfSideFiles& side) {
  read_name(json, "bos_token", side.bos);
  read_name(json, "eos_token", side.eos);
  read_name(json, "unk_token", side.unk);
  read_name(json, "pad_token", side.pad);
}

int64_t id_of_key(const JsonAt& at, const std::string& key) {
  int64_t id = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size()) {
    at.fail(fmt::format("bad token id \"{}\"", base::escaped(key, 60)));
  }
  return id;
}

void read_config(const JsonAt& json, HfSideFiles& side) {
  read_names(json, side);
  const auto boolean = [&](std::string_view key) -> std::optional<bool> {
    const auto member = json.find(key);
    return member ? std::optional(member->boolean()) : std::nullopt;
  };
  side.add_bos = boolean("add_bos_token");
  side.add_eos = boolean("add_eos_token");
  const auto decoder = json.find("added_tokens_decoder");
  if (!decoder) return;
  for (const auto& [key, value] : decoder->object()) {
    const JsonAt entry(value, fmt::format("added_tokens_decoder.{}", base::escaped(key, 20)));
    side.added.push_back(read_added_token(entry, id_of_key(*decoder, key)));
  }
}

void read_added_map(const JsonAt& json, HfSideFiles& side) {
  if (!side.added.empty()) return;
  for (const auto& [content, id] : json.object()) {
    if (!id.is_integer())
      json.fail(fmt::format("id of \"{}\" must be an integer", base::escaped(content, 60)));
    HfAddedToken token;
    token.id = id.as_int64();
    token.content = content;
    side.added.push_back(token);
  }
}

void read_end_ids(const JsonAt& json, HfSideFiles& side) {
  const auto eos = json.find("eos_token_id");
  if (!eos || !side.end_ids.empty()) return;
  if (eos->value().is_array()) {
    for (const JsonAt& id : eos->items()) side.end_ids.push_back(id.integer());
  } else {
    side.end_ids.push_back(eos->integer());
  }
}

}  // namespace

HfAddedToken read_added_token(const JsonAt& json, int64_t id) {
  HfAddedToken token;
  token.id = id;
  token.content = json.need("content").string();
  token.special = json.boolean_or("special", false);
  token.single_word = json.boolean_or("single_word", false);
  token.strip_left = json.boolean_or("lstrip", false);
  token.strip_right = json.boolean_or("rstrip", false);
  token.normalized = json.boolean_or("normalized", !token.special);
  if (token.content.empty()) json.fail("empty added token");
  return token;
}

HfSideFiles read_side_files(const ModelFiles& files) {
  HfSideFiles side;
  with_file(files, "tokenizer_config.json", [&](const JsonAt& json) { read_config(json, side); });
  with_file(files, "special_tokens_map.json", [&](const JsonAt& json) { read_names(json, side); });
  with_file(files, "added_tokens.json", [&](const JsonAt& json) { read_added_map(json, side); });
  with_file(files, "generation_config.json", [&](const JsonAt& json) { read_end_ids(json, side); });
  with_file(files, "config.json", [&](const JsonAt& json) { read_end_ids(json, side); });
  return side;
}

SpecialTokens resolve_special(const HfSideFiles& side, Vocab& vocab) {
  const auto id_of = [&](std::string_view what,
                         const std::optional<std::string>& name) -> std::optional<TokenId> {
    if (!name || name->empty()) return std::nullopt;
    const TokenId id = vocab.find(*name);
    if (id == kNoToken) {
      notice(fmt::format("{} \"{}\" is no token of the vocabulary: ignored", what,
                         base::escaped(*name, 60)));
      return std::nullopt;
    }
    return id;
  };
  SpecialTokens special;
  special.bos = id_of("bos_token", side.bos);
  special.eos = id_of("eos_token", side.eos);
  special.unk = id_of("unk_token", side.unk);
  special.pad = id_of("pad_token", side.pad);
  if (special.eos) special.end.push_back(*special.eos);
  for (const int64_t id : side.end_ids) {
    if (id < 0 || id >= vocab.size()) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("special id out of range: key eos_token_id is {}, need 0..{}", id,
                              vocab.size() - 1));
    }
    special.end.push_back(static_cast<TokenId>(id));
  }
  for (const TokenId id : end_tokens_by_spelling(vocab)) {
    if (vocab.kind(id) == TokenKind::control) special.end.push_back(id);
  }
  std::sort(special.end.begin(), special.end.end());
  special.end.erase(std::unique(special.end.begin(), special.end.end()), special.end.end());
  for (const TokenId id : special.end) vocab.set_kind(id, TokenKind::control);
  if (special.bos) vocab.set_kind(*special.bos, TokenKind::control);
  return special;
}

void apply_frame(const HfSideFiles& side, const SpecialTokens& special,
                 std::vector<TokenId>& prefix, std::vector<TokenId>& suffix) {
  if (side.add_bos && special.bos) {
    const bool there = !prefix.empty() && prefix.front() == *special.bos;
    if (*side.add_bos && !there) prefix.insert(prefix.begin(), *special.bos);
    if (!*side.add_bos && there) prefix.erase(prefix.begin());
  }
  if (side.add_eos && special.eos) {
    const bool there = !suffix.empty() && suffix.back() == *special.eos;
    if (*side.add_eos && !there) suffix.push_back(*special.eos);
    if (!*side.add_eos && there) suffix.pop_back();
  }
}

}  // namespace nalar::tokenizer
