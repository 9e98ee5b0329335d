#include "train/identity.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"
#include "train/options.h"

namespace nalar::train {
namespace {

constexpr size_t kShown = 80;  // bytes of a value in the message

std::string shown(const Json* value) {
  return value == nullptr ? "none" : base::escaped(to_text(*value), kShown);
}

void compare(const std::string& key, const Json* recorded, const Json* now) {
  const bool equal = recorded != nullptr && now != nullptr && to_text(*recorded) == to_text(*now);
  if (equal) return;
  throw Error(ErrorKind::bad_data,
              fmt::format("cannot resume: {} differs ({}, {})", base::escaped(key), shown(recorded),
                          shown(now)),
              "go on with what the checkpoint was made with, or begin anew with another -o");
}

}  // namespace

Json identity_json(const Origin& origin, const FinetuneOptions& options) {
  Json json;
  json.set("base", origin.base);
  json.set("start", origin.adapter);
  json.set("data", origin.data);
  json.set("validation data", origin.valid);
  json.set("template", origin.chat_template);
  const Json recipe = recipe_json(options);
  for (const auto& [key, value] : recipe.as_object()) json.set(key, value);
  json.set("build", origin.build);
  json.set("isa", origin.isa);
  json.set("device", origin.device);
  json.set("threads", origin.threads);
  return json;
}

void check_identity(const Json& recorded, const Json& now) {
  if (!recorded.is_object()) compare("identity", &recorded, &now);
  for (const auto& [key, value] : now.as_object()) compare(key, recorded.find(key), &value);
  for (const auto& [key, value] : recorded.as_object()) compare(key, &value, now.find(key));
}

}  // namespace nalar::train
