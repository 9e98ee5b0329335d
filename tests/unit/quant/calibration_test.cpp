#include "quant/calibration.h"

#include <nalar/error.h>
#include <nalar/model.h>
#include <nalar/quantize.h>
#include <nalar/tokenizer.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>

#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/notices.h"
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

TEST_CASE("drawn tokens are the same every time, of the vocabulary and within the context") {
  for (const char* name : {"stories260k/stories260K-f32.gguf", "models/gemma3.gguf"}) {
    INFO(name);
    const auto model = open_model(test::golden(name));
    const CalibrationTokens tokens = drawn_tokens(*model);
    CHECK(tokens.chunk == std::min(16, model->config().n_ctx_train));
    CHECK(tokens.chunks() == 1);
    CHECK(tokens.ids == drawn_tokens(*model).ids);
    std::set<TokenId> distinct(tokens.ids.begin(), tokens.ids.end());
    CHECK(*distinct.begin() >= 0);
    CHECK(*distinct.rbegin() < model->config().vocab_size);
    // Of 16 of a vocabulary of 48 ids some 14 are distinct.
    CHECK(distinct.size() > tokens.ids.size() / 2);
  }
}

TEST_CASE("each chunk of a text begins with BOS where the tokenizer adds one") {
  const std::string folder = test::temporary_folder();
  test::write_text(folder + "/text.txt", some_text(5500));
  const auto model = open_model(test::golden("stories260k/stories260K-f32.gguf"));
  const CalibrationTokens tokens = tokens_of_text(*model, folder + "/text.txt");
  const auto bos = open_tokenizer(model->files())->special().bos;
  REQUIRE(bos);
  REQUIRE(tokens.chunks() >= 4);
  for (int64_t i = 0; i < tokens.chunks(); ++i) {
    CHECK(tokens.of(i).front() == *bos);
    CHECK(tokens.of(i)[1] != *bos);
  }
  CHECK(tokens.name == "text.txt");
  CHECK(tokens.sha256.size() == 64);
}

TEST_CASE("a text that is too short is told with what is needed") {
  const Set set(100);
  CHECK(test::error_of([&] {
          tokens_of_text(*set.model, set.text);
        }).starts_with(set.text + ": too short to calibrate with: got "));
}

TEST_CASE("what is no text is refused before anything is done with it") {
  const Set set;
  QuantizeOptions calibrated, checked;
  calibrated.calibration = checked.check = set.folder + "/model.gguf";
  for (const QuantizeOptions& options : {calibrated, checked}) {
    QuantizeControl control;
    control.on_event = [](const QuantizeEvent&) { return false; };
    CHECK(test::error_of([&] {
            quantize(set.model, set.folder + "/out.gguf", options, control);
          }) == set.folder + "/model.gguf: not UTF-8 text");
  }
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
    CHECK(result.report.find("statistics")->find("passes")->as_int64() == 1);
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

TEST_CASE("what is rounded without feedback though it was asked for is told") {
  const std::string folder = test::temporary_folder();
  test::write_text(folder + "/text.txt", some_text(900));
  QuantizeOptions options;
  options.mix = Mix::q4_0;
  options.threads = 1;
  options.calibration = folder + "/text.txt";
  const auto quantized = [&](const test::GgufBuilder& builder, const std::string& name) {
    test::write_text(folder + "/" + name, builder.bytes());
    quantize(open_model(folder + "/" + name), folder + "/of_" + name, options);
  };
  {
    const test::Notices notices;
    quantized(test::tiny_llama(), "whole.gguf");
    CHECK(notices.none());
  }
  test::GgufBuilder builder = test::tiny_llama();
  for (auto& tensor : builder.tensors) {  // o reads nothing but zeros then
    if (tensor.name == "blk.0.attn_v.weight") tensor.data.assign(tensor.data.size(), '\0');
  }
  {
    const test::Notices notices;
    options.feedback = false;
    quantized(builder, "zeros.gguf");
    CHECK(notices.none());
  }
  options.feedback = true;
  const test::Notices notices;
  quantized(builder, "zeros_too.gguf");
  CHECK(notices.tell("rounded without error feedback: blk.0.attn_output.weight; "));
}

TEST_CASE("a search that ends in other types than the source has feeds errors back all the same") {
  const Set set;
  QuantizeOptions options;
  options.threads = 1;
  options.mix = Mix::q8_0;
  options.pure = true;
  const std::string source = set.folder + "/q8_0.gguf", out = set.folder + "/out.gguf";
  quantize(set.model, source, options);
  QuantizeOptions search;
  search.threads = 1;
  search.mix = Mix::q8_0;  // what is likely is what is there
  search.target_bpw = 7;
  search.allow_requantize = true;
  search.calibration = set.text;
  std::vector<double> errors[2];
  for (const bool feedback : {false, true}) {
    search.feedback = feedback;
    std::filesystem::remove(out);
    for (const QuantizedTensor& tensor : quantize(open_model(source), out, search).plan.tensors) {
      const bool steered = is_quantized(tensor.to) && tensor.to != DType::q8_0;
      if (steered && tensor.name.starts_with("blk.")) {
        errors[feedback].push_back(*tensor.relative_rmse);
      }
    }
  }
  REQUIRE_FALSE(errors[0].empty());
  REQUIRE(errors[0].size() == errors[1].size());
  for (size_t i = 0; i < errors[0].size(); ++i) CHECK(errors[0][i] != errors[1][i]);
}

TEST_CASE("a plan knows the bytes of the file, with statistics and with a target too") {
  const Set set;
  QuantizeOptions first;
  first.threads = 1;
  first.calibration = set.text;
  first.write_imatrix = set.folder + "/imatrix.gguf";
  quantize(set.model, set.folder + "/first.gguf", first);
  int made = 0;
  for (const bool target : {false, true}) {
    for (const bool from_text : {false, true}) {
      QuantizeOptions options;
      options.threads = 1;
      options.mix = Mix::q4_0;
      if (target) options.target_bpw = 7;
      (from_text ? options.calibration : options.imatrix) =
          from_text ? set.text : set.folder + "/imatrix.gguf";
      const std::string out = set.folder + "/" + std::to_string(made++) + ".gguf";
      const QuantizePlan plan = plan_quantize(set.model, options);
      const QuantizeResult result = quantize(set.model, out, options);
      CHECK(plan.bytes == static_cast<int64_t>(test::read_text(out).size()));
      CHECK(plan.bytes == result.plan.bytes);
      for (size_t i = 0; i < plan.tensors.size(); ++i) {
        CHECK(plan.tensors[i].to == result.plan.tensors[i].to);
      }
      CHECK(result.report.find("peak_bytes")->as_int64() > 1 << 20);
    }
  }
}

TEST_CASE("statistics that would change nothing are refused, unless they are to be written") {
  const Set set;
  QuantizeOptions options;
  options.threads = 1;
  options.mix = Mix::bf16;
  options.calibration = set.text;
  const auto error = [&] { return test::error_of([&] { plan_quantize(set.model, options); }); };
  CHECK(error() == "--calibrate changes nothing: no tensor gets a quantized type");
  options.write_imatrix = set.folder + "/imatrix.gguf";
  CHECK(error() == "no error");
  quantize(set.model, set.folder + "/out.gguf", options);
  CHECK_FALSE(test::read_text(set.folder + "/imatrix.gguf").empty());
  options.write_imatrix.reset();
  options.tensors = {{"ffn_up", DType::q8_0}};
  CHECK(error() == "no error");
  options.calibration.reset();
  options.imatrix = set.folder + "/imatrix.gguf";
  options.tensors.clear();
  CHECK(error() == "--imatrix changes nothing: no tensor gets a quantized type");
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

TEST_CASE("a run that is stopped leaves no statistics either, and can be made again") {
  const Set set;
  QuantizeOptions options;
  options.threads = 1;
  options.mix = Mix::q4_0;
  options.calibration = set.text;
  options.write_imatrix = set.folder + "/imatrix.gguf";
  options.check = set.text;
  const std::string out = set.folder + "/out.gguf";
  QuantizeControl control;
  for (const std::string last : {"calibrating", "blk.0.ffn_down.weight", "hashing", "checking"}) {
    INFO(last);
    control.on_event = [&](const QuantizeEvent& event) { return event.what != last; };
    CHECK(test::error_of([&] { quantize(set.model, out, options, control); }) ==
          "stopped, nothing was written");
    CHECK(std::distance(std::filesystem::directory_iterator(set.folder), {}) == 2);
  }
  quantize(set.model, out, options);
  CHECK_FALSE(test::read_text(*options.write_imatrix).empty());
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
    options.target_bpw = 14;  // looks at every matrix
    return test::error_of(
        [&] { quantize(open_model(folder + "/model.gguf"), folder + "/out.gguf", options); });
  };
  CHECK(error(std::nanf("")) ==
        "tensor blk.0.ffn_up.weight: row 0, column 0 is nan: a weight must be finite");
  const std::string too_large = error(1e30f);
  INFO(too_large);
  CHECK(
      too_large.ends_with("text.txt: what tensor blk.0.ffn_down.weight is multiplied with is "
                          "not finite in this text"));
}

}  // namespace nalar::quant
