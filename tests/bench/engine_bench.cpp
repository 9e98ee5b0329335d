// engine_bench MODEL [THREADS] [PREFILL] [DECODE] [ROUNDS]
//
// Times of opening, of the engine's construction, and the best and median tokens per second of a
// prefill and of a decode after it; the memory the process took at most.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

#include "engine/cpu_engine.h"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of the whole process, all threads: what a busy machine does not stretch.
double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string status_line(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key)) return line;
  }
  return {};
}

class Times {
 public:
  void start() {
    wall_start_ = Clock::now();
    cpu_start_ = cpu_seconds();
  }
  void stop() {
    wall_.push_back(seconds_since(wall_start_));
    cpu_.push_back(cpu_seconds() - cpu_start_);
  }
  std::string text(int tokens) {
    for (auto* list : {&wall_, &cpu_}) std::sort(list->begin(), list->end());
    return fmt::format("{:.1f} tokens/s (best {:.1f}), {:.1f} a processor-second (best {:.1f})",
                       tokens / wall_[wall_.size() / 2], tokens / wall_.front(),
                       tokens / cpu_[cpu_.size() / 2], tokens / cpu_.front());
  }

 private:
  Clock::time_point wall_start_;
  double cpu_start_ = 0;
  std::vector<double> wall_, cpu_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, int otherwise) {
    return i < argc ? std::atoi(argv[i]) : otherwise;
  };
  if (argc < 2) return 64;
  auto start = Clock::now();
  const auto model = nalar::open_model(argv[1]);
  const double open = seconds_since(start);
  nalar::EngineOptions options;
  options.threads = number(2, 2);
  options.n_ctx = 4096;
  const int prefill = number(3, 512), decode = number(4, 128), rounds = number(5, 5);
  if (const char* chunk = std::getenv("CHUNK")) options.prefill_chunk = std::atoi(chunk);
  start = Clock::now();
  const auto engine = nalar::engine::make_cpu_engine(model, options);
  fmt::print("open {:.3f} s, engine {:.3f} s; {}\n", open, seconds_since(start),
             status_line("VmHWM"));

  std::vector<nalar::TokenId> ids(static_cast<size_t>(prefill));
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<nalar::TokenId>((i * 7919 + 13) %
                                         static_cast<size_t>(model->config().vocab_size));
  }
  const int64_t vocab = model->config().vocab_size;
  std::vector<float> logits(static_cast<size_t>(vocab));
  const nalar::MatrixView<float> out{logits.data(), 1, vocab, vocab};
  Times prefills, decodes;
  for (int round = 0; round < rounds; ++round) {
    const auto sequence = engine->create();
    if (prefill > 0) {
      const std::vector<int32_t> last{prefill - 1};
      const nalar::Slice slice{sequence, ids, last};
      prefills.start();
      engine->forward({&slice, 1}, out);
      prefills.stop();
    }
    const std::vector<int32_t> first{0};
    nalar::TokenId next = 1;
    decodes.start();
    for (int i = 0; i < decode; ++i) {
      const nalar::Slice slice{sequence, {&next, 1}, first};
      engine->forward({&slice, 1}, out);
      next = static_cast<nalar::TokenId>(std::max_element(logits.begin(), logits.end()) -
                                         logits.begin());
    }
    decodes.stop();
    engine->release(sequence);
  }
  if (prefill > 0) fmt::print("pp{} {}\n", prefill, prefills.text(prefill));
  if (decode > 0) fmt::print("tg{} {}\n", decode, decodes.text(decode));
  fmt::print("{}\n", status_line("VmHWM"));
}
