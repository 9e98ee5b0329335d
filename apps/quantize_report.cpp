#include "quantize_report.h"

#include <fmt/format.h>
#include <nalar/tensor.h>

#include <algorithm>

namespace nalar::apps {
namespace {

std::string mib(int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string percent(const std::optional<double>& share) {
  return share ? fmt::format("{:.3f} %", 100 * *share) : "";
}

// The number under a key of the report, or of an object in it, as text; "" where there is none.
const Json* at(const Json& report, std::string_view object, std::string_view key) {
  const Json* const found = report.find(object);
  return found == nullptr ? nullptr : found->find(key);
}

std::string types_text(const QuantizePlan& plan) {
  std::vector<std::pair<DType, int>> counts;
  for (const QuantizedTensor& tensor : plan.tensors) {
    const auto found = std::find_if(counts.begin(), counts.end(),
                                    [&](const auto& count) { return count.first == tensor.to; });
    if (found == counts.end()) {
      counts.emplace_back(tensor.to, 1);
    } else {
      ++found->second;
    }
  }
  std::string out;
  for (const auto& [type, n] : counts) {
    out += fmt::format("{}{} × {}", out.empty() ? "" : ", ", n, name(type));
  }
  return out;
}

std::string size_text(const QuantizePlan& plan) {
  const auto fallen = std::count_if(plan.tensors.begin(), plan.tensors.end(),
                                    [](const QuantizedTensor& t) { return t.fell_back; });
  std::string out = fmt::format("size             {}, {:.3f} bits a weight\n", mib(plan.bytes),
                                plan.bits_per_weight);
  out += fmt::format("tensors          {}\n", types_text(plan));
  if (fallen > 0) {
    out += fmt::format("fallen back      {}: the type that was meant does not fit their rows\n",
                       fallen);
  }
  return out;
}

}  // namespace

std::string plan_text(const QuantizePlan& plan) {
  size_t width = 0;
  for (const QuantizedTensor& tensor : plan.tensors) width = std::max(width, tensor.name.size());
  std::string out;
  for (const QuantizedTensor& tensor : plan.tensors) {
    out += fmt::format("{:<{}}  {:>16}  {:>4} → {:<6}  {:>11}{}\n", tensor.name, width,
                       shape_text(tensor.shape), name(tensor.from), name(tensor.to),
                       mib(tensor.bytes), tensor.fell_back ? "  fell back" : "");
  }
  return out + "\n" + size_text(plan);
}

Json plan_json(const QuantizePlan& plan) {
  Json::Array tensors;
  for (const QuantizedTensor& tensor : plan.tensors) {
    tensors.push_back(Json::Object{{"name", tensor.name},
                                   {"shape", Json::Array(tensor.shape.begin(), tensor.shape.end())},
                                   {"from", name(tensor.from)},
                                   {"to", name(tensor.to)},
                                   {"fell_back", tensor.fell_back},
                                   {"bytes", tensor.bytes}});
  }
  return Json::Object{{"bytes", plan.bytes},
                      {"bits_per_weight", plan.bits_per_weight},
                      {"tensors", std::move(tensors)}};
}

std::string result_text(const QuantizeResult& result) {
  std::string out = size_text(result.plan);
  if (const Json* rmse = result.report.find("relative_rmse")) {
    out += fmt::format("weights          {} relative RMSE\n", percent(rmse->as_double()));
  }
  const auto worst = std::max_element(
      result.plan.tensors.begin(), result.plan.tensors.end(),
      [](const auto& a, const auto& b) { return a.output_error < b.output_error; });
  if (worst != result.plan.tensors.end() && worst->output_error) {
    const Json* const tokens = at(result.report, "statistics", "tokens");
    out += fmt::format(
        "outputs          at worst {} relative error{}, {}\n", percent(worst->output_error),
        tokens != nullptr ? fmt::format(" on {} tokens", tokens->as_int64()) : "", worst->name);
  }
  out += fmt::format("memory           {} at most\n",
                     mib(result.report.find("peak_bytes")->as_int64()));
  if (result.report.find("check") == nullptr) return out;
  const auto number = [&](const char* key) {
    return at(*result.report.find("check"), key, "value")->as_double();
  };
  out += fmt::format("perplexity       {:.4f}, of the source {:.4f}\n", number("perplexity"),
                     number("perplexity_of_source"));
  return out + fmt::format("KL divergence    {:.5f} nats a token, {:.2f} % the same first choice\n",
                           number("kl_divergence"), 100 * number("same_top"));
}

void QuantizeDisplay::show(const QuantizeEvent& event) {
  const auto now = Clock::now();
  const auto least = over_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
  if (now - shown_ < least) return;
  shown_ = now;
  const std::string text = fmt::format("{}/{}  {}", event.done, event.total, event.what);
  if (over_) {
    Messages::status(text);
  } else {
    log_.note(text);
  }
}

}  // namespace nalar::apps
