#include "model/tensor_names.h"

#include <set>

#include "support/catch.h"

namespace {

using namespace nalar::model;

constexpr int kRoles = static_cast<int>(TensorRole::down_bias) + 1;

bool of_model(TensorRole role) { return role <= TensorRole::head; }

}  // namespace

TEST_CASE("every role's name is parsed back to it") {
  for (const NameScheme scheme :
       {NameScheme::canonical, NameScheme::hf, NameScheme::hf_sandwich, NameScheme::gguf}) {
    const TensorNaming naming(scheme);
    std::set<std::string> names;
    for (int r = 0; r < kRoles; ++r) {
      const auto role = static_cast<TensorRole>(r);
      const bool is_post =
          role == TensorRole::attention_post_norm || role == TensorRole::feed_forward_post_norm;
      if (scheme == NameScheme::hf && is_post) continue;
      const TensorName tensor{role, of_model(role) ? -1 : 17};
      const std::string name = naming.name(tensor);
      INFO(name);
      CHECK(names.insert(name).second);
      CHECK(naming.parse(name) == tensor);
    }
  }
}

TEST_CASE("names are those of the formats") {
  const TensorName q{TensorRole::q, 3};
  CHECK(TensorNaming(NameScheme::canonical).name(q) == "layers.3.q_proj.weight");
  CHECK(TensorNaming(NameScheme::hf).name(q) == "model.layers.3.self_attn.q_proj.weight");
  CHECK(TensorNaming(NameScheme::gguf).name(q) == "blk.3.attn_q.weight");
  const TensorName norm{TensorRole::feed_forward_norm, 0};
  CHECK(TensorNaming(NameScheme::hf).name(norm) ==
        "model.layers.0.post_attention_layernorm.weight");
  CHECK(TensorNaming(NameScheme::hf_sandwich).name(norm) ==
        "model.layers.0.pre_feedforward_layernorm.weight");
  CHECK(TensorNaming(NameScheme::gguf).name(norm) == "blk.0.ffn_norm.weight");
  CHECK(TensorNaming(NameScheme::hf, "language_model.model.").name({TensorRole::embedding}) ==
        "language_model.model.embed_tokens.weight");
  CHECK(TensorNaming(NameScheme::hf).name({TensorRole::head}) == "lm_head.weight");
}

TEST_CASE("other names stand for nothing") {
  const TensorNaming naming(NameScheme::gguf);
  for (const char* name :
       {"", "blk.", "blk.0", "blk.0.", "blk.x.attn_q.weight", "blk.01.attn_q.weight",
        "blk.-1.attn_q.weight", "blk.99999999999.attn_q.weight", "blk.0.attn_qkv.weight",
        "blk.0.attn_q", "attn_q.weight", "token_embd.bias"}) {
    INFO(name);
    CHECK_FALSE(naming.parse(name));
  }
  CHECK_FALSE(TensorNaming(NameScheme::hf).parse("model.layers.0."));
}
