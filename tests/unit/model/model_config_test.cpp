#include <nalar/model_config.h>

#include <functional>
#include <limits>

#include "model/families/family.h"
#include "model/rope_config.h"
#include "support/catch.h"
#include "support/error_of.h"

using namespace nalar;

namespace {

ModelConfig valid() {
  model::DecoderShape shape;
  shape.d_model = 16;
  shape.d_ff = 32;
  shape.n_layers = 2;
  shape.n_heads = 4;
  shape.n_kv_heads = 2;
  shape.head_dim = 8;
  shape.vocab_size = 10;
  shape.n_ctx_train = 64;
  ModelConfig config = model::plain_decoder("llama", shape);
  model::set_rope(config, model::plain_rope(10000, 8));
  return config;
}

std::string failure(const std::function<void(ModelConfig&)>& change) {
  ModelConfig config = valid();
  change(config);
  return test::error_of([&] { config.validate(); });
}

}  // namespace

TEST_CASE("a plain decoder is valid, with or without what is optional") {
  CHECK(failure([](ModelConfig&) {}) == "no error");
  CHECK(failure([](ModelConfig& c) { c.layers[0].attention.rope.reset(); }) == "no error");
  CHECK(failure([](ModelConfig& c) { c.layers[0].attention.qk_norm = NormSpec{}; }) == "no error");
}

TEST_CASE("every field is checked and named") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(failure([](ModelConfig& c) { c.d_model = 0; }) ==
        "d_model: got 0, need an integer in 1..1048576");
  CHECK(failure([](ModelConfig& c) { c.vocab_size = -1; }).find("vocab_size: got -1") == 0);
  CHECK(failure([](ModelConfig& c) { c.n_ctx_train = 0; }).find("n_ctx_train: got 0") == 0);
  CHECK(failure([](ModelConfig& c) { c.layers.clear(); }) ==
        "n_layers: got 0, need an integer in 1..4096");
  CHECK(failure([&](ModelConfig& c) { c.embedding_scale = nan; }) ==
        "embedding_scale: got nan, need a finite number > 0");
  CHECK(failure([](ModelConfig& c) { c.final_softcap = -1; }).find("final_softcap") == 0);
  CHECK(failure([](ModelConfig& c) { c.final_norm.eps = 0; }).find("final_norm.eps") == 0);
  CHECK(failure([](ModelConfig& c) { c.layers[1].attention_norm->weight_offset = 2; }) ==
        "layers[1].attention_norm.weight_offset: got another value, need 0 or 1");
  CHECK(failure([](ModelConfig& c) {
          c.layers[1].feed_forward.d_ff = 0;
        }).find("layers[1].feed_forward.d_ff: got 0") == 0);
  CHECK(failure([](ModelConfig& c) {
          c.generation.eos_ids = {2, 10};
        }) == "generation.eos_ids: got 10, need an integer in 0..9");
}

TEST_CASE("attention and rope") {
  const auto attention = [](const std::function<void(AttentionSpec&)>& change) {
    return failure([&](ModelConfig& c) { change(c.layers[1].attention); });
  };
  CHECK(attention([](AttentionSpec& a) { a.n_heads = 3; }) ==
        "layers[1].attention.n_heads: got 3, need a multiple of 2");
  CHECK(attention([](AttentionSpec& a) { a.n_kv_heads = 0; }).find("attention.n_kv_heads") != 0);
  CHECK(attention([](AttentionSpec& a) {
          a.head_dim = 65536;
          a.n_heads = 65536;
        }).find("layers[1].attention.n_heads * head_dim") == 0);
  CHECK(attention([](AttentionSpec& a) { a.scale = 0; }).find("layers[1].attention.scale") == 0);
  CHECK(attention([](AttentionSpec& a) { a.window = -1; }).find("layers[1].attention.window") == 0);
  CHECK(attention([](AttentionSpec& a) { a.rope->rope_dim = 10; }) ==
        "layers[1].attention.rope.rope_dim: got 10, need an integer in 2..8");
  CHECK(attention([](AttentionSpec& a) {
          a.rope->theta = 0;
        }).find("layers[1].attention.rope.theta: got 0") == 0);
  CHECK(attention([](AttentionSpec& a) { a.rope->scaling.kind = RopeScalingKind::longrope; }) ==
        "layers[1].attention.rope.scaling.kind: got another value, need none, linear, llama3 or "
        "yarn");
  CHECK(attention([](AttentionSpec& a) {
          a.rope->scaling.kind = RopeScalingKind::yarn;
        }).find("layers[1].attention.rope.scaling.original_context: got 0") == 0);
  CHECK(attention([](AttentionSpec& a) {
          a.rope->scaling.freq_factors = {1, 1};
        }) == "layers[1].attention.rope.scaling.freq_factors.size: got 2, need an integer in 4..4");
  CHECK(failure([](ModelConfig& c) {
          c.layers[1].attention.n_kv_heads = 4;
        }).find("layers[1].attention.n_kv_heads and head_dim") == 0);
}
