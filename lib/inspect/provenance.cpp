#include <fmt/format.h>
#include <nalar/error.h>

#include <array>

#include "inspect/report_parts.h"
#include "io/front_matter.h"
#include "io/gguf_metadata.h"

namespace nalar::inspect_parts {
namespace {

// A value of a model card is short; a longer one is no name or address.
constexpr size_t kMaxText = 4096;

std::string clipped(std::string_view text) { return std::string(text.substr(0, kMaxText)); }

// general.* keys that say how the file is made, not where it comes from.
constexpr std::array<std::string_view, 6> kTechnical = {
    "general.architecture",         "general.name",   "general.file_type", "general.alignment",
    "general.quantization_version", "general.license"};

void add_gguf(const io::GgufMetadata& metadata, Json& report) {
  Json::Object provenance;
  for (const auto& [key, value] : metadata.entries()) {
    if (key.starts_with("nalar.")) {  // what quantize wrote
      if (const auto number = value.number()) {
        provenance.emplace_back(key, *number);
      } else if (const auto words = value.string()) {
        provenance.emplace_back(key, clipped(*words));
      }
      continue;
    }
    if (!key.starts_with("general.") || key.starts_with("general.sampling.")) continue;
    const auto text = value.string();
    if (key == "general.name" && text) report.set("name", clipped(*text));
    if (key == "general.architecture" && text) report.set("architecture", clipped(*text));
    if (key == "general.license" && text) report.set("licence", clipped(*text));
    bool technical = false;
    for (const std::string_view name : kTechnical) technical = technical || key == name;
    if (technical) continue;
    const std::string name(key.substr(std::string_view("general.").size()));
    if (text) {
      provenance.emplace_back(name, clipped(*text));
    } else if (const auto list = value.strings()) {
      Json::Array items;
      for (const std::string_view item : *list) items.emplace_back(clipped(item));
      provenance.emplace_back(name, std::move(items));
    } else if (const auto number = value.integer()) {
      provenance.emplace_back(name, *number);
    }
  }
  if (!provenance.empty()) report.set("provenance", std::move(provenance));
}

void add_hf(const ModelFiles& files, Json& report) {
  Json::Object provenance;
  if (const auto text = files.file("config.json")) {
    const Json config = [&] {
      try {
        return parse_json(*text);
      } catch (const Error& e) {
        throw e.in_file(files.path_of("config.json"));
      }
    }();
    if (const Json* names = config.find("architectures")) {
      if (names->is_array() && !names->as_array().empty() && names->as_array()[0].is_string()) {
        report.set("architecture", clipped(names->as_array()[0].as_string()));
      }
    }
    for (const char* key : {"_name_or_path", "transformers_version", "torch_dtype", "dtype"}) {
      const Json* value = config.find(key);
      if (value != nullptr && value->is_string())
        provenance.emplace_back(key, clipped(value->as_string()));
    }
  }
  if (const auto card = files.file("README.md")) {
    if (const auto licence = io::front_matter(*card, "license")) {
      report.set("licence", clipped(*licence));
    }
    if (const auto base = io::front_matter(*card, "base_model")) {
      provenance.emplace_back("base_model", clipped(*base));
    }
  }
  if (!provenance.empty()) report.set("provenance", std::move(provenance));
}

}  // namespace

void add_provenance(const ModelFiles& files, Json& report) {
  if (files.gguf() != nullptr) {
    add_gguf(*files.gguf(), report);
  } else if (files.format() == ModelFormat::hf) {
    add_hf(files, report);
  }
}

}  // namespace nalar::inspect_parts
