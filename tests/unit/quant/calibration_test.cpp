#include "quant/calibration.h"

#include <nalar/error.h>
#include <nalar/model.h>
#include <nalar/quantize.h>
#include <nalar/tokenizer.h>

#include <cmath>
#include <cstring>

#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar::quant {
namespace {

// Contexts of 64 tokens, a byte or a bit more each.
std::string some_text(size_t bytes) {
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i) text += "hello world " + std::to_string(i * i) + " ";
  return text;
}

struct Set {
  std::string folder = test::temporary_folder();
  std::string text = folder + "/text.txt";
  std::shared_ptr<const Model> model;

  explicit Set(size_t bytes = 900) {
    test::write_text(folder + "/model.gguf", test::tiny_llama().bytes());
    test::write_text(text, some_text(bytes));
    model = open_model(folder + "/model.gguf");
  }
};

const std::vector<std::string> kMatrices = {"blk.0.attn_q.weight",   "blk.0.attn_k.weight",
                                            "blk.0.attn_v.weight",   "blk.0.attn_output.weight",
                                            "blk.0.ffn_gate.weight", "blk.0.ffn_up.weight",
                                            "blk.0.ffn_down.weight", "token_embd.weight"};

CalibrationOptions how(const Set& set) {
  CalibrationOptions options;
  options.path = set.text;
  options.threads = 1;
  return options;
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("inputs are gathered once for all matrices that read them, whole chunks alone") {
  const Set set;
  Calibration calibration(set.model, how(set));
  CHECK(calibration.passes() == 1);
  CHECK(calibration.tokens() % 64 == 0);
  CHECK(calibration.tokens() >= 4 * 64);
  const auto q = copy(calibration.importance("blk.0.attn_q.weight"));
  REQUIRE(q.size() == 32);
  CHECK(q == copy(calibration.importance("blk.0.attn_v.weight")));
  CHECK(q != copy(calibration.importance("blk.0.ffn_up.weight")));
  CHECK(calibration.importance("blk.0.ffn_down.weight").size() == 48);
  CHECK(calibration.importance("token_embd.weight").size() == 32);
  CHECK(calibration.importance("output_norm.weight").empty());
  CHECK(calibration.hessian("blk.0.attn_q.weight") == nullptr);
  // What a norm of weights 1 gives has a mean square of 1, but for its epsilon.
  double mean = 0;
  for (const float v : q) mean += v / 32;
  CHECK(std::abs(mean - 1) < 0.01);
}

TEST_CASE("Hessians are the same whatever part of them fits the memory, on any number of threads") {
  const Set set;
  CalibrationOptions all = how(set);
  all.feedback = kMatrices;
  Calibration one(set.model, all);
  CalibrationOptions few = all;
  few.threads = 2;
  few.hessian_bytes = 48 * 48 * 4;  // the largest, or two of the others
  Calibration several(set.model, few);
  CHECK(several.passes() == 1);
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
  Calibration none_of_down(set.model, few);
  CHECK(none_of_down.hessian("blk.0.ffn_down.weight") == nullptr);
  CHECK(none_of_down.hessian("blk.0.attn_q.weight") != nullptr);
}

TEST_CASE("a text that is too short is told with what is needed") {
  const Set set(100);
  CHECK(test::error_of([&] {
          Calibration(set.model, how(set));
        }).starts_with(set.text + ": too short to calibrate with: got "));
}

TEST_CASE("feedback makes the error of outputs smaller, the imatrix is what was gathered") {
  const Set set;
  double output_error[2];
  for (const bool feedback : {false, true}) {
    QuantizeOptions options;
    options.mix = Mix::q4_0;
    options.threads = 1;
    options.calibration = set.text;
    options.feedback = feedback;
    options.write_imatrix = set.folder + (feedback ? "/with" : "/without") + "_imatrix.gguf";
    const std::string out = set.folder + (feedback ? "/with.gguf" : "/without.gguf");
    const QuantizeResult result = quantize(set.model, out, options);
    CHECK(result.report.find("statistics")->find("tokens")->as_int64() > 0);
    double sum = 0;
    for (const QuantizedTensor& tensor : result.plan.tensors) {
      CHECK(tensor.output_error.has_value() ==
            (tensor.to == DType::q4_0 || tensor.to == DType::q8_0));
      if (tensor.to == DType::q4_0) sum += *tensor.output_error;
    }
    output_error[feedback] = sum;
  }
  // The two are not measured alike (with and without correlations), but on inputs as correlated as
  // these the feedback wins by more than that.
  CHECK(output_error[1] < output_error[0]);
  // Reading the statistics back gives the file that was made by them.
  QuantizeOptions options;
  options.mix = Mix::q4_0;
  options.threads = 1;
  options.imatrix = set.folder + "/without_imatrix.gguf";
  quantize(set.model, set.folder + "/read.gguf", options);
  const auto a = open_model(set.folder + "/read.gguf"),
             b = open_model(set.folder + "/without.gguf");
  for (const TensorView& tensor : a->files().tensors()->tensors()) {
    const TensorView& same = *b->files().tensors()->find(tensor.name);
    INFO(tensor.name);
    CHECK(
        std::equal(tensor.bytes.begin(), tensor.bytes.end(), same.bytes.begin(), same.bytes.end()));
  }
}

TEST_CASE("statistics are not written over anything that is there") {
  const Set set;
  const std::string before = test::read_text(set.folder + "/model.gguf");
  const auto error = [&](const std::string& imatrix) {
    QuantizeOptions options;
    options.threads = 1;
    options.calibration = set.text;
    options.write_imatrix = imatrix;
    return test::error_of([&] { quantize(set.model, set.folder + "/out.gguf", options); });
  };
  CHECK(error(set.folder + "/model.gguf") ==
        set.folder + "/model.gguf: --write-imatrix is the model itself");
  CHECK(error(set.text) == set.text + ": it exists already");
  CHECK(error(set.folder + "/./out.gguf") ==
        set.folder + "/out.gguf: --write-imatrix is OUT itself");
  CHECK(error(set.folder + "/no/i.gguf") == set.folder + "/no: no such folder");
  CHECK(test::read_text(set.folder + "/model.gguf") == before);
}

TEST_CASE("inputs that are not finite are no statistics: the weight that makes them so is named") {
  const auto error = [](float value) {
    test::GgufBuilder builder = test::tiny_llama();
    for (auto& tensor : builder.tensors) {
      if (tensor.name == "blk.0.ffn_up.weight") std::memcpy(&tensor.data[0], &value, sizeof value);
    }
    const std::string folder = test::temporary_folder();
    test::write_text(folder + "/model.gguf", builder.bytes());
    test::write_text(folder + "/text.txt", some_text(900));
    QuantizeOptions options;
    options.threads = 1;
    options.calibration = folder + "/text.txt";
    return test::error_of(
        [&] { quantize(open_model(folder + "/model.gguf"), folder + "/out.gguf", options); });
  };
  CHECK(error(std::nanf("")) ==
        "tensor blk.0.ffn_up.weight: row 0, column 0 is nan: a weight must be finite");
  CHECK(error(1e30f).ends_with(
      "text.txt: what tensor blk.0.ffn_down.weight is multiplied with is not finite in this text"));
}

}  // namespace nalar::quant
