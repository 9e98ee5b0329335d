#include "quant/calibration.h"

#include <cmath>
#include <set>

#include "quantize_support.h"
#include "support/catch.h"

namespace nalar::quant {
namespace {

const std::vector<std::string> kMatrices = {"blk.0.attn_q.weight",   "blk.0.attn_k.weight",
                                            "blk.0.attn_v.weight",   "blk.0.attn_output.weight",
                                            "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
                                            "blk.0.ffn_down.weight", "token_embd.weight"};

CalibrationOptions one_thread() {
  CalibrationOptions options;
  options.threads = 1;
  return options;
}

Calibration calibration_of(const Set& set, const CalibrationOptions& options) {
  return {set.model, tokens_of_text(*set.model, set.text), options};
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("inputs are gathered once for all matrices that read them, whole chunks alone") {
  const Set set;
  Calibration calibration = calibration_of(set, one_thread());
  CHECK(calibration.passes() == 0);
  CHECK(calibration.tokens().chunk == 64);
  CHECK(calibration.tokens().count() % 64 == 0);
  CHECK(calibration.tokens().chunks() >= 4);
  const auto q = copy(calibration.importance("blk.0.attn_q.weight"));
  REQUIRE(q.size() == 32);
  CHECK(q == copy(calibration.importance("blk.0.attn_v.weight")));
  CHECK(q != copy(calibration.importance("blk.0.ffn_up.weight")));
  CHECK(calibration.importance("blk.0.ffn_down.weight").size() == 48);
  CHECK(calibration.importance("token_embd.weight").size() == 32);
  CHECK(calibration.importance("output_norm.weight").empty());
  CHECK(calibration.hessian("blk.0.attn_q.weight") == nullptr);
  CHECK(calibration.passes() == 1);
  CHECK(calibration.layer_of("blk.0.attn_v.weight") == 0);
  CHECK(calibration.layer_of("token_embd.weight") == 1);
  CHECK_FALSE(calibration.layer_of("output_norm.weight"));
  // What a norm of weights 1 gives has a mean square of 1, but for its epsilon.
  double mean = 0;
  for (const float v : q) mean += v / 32;
  CHECK(std::abs(mean - 1) < 0.01);
}

TEST_CASE("Hessians are the same whatever part of them fits the memory, on any number of threads") {
  const Set set;
  CalibrationOptions all = one_thread();
  all.feedback = kMatrices;
  Calibration one = calibration_of(set, all);
  CalibrationOptions few = all;
  few.threads = 2;
  few.hessian_bytes = 48 * 48 * 4;  // the largest, or two of the others
  Calibration several = calibration_of(set, few);
  for (const std::string& matrix : kMatrices) {
    INFO(matrix);
    const Hessian* a = one.hessian(matrix);
    const Hessian* b = several.hessian(matrix);
    REQUIRE(a != nullptr);
    REQUIRE(b != nullptr);
    CHECK(a->diagonal() == b->diagonal());
    for (int64_t i = 0; i < a->columns(); ++i) {
      CHECK(std::equal(a->factor_rows().row(i) + i, a->factor_rows().row(i) + a->columns(),
                       b->factor_rows().row(i) + i));
    }
  }
  CHECK(one.passes() == 1);
  CHECK(several.passes() > 2);
  few.hessian_bytes = 32 * 32 * 4;
  Calibration none_of_down = calibration_of(set, few);
  CHECK(none_of_down.hessian("blk.0.ffn_down.weight") == nullptr);
  CHECK(none_of_down.hessian("blk.0.attn_q.weight") != nullptr);
}

TEST_CASE(
    "passes after the first begin at the states that were kept and stop where they are done") {
  const std::string folder = test::temporary_folder();
  test::write_text(folder + "/text.txt", some_text(5500));
  const auto model = open_model(test::golden("stories260k/stories260K-f32.gguf"));
  const int n_layers = model->config().n_layers();
  const CalibrationTokens tokens = tokens_of_text(*model, folder + "/text.txt");
  CalibrationOptions options;
  options.threads = 2;
  for (int i = 0; i < n_layers; ++i) {
    for (const char* matrix : {"attn_q", "attn_output", "ffn_gate", "ffn_down"}) {
      options.feedback.push_back("blk." + std::to_string(i) + "." + matrix + ".weight");
    }
  }
  Calibration all(model, tokens, options);
  const int64_t columns = model->config().layers[0].feed_forward.d_ff;
  options.hessian_bytes = 2 * columns * columns * 4;  // those of a layer, or a bit more
  Calibration kept(model, tokens, options);
  options.state_bytes = 1;
  Calibration anew(model, tokens, options);
  for (const std::string& matrix : options.feedback) {
    INFO(matrix);
    const Hessian* const want = all.hessian(matrix);
    for (Calibration* const calibration : {&kept, &anew}) {
      const Hessian* const got = calibration->hessian(matrix);
      REQUIRE(got != nullptr);
      CHECK(got->diagonal() == want->diagonal());
      for (int64_t i = 0; i < got->columns(); ++i) {
        CHECK(std::equal(got->factor_rows().row(i) + i, got->factor_rows().row(i) + got->columns(),
                         want->factor_rows().row(i) + i));
      }
    }
  }
  CHECK(all.passes() == 1);
  CHECK(all.layers_walked() == n_layers);
  CHECK(kept.passes() == anew.passes());
  CHECK(kept.passes() > 3);
  CHECK(kept.layers_walked() == n_layers);
  options.state_bytes = 0;
  options.hessian_bytes *= 2;
  Calibration by_two(model, tokens, options);
  for (int i = 0; i < n_layers; ++i) {  // in a file's order within a layer
    for (const char* matrix : {"ffn_down", "ffn_up", "attn_v", "attn_output"}) {
      CHECK(by_two.hessian("blk." + std::to_string(i) + "." + matrix + ".weight") != nullptr);
    }
  }
  CHECK(by_two.passes() == (n_layers + 1) / 2);
  CHECK(by_two.layers_walked() == n_layers);
  CHECK(anew.layers_walked() > 2 * n_layers);
  // A layer that is too large as a whole is walked through once for each part of it.
  CalibrationOptions small = options;
  small.hessian_bytes = columns * columns * 4;
  Calibration in_parts(model, tokens, small);
  for (const std::string& matrix : options.feedback) {
    REQUIRE(in_parts.hessian(matrix) != nullptr);
    CHECK(in_parts.hessian(matrix)->diagonal() == all.hessian(matrix)->diagonal());
  }
  CHECK(in_parts.passes() > n_layers);
  CHECK(in_parts.layers_walked() == in_parts.passes());
  // Asked for the importance first, it walks through all, and gathers Hessians on the way.
  options.hessian_bytes /= 2;
  Calibration ahead(model, tokens, options);
  for (const std::string& matrix : options.feedback) {
    CHECK(copy(ahead.importance(matrix)) == copy(all.importance(matrix)));
  }
  CHECK(ahead.layers_walked() == n_layers + 1);  // the head is one
  for (const std::string& matrix : options.feedback) {
    CHECK(ahead.hessian(matrix)->diagonal() == all.hessian(matrix)->diagonal());
  }
  CHECK(ahead.passes() == kept.passes());
  CHECK(ahead.layers_walked() == 2 * n_layers);
}

TEST_CASE("layers can be walked as they are asked for, each once if states are kept") {
  const auto model = open_model(test::golden("stories260k/stories260K-f32.gguf"));
  const int n_layers = model->config().n_layers();
  CalibrationOptions options;
  options.threads = 2;
  Calibration at_once(model, drawn_tokens(*model), options);
  options.by_layers = true;
  Calibration in_turn(model, drawn_tokens(*model), options);
  options.state_bytes = 1;
  Calibration anew(model, drawn_tokens(*model), options);
  const auto head = copy(at_once.importance(std::string(model->weights().head.name)));
  CHECK(at_once.passes() == 1);
  CHECK(at_once.layers_walked() == n_layers + 1);
  for (int i = 0; i < n_layers; ++i) {
    for (const char* matrix : {"attn_q", "attn_output", "ffn_gate", "ffn_down"}) {
      const std::string name = "blk." + std::to_string(i) + "." + matrix + ".weight";
      INFO(name);
      const auto want = copy(at_once.importance(name));
      CHECK(copy(in_turn.importance(name)) == want);
      CHECK(copy(anew.importance(name)) == want);
    }
    CHECK(in_turn.layers_walked() == i + 1);
    CHECK(in_turn.passes() == i + 1);
    CHECK(anew.passes() == 1);
  }
  CHECK(copy(in_turn.importance(std::string(model->weights().head.name))) == head);
  CHECK(in_turn.layers_walked() == n_layers + 1);
}

}  // namespace nalar::quant
