#pragma once

#include <nalar/convert.h>

#include <string>
#include <vector>

#include "engine_support.h"
#include "support/material.h"

namespace nalar::convert::test {

inline std::string golden_model(const std::string& name) {
  return nalar::test::golden("models/" + name);
}

inline std::vector<std::string> golden_folders() {
  std::vector<std::string> names;
  for (const std::string& name : engine::test::golden_models()) {
    if (!name.ends_with(".gguf")) names.push_back(name);
  }
  return names;
}

inline ConvertResult convert(std::shared_ptr<const Model> model, const std::string& to,
                             ConvertOptions options = {}) {
  options.to = to.ends_with(".gguf") ? ConvertTarget::gguf : ConvertTarget::hf;
  return convert_model(std::move(model), to, options);
}

// Gives `to`.
inline std::string convert(const std::string& from, const std::string& to,
                           ConvertOptions options = {}) {
  convert(open_model(from), to, std::move(options));
  return to;
}

inline engine::test::Logits logits_of(std::shared_ptr<const Model> model,
                                      const engine::test::Ids& ids,
                                      std::vector<AdapterUse> adapters = {}) {
  const auto engine = engine::test::engine_of(std::move(model), {}, std::move(adapters));
  return engine::test::forward(*engine, engine->create(), ids);
}

}  // namespace nalar::convert::test
