// Linears per type and instruction set: GB/s of packed weights with few tokens, GOPS with many,
// GB/s of packing.
//   linear_bench [ISA] [TYPE…]      all types by default; NALAR_BENCH_THREADS (2), _ROWS (8192),
//   _COLUMNS (2048)
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "kernels/linear_kernels.h"
#include "kernels_support.h"

using namespace nalar;
using namespace nalar::kernels;

namespace {

int64_t setting(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoll(text);
}

double now() {
  static const bool cpu = setting("NALAR_BENCH_CPU", 0) != 0;
  if (cpu) {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Seconds {
  double median, best;
};

Seconds timed(const std::function<void()>& work) {
  std::vector<double> runs;
  work();
  for (const double begin = now(); runs.size() < 5 || now() - begin < 0.4;) {
    const double start = now();
    work();
    runs.push_back(now() - start);
  }
  std::sort(runs.begin(), runs.end());
  return {runs[runs.size() / 2], runs[0]};
}

// A stack of equal matrices that no cache holds.
class Bench {
 public:
  Bench(Isa isa, DType type, base::ThreadPool& pool)
      : table_(linear_kernels(isa)),
        type_(type),
        rows_(setting("NALAR_BENCH_ROWS", 8192)),
        columns_(setting("NALAR_BENCH_COLUMNS", 2048)),
        pool_(pool) {
    const auto file_rows = test::random_rows(type, test::Blocks::plain, rows_, columns_, 1);
    bytes_ = table_.packed_bytes(type, rows_, columns_);
    layers_ = (setting("NALAR_BENCH_MIB", 320) << 20) / static_cast<int64_t>(bytes_) + 1;
    weights_ = base::AlignedBuffer(bytes_ * static_cast<size_t>(layers_));
    const auto pack = [&](int t) {
      const auto share = base::share(rows_, t, pool_.size(), kGroupRows);
      for (int64_t l = 0; l < layers_; ++l) {
        table_.pack(type_, file_rows.data(), rows_, columns_, share.begin, share.end, layer(l));
      }
    };
    pack_ = timed([&] { pool_.run(pack); });
  }

  double gigabytes() const {
    return static_cast<double>(bytes_) * static_cast<double>(layers_) * 1e-9;
  }
  Seconds pack() const { return pack_; }

  // All layers.
  Seconds decode(Operand operand, int64_t tokens) { return run(operand, tokens, layers_); }
  Seconds prefill(Operand operand, int64_t tokens) { return run(operand, tokens, 1); }
  double operations(int64_t tokens) const {
    return 2.0 * static_cast<double>(rows_) * static_cast<double>(columns_) *
           static_cast<double>(tokens);
  }

 private:
  std::byte* layer(int64_t l) const { return weights_.data() + bytes_ * static_cast<size_t>(l); }

  Seconds run(Operand operand, int64_t tokens, int64_t layers) {
    std::vector<float> x(static_cast<size_t>(tokens * columns_));
    test::Random random(2);
    for (float& v : x) {
      v = random.normal();
    }
    std::vector<float> y(static_cast<size_t>(tokens * rows_));
    base::AlignedBuffer activations(table_.activation_bytes(operand, tokens, columns_));
    std::vector<base::AlignedBuffer> scratch;
    for (int t = 0; t < pool_.size(); ++t) {
      scratch.emplace_back(table_.scratch_bytes(columns_));
    }
    const auto work = [&](int t) {
      const auto of_tokens = base::share(tokens, t, pool_.size(), table_.tile);
      const auto of_rows = base::share(rows_, t, pool_.size(), kGroupRows);
      LinearCall call;
      call.type = type_;
      call.operand = operand;
      call.rows = rows_;
      call.columns = columns_;
      call.row_begin = of_rows.begin;
      call.row_end = of_rows.end;
      call.activations = activations.data();
      call.tokens = tokens;
      call.y = y.data();
      call.y_stride = rows_;
      call.scratch = scratch[static_cast<size_t>(t)].data();
      for (int64_t l = 0; l < layers; ++l) {
        table_.load_activations(operand, x.data(), columns_, of_tokens.begin, of_tokens.end, tokens,
                                columns_, activations.data());
        pool_.barrier();
        call.weight = layer(l);
        table_.linear(call);
        pool_.barrier();
      }
    };
    return timed([&] { pool_.run(work); });
  }

  const LinearKernels& table_;
  DType type_;
  int64_t rows_, columns_;
  base::ThreadPool& pool_;
  size_t bytes_ = 0;
  int64_t layers_ = 0;
  base::AlignedBuffer weights_;
  Seconds pack_{};
};

void report(Isa isa, DType type, base::ThreadPool& pool) {
  Bench bench(isa, type, pool);
  const char* only = std::getenv("NALAR_BENCH_ONLY");
  std::string line = fmt::format("{:7}{:7}", name(isa), name(type));
  const auto add = [&](const char* what, double amount, const char* unit,
                       const std::function<Seconds()>& run) {
    if (only == nullptr || std::strstr(only, what) != nullptr) {
      const Seconds s = run();
      line +=
          fmt::format(" | {} {:.1f} ({:.1f}) {}", what, amount / s.median, amount / s.best, unit);
    }
  };
  const Operand operand = is_quantized(type) ? Operand::int8 : Operand::fp32;
  const int64_t many = setting("NALAR_BENCH_TOKENS", 512);
  const double operations = bench.operations(many) * 1e-9;
  add("pack", bench.gigabytes(), "GB/s", [&] { return bench.pack(); });
  add("one", bench.gigabytes(), "GB/s", [&] { return bench.decode(operand, 1); });
  add("four", bench.gigabytes(), "GB/s", [&] { return bench.decode(operand, 4); });
  if (is_quantized(type)) {
    add("int8", operations, "GOPS", [&] { return bench.prefill(Operand::int8, many); });
  }
  add("fp32", operations, "GFLOPS", [&] { return bench.prefill(Operand::fp32, many); });
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  base::ThreadPool pool(static_cast<int>(setting("NALAR_BENCH_THREADS", 2)));
  for (const Isa isa : available_isas()) {
    const bool wanted = argc > 1 ? name(isa) == argv[1] : isa != Isa::scalar;
    for (const DType type : test::kWeightTypes) {
      const auto named = [&](const char* text) { return name(type) == text; };
      if (wanted && (argc <= 2 || std::any_of(argv + 2, argv + argc, named))) {
        report(isa, type, pool);
      }
    }
  }
}
