#include "train/train_state.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/safetensors_reader.h"
#include "io/safetensors_writer.h"

namespace nalar::train {
namespace {

constexpr const char* kProgressFile = "state.json";
constexpr const char* kTensorFile = "tensors.safetensors";
constexpr int64_t kMost = int64_t{1} << 53;  // any count of a run
constexpr uint64_t kMostProgressBytes = 1 << 20;

[[noreturn]] void damaged(std::string_view kind, std::string_view key, std::string_view got,
                          std::string_view need) {
  throw Error(ErrorKind::bad_data, fmt::format("damaged state ({} {}): got {}, need {}", kind,
                                               base::escaped(key), got, need));
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json to_json(const TrainState& state) {
  Json json;
  json.set("step", state.step);
  json.set("epoch", state.epoch);
  json.set("update", state.update);
  json.set("tokens", state.tokens);
  json.set("label_tokens", state.label_tokens);
  json.set("seconds", state.seconds);
  json.set("train_loss", state.train_loss);
  json.set("peak_bytes", state.peak_bytes);
  json.set("joules", optional_json(state.joules));
  json.set("evaluated_at", state.evaluated_at);
  json.set("first_valid_loss", optional_json(state.first_valid_loss));
  json.set("best_step", state.best ? Json(state.best->step) : Json());
  json.set("best_loss", state.best ? Json(state.best->loss) : Json());
  json.set("without_better", state.without_better);
  json.set("clock", state.clock);
  json.set("dtype", state.dtype);
  json.set("batch_tokens", state.batch_tokens);
  json.set("log_bytes", state.log_bytes);
  return json;
}

// The members of state.json, each checked when it is asked for.
class Members {
 public:
  explicit Members(const Json& json) : json_(json) {}

  int64_t integer(const char* key, int64_t least, int64_t most) const {
    const Json& value = at(key);
    // One bound after the other: an unsigned value beyond int64 is none that fits.
    const bool fits =
        value.is_integer() &&
        (value.kind() == Json::Kind::integer ? value.as_int64() >= least && value.as_int64() <= most
                                             : value.as_uint64() <= static_cast<uint64_t>(most));
    if (!fits) damaged("key", key, to_text(value), fmt::format("{} to {}", least, most));
    return value.as_int64();
  }
  double number(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number()) damaged("key", key, to_text(value), "a number");
    return value.as_double();
  }
  std::optional<double> optional_number(const char* key) const {
    if (at(key).is_null()) return std::nullopt;
    return number(key);
  }
  std::string text(const char* key) const {
    const Json& value = at(key);
    if (!value.is_string()) damaged("key", key, to_text(value), "a string");
    return value.as_string();
  }
  const Json& at(const char* key) const {
    const Json* value = json_.find(key);
    if (value == nullptr) damaged("key", key, "none", "one");
    return *value;
  }

 private:
  const Json& json_;
};

TrainState from_json(const Json& json) {
  const Members members(json);
  TrainState state;
  state.step = members.integer("step", 0, kMost);
  state.epoch = members.integer("epoch", 0, state.step);
  state.update = members.integer("update", 0, state.step);
  state.tokens = members.integer("tokens", 0, kMost);
  state.label_tokens = members.integer("label_tokens", 0, state.tokens);
  state.seconds = members.number("seconds");
  state.train_loss = members.number("train_loss");
  state.peak_bytes = members.integer("peak_bytes", 0, kMost);
  state.joules = members.optional_number("joules");
  state.evaluated_at = members.integer("evaluated_at", -1, state.step);
  state.first_valid_loss = members.optional_number("first_valid_loss");
  if (!members.at("best_step").is_null()) {
    state.best = Best{members.integer("best_step", 0, state.step), members.number("best_loss")};
  }
  state.without_better = members.integer("without_better", 0, kMost);
  state.clock = members.integer("clock", 0, kMost);
  state.dtype = members.text("dtype");
  if (state.dtype != "fp32" && state.dtype != "bf16") {
    damaged("key", "dtype", base::escaped(state.dtype), "fp32 or bf16");
  }
  state.batch_tokens = members.integer("batch_tokens", 1, kMost);
  state.log_bytes = members.integer("log_bytes", 0, kMost);
  return state;
}

using Values = std::vector<std::vector<float>>;
using CurveRow = std::array<double, 5>;
using ValidRow = std::array<double, 2>;

std::vector<CurveRow> rows_of(const std::vector<report::CurvePoint>& curve) {
  std::vector<CurveRow> rows;
  for (const report::CurvePoint& p : curve) {
    rows.push_back({static_cast<double>(p.step), p.loss, p.lr, p.gradient_norm, p.tokens_per_s});
  }
  return rows;
}

std::vector<ValidRow> rows_of(const std::vector<report::ValidPoint>& valid) {
  std::vector<ValidRow> rows;
  for (const report::ValidPoint& p : valid) rows.push_back({static_cast<double>(p.step), p.loss});
  return rows;
}

// Collects what goes into tensors.safetensors; borrows it.
class TensorList {
 public:
  void add(std::string name, DType dtype, std::vector<int64_t> shape,
           std::span<const std::byte> bytes) {
    tensors_.push_back({std::move(name), dtype, std::move(shape),
                        [bytes](io::OutputFile& file) { file.write(bytes); }});
  }
  void add_values(std::string_view kind, std::span<const Parameter> parameters,
                  const Values& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      add(fmt::format("{}/{}", kind, parameters[i].name), DType::f32, parameters[i].shape,
          std::as_bytes(std::span(values[i])));
    }
  }
  template <typename Row>
  void add_rows(const char* name, const std::vector<Row>& rows) {
    if (rows.empty()) return;
    add(name, DType::f64, {static_cast<int64_t>(rows.size()), std::tuple_size_v<Row>},
        std::as_bytes(std::span(rows)));
  }
  std::vector<io::TensorToWrite> take() { return std::move(tensors_); }

 private:
  std::vector<io::TensorToWrite> tensors_;
};

// The tensors of a file, each taken once; what is left over is an error too.
class TensorTable {
 public:
  explicit TensorTable(const io::SafetensorsFile& file) : file_(file) {}

  void copy(const std::string& name, DType dtype, const std::vector<int64_t>& shape,
            std::span<std::byte> to) {
    const TensorView* view = find(name);
    if (view == nullptr) damaged("tensor", name, "none", "one");
    if (view->dtype != dtype || view->shape != shape) {
      damaged("tensor", name,
              fmt::format("{} {}", nalar::name(view->dtype), shape_text(view->shape)),
              fmt::format("{} {}", nalar::name(dtype), shape_text(shape)));
    }
    std::memcpy(to.data(), view->bytes.data(), to.size());
    ++taken_;
  }
  // One tensor a parameter.
  Values values(std::string_view kind, std::span<const Parameter> parameters) {
    Values values;
    for (const Parameter& p : parameters) {
      values.emplace_back(p.value.size());
      const std::string name = fmt::format("{}/{}", kind, p.name);
      copy(name, DType::f32, p.shape, std::as_writable_bytes(std::span(values.back())));
      for (const float x : values.back()) {
        if (!std::isfinite(x)) damaged("tensor", name, fmt::format("{}", x), "finite values");
      }
    }
    return values;
  }
  // [n, width of Row] with n ≤ most; none where the tensor is not there.
  template <typename Row>
  std::vector<Row> rows(const char* name, int64_t most) {
    const TensorView* view = find(name);
    if (view == nullptr) return {};
    const auto n = static_cast<int64_t>(view->bytes.size() / sizeof(Row));  // not what it declares
    if (n > most) damaged("tensor", name, fmt::format("{} rows", n), fmt::format("≤ {}", most));
    std::vector<Row> rows(static_cast<size_t>(n));
    copy(name, DType::f64, {n, std::tuple_size_v<Row>}, std::as_writable_bytes(std::span(rows)));
    return rows;
  }
  void expect_all_taken() const {
    if (taken_ == file_.tensors.size()) return;
    damaged("tensors", "of the file", fmt::format("{} of them", file_.tensors.size()),
            fmt::format("{}", taken_));
  }

 private:
  const TensorView* find(std::string_view name) const {
    for (const TensorView& view : file_.tensors) {
      if (view.name == name) return &view;
    }
    return nullptr;
  }

  const io::SafetensorsFile& file_;
  size_t taken_ = 0;
};

// A step that a curve names, which must rise and lie within the run.
int64_t curve_step(const char* name, double value, int64_t before, int64_t most) {
  const bool good = value > static_cast<double>(before) && value <= static_cast<double>(most) &&
                    value == std::floor(value);
  if (!good) damaged("tensor", name, fmt::format("step {}", value), "rising steps of the run");
  return static_cast<int64_t>(value);
}

void read_curves(TensorTable& table, TrainState& state) {
  int64_t step = 0;
  for (const auto& [at, loss, lr, norm, speed] : table.rows<CurveRow>("curve", state.step)) {
    step = curve_step("curve", at, step, state.step);
    state.curve.push_back({step, loss, lr, norm, speed});
  }
  step = -1;
  for (const auto& [at, loss] : table.rows<ValidRow>("valid", state.step + 1)) {
    step = curve_step("valid", at, step, state.step);
    state.valid.push_back({step, loss});
  }
}

}  // namespace

void write_state(io::FileSystem& files, const std::string& folder, const TrainState& state,
                 std::span<const Parameter> parameters) {
  const std::string progress = to_text(to_json(state), 1) + "\n";
  const auto file = files.create(io::join(folder, kProgressFile), io::kPrivateFile);
  file->write(std::as_bytes(std::span(progress)));
  file->sync();
  file->close();

  TensorList list;
  for (const Parameter& p : parameters) {
    list.add("value/" + p.name, DType::f32, p.shape, std::as_bytes(p.value));
  }
  list.add_values("m", parameters, state.moments.m);
  list.add_values("v", parameters, state.moments.v);
  // The best so far may be what the parameters hold now.
  const bool best_is_now = state.best && state.best->step == state.step;
  if (!best_is_now) list.add_values("best", parameters, state.best_values);
  const auto curve = rows_of(state.curve);
  const auto valid = rows_of(state.valid);
  list.add_rows("curve", curve);
  list.add_rows("valid", valid);
  io::write_safetensors(files, io::join(folder, kTensorFile), list.take(), {});
}

TrainState read_progress(io::FileSystem& files, const std::string& folder) {
  const std::string path = io::join(folder, kProgressFile);
  return io::in_file(path, [&] {
    const auto file = files.map(path, kMostProgressBytes);
    return from_json(parse_json(file->text()));
  });
}

void read_tensors(io::FileSystem& files, const std::string& folder, Optimizer optimizer,
                  TrainState& state, std::span<Parameter> parameters) {
  const std::string path = io::join(folder, kTensorFile);
  io::in_file(path, [&] {
    const auto mapped = files.map(path);
    const io::SafetensorsFile file = io::parse_safetensors(mapped->bytes());
    TensorTable table(file);
    const Values values = table.values("value", parameters);
    if (optimizer == Optimizer::adamw) {
      state.moments.m = table.values("m", parameters);
      state.moments.v = table.values("v", parameters);
    }
    if (state.best) {
      state.best_values =
          state.best->step == state.step ? values : table.values("best", parameters);
    }
    read_curves(table, state);
    table.expect_all_taken();
    for (size_t i = 0; i < values.size(); ++i) {
      std::copy(values[i].begin(), values[i].end(), parameters[i].value.begin());
    }
  });
}

}  // namespace nalar::train
