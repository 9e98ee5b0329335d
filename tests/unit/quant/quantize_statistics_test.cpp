#include <nalar/error.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "io/tensor_file.h"
#include "quant/encode.h"
#include "quantize_support.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/notices.h"

namespace nalar::quant {

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

TEST_CASE("a matrix that an imatrix lacks goes by drawn tokens") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  const std::string imatrix =
      write_imatrix_of(folder, "blk.0.attn_q.weight", std::vector<float>(32, 2));
  QuantizeOptions options = with(Mix::q8_0);
  quantize(source, folder + "/drawn.gguf", options);
  options.imatrix = imatrix;
  const QuantizeResult result = quantize(source, folder + "/imatrix_too.gguf", options);
  CHECK(result.report.find("statistics")->find("kind")->as_string() == "imatrix");
  const auto a = open_model(folder + "/drawn.gguf"), b = open_model(folder + "/imatrix_too.gguf");
  for (const QuantizedTensor& tensor : result.plan.tensors) {
    INFO(tensor.name);
    if (tensor.to == DType::q8_0) CHECK(tensor.output_error.has_value());
    const auto x = a->files().tensors()->find(tensor.name)->bytes,
               y = b->files().tensors()->find(tensor.name)->bytes;
    CHECK(std::equal(x.begin(), x.end(), y.begin(), y.end()) ==
          (tensor.name != "blk.0.attn_q.weight"));
  }
}

TEST_CASE("rounding by an imatrix is thorough") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  std::vector<float> sums;
  for (int c = 0; c < 32; ++c) sums.push_back(static_cast<float>(1 + c * c % 37));
  const std::string imatrix = write_imatrix_of(folder, "blk.0.attn_q.weight", sums);
  QuantizeOptions options = with(Mix::q4_0);
  options.imatrix = imatrix;
  quantize(source, folder + "/out.gguf", options);
  const auto made = open_model(folder + "/out.gguf");
  const TensorView& from = source->weights().layers[0].q;
  const TensorView& to = made->weights().layers[0].q;
  std::vector<float> row(32);
  std::vector<std::byte> thorough(18), fast(18);
  int differ = 0;
  for (int64_t r = 0; r < from.rows(); ++r) {
    decode_row(from.dtype, from.bytes.data() + r * 32 * 4, row);
    encode_row(DType::q4_0, row, {sums, true}, thorough.data());
    encode_row(DType::q4_0, row, {sums, false}, fast.data());
    CHECK(std::memcmp(thorough.data(), to.bytes.data() + r * 18, 18) == 0);
    differ += thorough != fast;
  }
  CHECK(differ > 0);
}

TEST_CASE("what drawn tokens make infinite steers nothing") {
  test::GgufBuilder builder = test::tiny_llama();
  for (auto& tensor : builder.tensors) {
    const float large = 1e30f;  // its square is infinite
    if (tensor.name == "blk.0.attn_norm.weight") std::memcpy(&tensor.data[0], &large, sizeof large);
  }
  const Made made = make(test::temporary_folder(), with(Mix::q8_0), builder);
  for (const QuantizedTensor& tensor : made.result.plan.tensors) {
    INFO(tensor.name);
    CHECK_FALSE(tensor.output_error.has_value());
    CHECK(tensor.relative_rmse.has_value() == (tensor.to != tensor.from));
  }
}

}  // namespace nalar::quant
