#include "convert/model_card.h"

#include <fmt/format.h>

#include "io/folder_file.h"
#include "io/front_matter.h"

namespace nalar::convert {
namespace {

constexpr std::string_view kHub = "https://huggingface.co/";

}  // namespace

void set_card_keys(const ModelFiles& files, io::GgufKeys& keys) {
  const auto card = files.file("README.md");
  if (!card) return;
  if (const auto licence = io::front_matter(*card, "license")) {
    keys.set("general.license", *licence);
  }
  const auto base = io::front_matter(*card, "base_model");
  if (!base) return;
  keys.set_u32("general.base_model.count", 1);
  keys.set("general.base_model.0.name", io::name_of(*base));
  keys.set("general.base_model.0.repo_url", std::string(kHub) + *base);
}

std::string card_of_keys(const io::GgufMetadata& keys) {
  std::string lines;
  const auto add = [&](std::string_view key, std::string_view value) {
    lines += fmt::format("{}: {}\n", key, io::quoted_yaml(value));
  };
  if (const auto licence = keys.string("general.license")) add("license", *licence);
  if (auto base = keys.string("general.base_model.0.repo_url")) {
    if (base->starts_with(kHub)) base->remove_prefix(kHub.size());
    add("base_model", *base);
  }
  return lines.empty() ? "" : "---\n" + lines + "---\n";
}

}  // namespace nalar::convert
