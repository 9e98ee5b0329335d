#include <nalar/error.h>
#include <nalar/eval.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "quant/calibration.h"
#include "quant/encode.h"
#include "quant/quantizer.h"
#include "quantize_support.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"

namespace nalar::quant {
namespace {

std::string error_of(const QuantizeOptions& options,
                     const test::GgufBuilder& builder = test::tiny_llama()) {
  const std::string folder = test::temporary_folder();
  const std::string error = test::error_of([&] { make(folder, options, builder); });
  CHECK_FALSE(std::filesystem::exists(folder + "/out.gguf"));
  CHECK_FALSE(std::filesystem::exists(folder + "/out.gguf.report.json"));
  return error;
}

// Whether nothing lies beside what was there before.
size_t files_in(const std::string& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("each matrix is what encode_row makes of its rows, the rest is copied") {
  const std::string folder = test::temporary_folder();
  const Made made = make(folder, with(Mix::q4_0));
  const auto source = open_model(folder + "/model.gguf");
  Calibration drawn(source, drawn_tokens(*source), {});
  for (const TensorView& tensor : made.model->files().tensors()->tensors()) {
    INFO(tensor.name);
    const std::span<const float> importance = drawn.importance(std::string(tensor.name));
    const TensorView& from = *source->files().tensors()->find(tensor.name);
    CHECK(tensor.shape == from.shape);
    if (tensor.dtype == from.dtype) {
      CHECK(std::equal(tensor.bytes.begin(), tensor.bytes.end(), from.bytes.begin()));
      continue;
    }
    const auto columns = static_cast<size_t>(tensor.columns());
    std::vector<float> row(columns);
    std::vector<std::byte> encoded(tensor.bytes.size() / static_cast<size_t>(tensor.rows()));
    for (int64_t r = 0; r < tensor.rows(); ++r) {
      decode_row(from.dtype, from.bytes.data() + r * static_cast<int64_t>(columns) * 4, row);
      encode_row(tensor.dtype, row, {importance, false}, encoded.data());
      CHECK(std::memcmp(encoded.data(),
                        tensor.bytes.data() + static_cast<size_t>(r) * encoded.size(),
                        encoded.size()) == 0);
    }
  }
  CHECK(made.model->files().tensors()->find("blk.0.attn_q.weight")->dtype == DType::q4_0);
  CHECK(made.model->files().tensors()->find("blk.0.ffn_down.weight")->dtype == DType::f16);
  CHECK(made.model->files().tensors()->find("output_norm.weight")->dtype == DType::f32);
}

TEST_CASE("the file and the report say where it comes from and what it lost") {
  const std::string folder = test::temporary_folder();
  const Made made = make(folder, with(Mix::q8_0));
  const io::GgufMetadata& keys = *made.model->files().gguf();
  CHECK(keys.integer("general.file_type") == 7);
  CHECK(keys.integer("general.quantization_version") == 2);
  CHECK(keys.string("general.name") == "tiny");
  CHECK(keys.string("nalar.source.name") == "model.gguf");
  const Json report = parse_json(test::read_text(made.out + ".report.json"));
  CHECK(to_text(report) == to_text(made.result.report));
  const auto source = open_model(folder + "/model.gguf");
  CHECK(report.find("source")->find("sha256")->as_string() == weights_hash(source->files()));
  CHECK(keys.string("nalar.source.sha256") == weights_hash(source->files()));
  CHECK(report.find("result")->find("sha256")->as_string() == weights_hash(made.model->files()));
  CHECK(report.find("result")->find("bytes")->as_int64() == made.result.plan.bytes);
  CHECK(static_cast<int64_t>(std::filesystem::file_size(made.out)) == made.result.plan.bytes);
  CHECK(to_text(*report.find("statistics")) == R"({"kind":"drawn","tokens":16})");
  const double rmse = report.find("relative_rmse")->as_double();
  CHECK(rmse > 0);
  CHECK(rmse < 0.01);  // 8 bits: a step is max / 127, its rounding error a third of half of that
  CHECK(keys.number("nalar.quantize.relative_rmse") == static_cast<float>(rmse));
  for (const Json& tensor : report.find("tensors")->as_array()) {
    const std::string& to = tensor.find("to")->as_string();
    CHECK(tensor.find("relative_rmse")->is_number() == (tensor.find("from")->as_string() != to));
    CHECK(tensor.find("output_error")->is_number() == (to == "Q8_0"));
  }
}

TEST_CASE("equal bytes with any number of threads") {
  QuantizeOptions target;
  target.target_bpw = 7;
  for (QuantizeOptions options : {with(Mix::q5_1), target}) {
    std::string bytes[2];
    for (const int threads : {1, 3}) {
      options.threads = threads;
      bytes[threads / 2] = test::read_text(make(test::temporary_folder(), options).out);
    }
    CHECK(bytes[0] == bytes[1]);
  }
}

TEST_CASE("a plan tells the size of the file and writes nothing") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  QuantizeOptions options = with(Mix::q4_k_m);
  options.check = "not opened for a plan";
  const QuantizePlan plan = plan_quantize(source, options);
  CHECK(files_in(folder) == 1);
  options.check.reset();
  const int64_t without_check = plan_quantize(source, options).bytes;
  CHECK(plan.bytes > without_check);
  quantize(source, folder + "/out.gguf", options);
  CHECK(static_cast<int64_t>(std::filesystem::file_size(folder + "/out.gguf")) == without_check);
}

TEST_CASE("a target is met, as near as a step of a type, and never passed") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  // Rows of 32 and 48 values: Q4_0 and IQ4_NL are the least, Q8_0 the most; ffn_down stays F16.
  QuantizeOptions pure = with(Mix::q4_0);
  pure.pure = true;
  const int64_t least = plan_quantize(source, pure).bytes;
  pure.mix = Mix::q8_0;
  const int64_t most = plan_quantize(source, pure).bytes;
  double first_loss = 0, last_loss = 1;
  for (const int64_t bytes : {least, least + 300, (least + most) / 2, most, 2 * most}) {
    QuantizeOptions options;
    options.threads = 1;
    options.target_bytes = bytes;
    const std::string out = folder + "/" + std::to_string(bytes);
    const QuantizeResult result = quantize(source, out, options);
    CHECK(static_cast<int64_t>(std::filesystem::file_size(out)) == result.plan.bytes);
    CHECK(result.plan.bytes <= std::min(bytes, most));
    const double loss = result.report.find("relative_rmse")->as_double();
    CHECK(loss <= last_loss);
    if (bytes == least) first_loss = loss;
    last_loss = loss;
  }
  CHECK(last_loss < first_loss / 4);
  pure.target_bytes = least - 1;
  pure.pure = false;
  CHECK(test::error_of([&] { plan_quantize(source, pure); }) ==
        "the target cannot be met: the least is " + std::to_string(least) + " bytes");
  QuantizeOptions options;
  options.target_bpw = 7.0;
  const QuantizePlan plan = plan_quantize(source, options);
  CHECK(plan.bits_per_weight <= 7.0);
  CHECK(plan.bits_per_weight > 5.5);
  // What is too small is told before anything is measured.
  options.target_bpw = 3.0;
  QuantizeControl control;
  control.on_event = [](const QuantizeEvent&) { return false; };
  CHECK(
      test::error_of([&] { plan_quantize(source, options, control); }).ends_with(" bits a weight"));
}

TEST_CASE("a search leaves alone what is given, with an imatrix and without") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  QuantizeOptions options;
  options.threads = 1;
  options.tensors = {{".*", DType::f16}};
  options.target_bpw = 17;
  std::vector<std::string> events;
  QuantizeControl control;
  control.on_event = [&](const QuantizeEvent& event) {
    return events.emplace_back(event.what), true;
  };
  plan_quantize(source, options, control);
  CHECK(events.empty());
  options.tensors = {{"attn_q", DType::q4_0}};
  options.target_bpw = 8;
  const std::string imatrix =
      write_imatrix_of(folder, "blk.0.attn_k.weight", std::vector<float>(32, 2));
  for (const bool with_imatrix : {false, true}) {
    if (with_imatrix) options.imatrix = imatrix;
    const QuantizePlan plan = plan_quantize(source, options, control);
    CHECK(plan.bits_per_weight <= 8);
    for (const QuantizedTensor& tensor : plan.tensors) {
      if (tensor.name == "blk.0.attn_q.weight") CHECK(tensor.to == DType::q4_0);
    }
  }
  CHECK(std::count(events.begin(), events.end(), "trying") > 0);
}

TEST_CASE("a model that is quantized already is quantized again only when it is asked for") {
  const std::string folder = test::temporary_folder();
  const Made made = make(folder, with(Mix::q8_0));
  QuantizeOptions options = with(Mix::q4_0);
  CHECK(test::error_of([&] { plan_quantize(made.model, options); }) ==
        made.out +
            ": tensor blk.0.attn_q.weight is Q8_0 already: quantizing it again to Q4_0 loses more");
  // A search is not begun for it.
  QuantizeOptions target;
  target.target_bpw = 5;
  QuantizeControl control;
  control.on_event = [](const QuantizeEvent&) { return false; };
  CHECK(test::error_of([&] { plan_quantize(made.model, target, control); }) ==
        made.out + ": tensor token_embd.weight is Q8_0 already: quantizing it again loses more");
  options.allow_requantize = true;
  quantize(made.model, folder + "/again.gguf", options);
  CHECK(open_model(folder + "/again.gguf")->weights().layers[0].q.dtype == DType::q4_0);
  // To numbers nothing is lost; the same type is copied.
  quantize(made.model, folder + "/f32.gguf", with(Mix::f32));
  CHECK(open_model(folder + "/f32.gguf")->weights().layers[0].q.dtype == DType::f32);
  quantize(made.model, folder + "/copy.gguf", with(Mix::q8_0));
  const auto copy = open_model(folder + "/copy.gguf");
  const auto same = [](const TensorView& a, const TensorView& b) {
    return std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
  };
  CHECK(same(copy->weights().layers[0].q, made.model->weights().layers[0].q));
}

TEST_CASE("a weight that is not finite is named, wherever it is") {
  for (const float value : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    for (const char* name : {"blk.0.attn_q.weight", "output_norm.weight"}) {
      test::GgufBuilder builder = test::tiny_llama();
      for (auto& tensor : builder.tensors) {
        if (tensor.name == name) std::memcpy(&tensor.data[4 * 20], &value, 4);
      }
      QuantizeOptions target;
      target.target_bpw = 14;
      for (const QuantizeOptions& options : {with(Mix::q4_0), target}) {
        CHECK(error_of(options, builder) ==
              std::string("tensor ") + name + ": row 0, column 20 is " +
                  (std::isnan(value) ? "nan" : "inf") + ": a weight must be finite");
      }
    }
  }
}

TEST_CASE("a tensor without values is carried along, however many rows of none it has") {
  test::GgufBuilder builder = test::tiny_llama();
  builder.tensor("vision_tower.weight", {uint64_t{1} << 62, 0}, "");
  const std::string folder = test::temporary_folder();
  const Made made = make(folder, with(Mix::q8_0), builder);
  CHECK(made.model->files().tensors()->find("vision_tower.weight")->bytes.empty());
}

TEST_CASE("outputs that exist and the model itself are refused") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  const auto error = [&](const std::string& out) {
    return test::error_of([&] { quantize(source, out, with(Mix::q8_0)); });
  };
  CHECK(error(folder + "/model.gguf") == folder + "/model.gguf: OUT is the model itself");
  std::filesystem::create_symlink("model.gguf", folder + "/link.gguf");
  CHECK(error(folder + "/link.gguf") == folder + "/link.gguf: OUT is the model itself");
  test::write_text(folder + "/there.gguf", "x");
  CHECK(error(folder + "/there.gguf") == folder + "/there.gguf: it exists already");
  CHECK(test::read_text(folder + "/there.gguf") == "x");
}

TEST_CASE("a disk that fails at any call leaves no OUT, or all of it") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  const auto run = [&](io::FileSystem& files) {
    const QuantizeOptions options = with(Mix::q4_1);
    Quantizer(files, source, gguf_source(source->shared_files()), options, {}).write("/out.gguf");
  };
  test::MemoryDisk whole;
  run(whole);
  const std::string bytes = whole.bytes("/out.gguf");
  test::fail_each_call(test::MemoryDisk(), run,
                       [&](test::MemoryDisk& disk, const test::Fault& fault) {
                         INFO("call " << fault.call << (fault.for_good ? " and all after it" : ""));
                         CHECK(fault.error);
                         if (disk.kind("/out.gguf") == io::PathKind::file)
                           CHECK(disk.bytes("/out.gguf") == bytes);
                       });
}

TEST_CASE("a full disk is told before or when it is met, and leaves nothing") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  test::MemoryDisk disk(10'000);
  const QuantizeOptions options = with(Mix::q4_1);
  CHECK_THROWS_AS(
      Quantizer(disk, source, gguf_source(source->shared_files()), options, {}).write("/out.gguf"),
      Error);
  CHECK(disk.list("/").empty());
}

TEST_CASE("it can be stopped at every event, and nothing is left") {
  const std::string folder = test::temporary_folder();
  const auto source = open_model(write_model(folder, test::tiny_llama()));
  QuantizeOptions target;
  target.threads = 1;
  target.target_bpw = 7;
  for (const QuantizeOptions& options : {with(Mix::q8_0), target}) {
    int events = 0;
    QuantizeControl control;
    control.on_event = [&](const QuantizeEvent&) { return ++events, true; };
    quantize(source, folder + "/whole.gguf", options, control);
    const int all = events;
    CHECK(all > 10);
    std::filesystem::remove(folder + "/whole.gguf");
    std::filesystem::remove(folder + "/whole.gguf.report.json");
    for (int stop = 1; stop <= all; ++stop) {
      events = 0;
      control.on_event = [&](const QuantizeEvent&) { return ++events < stop; };
      CHECK(test::error_of([&] { quantize(source, folder + "/out.gguf", options, control); }) ==
            "stopped, nothing was written");
      CHECK(files_in(folder) == 1);
    }
  }
}

TEST_CASE("options that exclude each other are usage errors") {
  const auto error = [](auto&& change) {
    QuantizeOptions options;
    change(options);
    return test::error_of([&] { options.validate(); });
  };
  CHECK(error([](auto&) {}) == "no error");
  CHECK(error([](auto& o) { o.target_bytes = 1, o.target_bpw = 4; }) ==
        "--target-size and --target-bpw exclude each other");
  CHECK(error([](auto& o) { o.target_bpw = std::nan(""); }).starts_with("--target-bpw: need"));
  CHECK(error([](auto& o) { o.imatrix = "a", o.calibration = "b"; }) ==
        "--calibrate and --imatrix exclude each other");
  CHECK(error([](auto& o) { o.write_imatrix = "a"; }) == "--write-imatrix needs --calibrate");
  CHECK(error([](auto& o) { o.feedback = false; }) == "--no-feedback needs --calibrate");
}

}  // namespace nalar::quant
