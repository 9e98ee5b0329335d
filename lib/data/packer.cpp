#include "data/packer.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"

namespace nalar::data {
namespace {

__extension__ using Uint128 = unsigned __int128;

// Keeps these draws apart from others of the same seed.
constexpr uint64_t kOrderStream = 0x6F72646572;

// In [0, n), every value equally likely (Lemire, "Fast random integer generation in an interval",
// 2019), as a function of (seed, epoch, position): a draw that is refused is followed by the next
// of its own stream.
uint64_t below(uint64_t n, uint64_t seed, uint64_t epoch, uint64_t position) {
  const uint64_t refused_below = -n % n;
  for (uint64_t attempt = 0;; ++attempt) {
    const auto r = base::philox(seed ^ kOrderStream, position, epoch << 16 | attempt);
    const uint64_t draw = uint64_t{r[0]} << 32 | r[1];
    const auto product = static_cast<Uint128>(draw) * n;
    if (static_cast<uint64_t>(product) >= refused_below)
      return static_cast<uint64_t>(product >> 64);
  }
}

// A micro-batch that is being filled.
struct Bin {
  std::vector<int64_t> rows;
  int64_t tokens = 0;
};

bool fits(const Bin& bin, int64_t length, const PackOptions& options) {
  if (bin.rows.empty()) return true;
  return options.packing && length <= options.batch_tokens - bin.tokens;
}

void put(Bin& bin, int64_t row, int64_t length) {
  bin.rows.push_back(row);
  bin.tokens += length;
}

// First fit decreasing; equal lengths stay in order.
Update pack_rows(std::span<const int64_t> rows, std::span<const int64_t> lengths,
                 const PackOptions& options) {
  const auto length = [&](int64_t row) { return lengths[static_cast<size_t>(row)]; };
  std::vector<int64_t> sorted(rows.begin(), rows.end());
  if (options.packing) {
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](int64_t a, int64_t b) { return length(a) > length(b); });
  }
  std::vector<Bin> bins;
  for (const int64_t row : sorted) {
    auto bin = std::find_if(bins.begin(), bins.end(),
                            [&](const Bin& b) { return fits(b, length(row), options); });
    if (bin == bins.end()) bin = bins.insert(bins.end(), Bin{});
    put(*bin, row, length(row));
  }
  Update update;
  for (Bin& bin : bins) update.micro_batches.push_back(std::move(bin.rows));
  return update;
}

std::vector<Update> fill_in_order(std::span<const int64_t> order, std::span<const int64_t> lengths,
                                  const PackOptions& options) {
  std::vector<Update> updates;
  Bin bin;
  const auto close = [&] {
    if (bin.rows.empty()) return;
    const auto most = static_cast<size_t>(std::max<int64_t>(options.accumulate, 1));
    if (updates.empty() || updates.back().micro_batches.size() >= most) updates.emplace_back();
    updates.back().micro_batches.push_back(std::move(bin.rows));
    bin = {};
  };
  for (const int64_t row : order) {
    const int64_t length = lengths[static_cast<size_t>(row)];
    if (!fits(bin, length, options)) close();
    put(bin, row, length);
  }
  close();
  return updates;
}

}  // namespace

std::vector<int64_t> epoch_order(int64_t n, uint64_t seed, int64_t epoch, bool shuffle) {
  std::vector<int64_t> order(static_cast<size_t>(std::max<int64_t>(n, 0)));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (!shuffle) return order;
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[below(i, seed, static_cast<uint64_t>(epoch), i)]);
  }
  return order;
}

std::vector<Update> plan_epoch(std::span<const int64_t> order, std::span<const int64_t> lengths,
                               const PackOptions& options) {
  if (options.batch_rows <= 0) return fill_in_order(order, lengths, options);
  std::vector<Update> updates;
  const auto rows = static_cast<size_t>(options.batch_rows);
  for (size_t at = 0; at < order.size(); at += rows) {
    const auto part = order.subspan(at, std::min(rows, order.size() - at));
    updates.push_back(pack_rows(part, lengths, options));
  }
  return updates;
}

}  // namespace nalar::data
