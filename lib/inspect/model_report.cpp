#include <nalar/error.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/digest.h"
#include "inspect/report_parts.h"
#include "io/file_system.h"
#include "io/tensor_file.h"

namespace nalar::inspect_parts {
namespace {

std::string sha256_of(std::span<const std::byte> bytes) {
  base::Sha256 digest;
  digest.update(bytes);
  return digest.hex();
}

Json shape_json(const std::vector<int64_t>& shape) {
  return Json::Array(shape.begin(), shape.end());
}

// One number where all layers agree, else a list with an item a layer.
template <typename F>
Json per_layer(const ModelConfig& config, F&& value) {
  Json::Array all;
  std::set<int64_t> distinct;
  for (const LayerSpec& layer : config.layers) {
    const int64_t v = value(layer);
    distinct.insert(v);
    all.emplace_back(v);
  }
  return distinct.size() == 1 ? Json(*distinct.begin()) : Json(std::move(all));
}

void add_rope(const ModelConfig& config, Json& out) {
  std::set<double> bases;
  for (const LayerSpec& layer : config.layers) {
    if (layer.attention.rope) bases.insert(layer.attention.rope->theta);
  }
  if (!bases.empty()) out.set("rope_theta", Json::Array(bases.begin(), bases.end()));
}

}  // namespace

Json weight_files(const std::vector<std::string>& paths, bool hashes) {
  Json::Array all;
  for (const std::string& path : paths) {
    const auto mapped = io::file_system().map(path);
    Json::Object file{{"path", path}, {"bytes", static_cast<int64_t>(mapped->bytes().size())}};
    if (hashes) file.emplace_back("sha256", sha256_of(mapped->bytes()));
    all.emplace_back(std::move(file));
  }
  return all;
}

Json types(const io::TensorFile& tensors) {
  struct Sum {
    int64_t tensors = 0, parameters = 0, bytes = 0;
  };
  std::map<std::string_view, Sum> by_type;
  for (const TensorView& t : tensors.tensors()) {
    Sum& sum = by_type[name(t.dtype)];
    ++sum.tensors;
    sum.parameters += t.elements();
    sum.bytes += static_cast<int64_t>(t.bytes.size());
  }
  std::vector<std::pair<std::string_view, Sum>> sorted(by_type.begin(), by_type.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  Json::Array all;
  for (const auto& [type, sum] : sorted) {
    all.emplace_back(Json::Object{{"type", type},
                                  {"tensors", sum.tensors},
                                  {"parameters", sum.parameters},
                                  {"bytes", sum.bytes}});
  }
  return all;
}

Json tensor_list(const io::TensorFile& tensors) {
  Json::Array all;
  for (const TensorView& t : tensors.tensors()) {
    all.emplace_back(Json::Object{{"name", t.name},
                                  {"type", name(t.dtype)},
                                  {"shape", shape_json(t.shape)},
                                  {"bytes", static_cast<int64_t>(t.bytes.size())}});
  }
  return all;
}

Json config(const ModelConfig& c) {
  Json out = Json::Object{{"family", c.family},           {"n_layers", c.n_layers()},
                          {"d_model", c.d_model},         {"vocab_size", c.vocab_size},
                          {"n_ctx_train", c.n_ctx_train}, {"tied_head", c.tied_head}};
  out.set("n_heads", per_layer(c, [](const LayerSpec& l) { return l.attention.n_heads; }));
  out.set("n_kv_heads", per_layer(c, [](const LayerSpec& l) { return l.attention.n_kv_heads; }));
  out.set("head_dim", per_layer(c, [](const LayerSpec& l) { return l.attention.head_dim; }));
  out.set("d_ff", per_layer(c, [](const LayerSpec& l) { return l.feed_forward.d_ff; }));
  out.set("window", per_layer(c, [](const LayerSpec& l) { return l.attention.window; }));
  add_rope(c, out);
  return out;
}

Json generation(const GenerationDefaults& d) {
  Json out{Json::Object{}};
  const auto add = [&out](const char* key, const auto& value) {
    if (value) out.set(key, Json(static_cast<double>(*value)));
  };
  add("temperature", d.temperature);
  if (d.top_k) out.set("top_k", *d.top_k);
  add("top_p", d.top_p);
  add("min_p", d.min_p);
  add("typical_p", d.typical_p);
  add("repeat_penalty", d.repeat_penalty);
  if (d.do_sample) out.set("do_sample", *d.do_sample);
  if (!d.eos_ids.empty()) out.set("eos_ids", Json::Array(d.eos_ids.begin(), d.eos_ids.end()));
  if (!d.source.empty() && !out.as_object().empty()) out.set("source", d.source);
  return out;
}

Json tokenizer(const Tokenizer& t) {
  Json::Object special;
  const auto add = [&](const char* key, std::optional<TokenId> id) {
    if (id) special.emplace_back(key, Json::Object{{"id", *id}, {"piece", t.piece(*id)}});
  };
  add("bos", t.special().bos);
  add("eos", t.special().eos);
  add("unk", t.special().unk);
  add("pad", t.special().pad);
  Json::Array end;
  for (const TokenId id : t.special().end)
    end.emplace_back(Json::Object{{"id", id}, {"piece", t.piece(id)}});
  special.emplace_back("end", std::move(end));
  int64_t control = 0;
  for (TokenId id = 0; id < t.n_tokens(); ++id) control += t.kind(id) == TokenKind::control ? 1 : 0;
  return Json::Object{{"type", t.type()},
                      {"source", t.source()},
                      {"tokens", t.n_tokens()},
                      {"control_tokens", control},
                      {"adds_bos", t.adds_bos()},
                      {"adds_eos", t.adds_eos()},
                      {"special", std::move(special)}};
}

}  // namespace nalar::inspect_parts
