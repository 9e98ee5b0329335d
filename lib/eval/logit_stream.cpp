#include "eval/logit_stream.h"

#include <algorithm>
#include <deque>

namespace nalar::eval {
namespace {

constexpr int64_t kLogitBytes = int64_t{128} << 20;
// Tokens of a call: what an engine walks over at once, so that no walk is cut short but the last.
const int64_t kCallTokens = EngineOptions{}.prefill_chunk;

}  // namespace

// One call of the engine that is being put together.
struct LogitStream::Call {
  std::vector<Slice> slices;
  std::deque<std::vector<int32_t>> rows;  // of slices that were cut
  int64_t n_rows = 0, n_tokens = 0;
  int64_t first = 0;  // of all rows, the first of this call
};

LogitStream::LogitStream(Engine& engine)
    : engine_(engine),
      pool_(engine.threads()),
      max_rows_(std::max<int64_t>(
          1, kLogitBytes / (int64_t{sizeof(float)} * engine.config().vocab_size))) {}

void LogitStream::flush(Call& call, const Visit& visit) {
  const int64_t vocab_size = engine_.config().vocab_size;
  const auto need = static_cast<size_t>(call.n_rows * vocab_size);
  if (logits_.size() < need) logits_.resize(need);
  engine_.forward(call.slices, {logits_.data(), call.n_rows, vocab_size, vocab_size});
  pool_.run([&](int thread) {
    const base::Range own = base::share(call.n_rows, thread, pool_.size());
    for (int64_t r = own.begin; r < own.end; ++r) {
      visit(call.first + r, {logits_.data() + r * vocab_size, static_cast<size_t>(vocab_size)});
    }
  });
  for (const Slice& slice : call.slices) tokens_ += static_cast<int64_t>(slice.tokens.size());
  call.first += call.n_rows;
  call.n_rows = call.n_tokens = 0;
  call.slices.clear();
  call.rows.clear();
}

void LogitStream::forward(std::span<const Slice> slices, const Visit& visit) {
  Call call;
  for (const Slice& slice : slices) {
    size_t row = 0;  // of slice.logit_rows, the next
    for (size_t at = 0; at < slice.tokens.size();) {
      const auto room = static_cast<size_t>(max_rows_ - call.n_rows);
      const auto last =
          std::min(slice.tokens.size(), at + static_cast<size_t>(kCallTokens - call.n_tokens));
      const auto first_row = slice.logit_rows.begin() + static_cast<std::ptrdiff_t>(row);
      const auto n_before = static_cast<size_t>(
          std::lower_bound(first_row, slice.logit_rows.end(), static_cast<int64_t>(last)) -
          first_row);
      // Up to the first row that there is no room for.
      const size_t n_rows = std::min(n_before, room);
      const size_t end = n_rows == n_before
                             ? last
                             : static_cast<size_t>(first_row[static_cast<std::ptrdiff_t>(room)]);
      if (end > at) {
        std::vector<int32_t>& rows = call.rows.emplace_back();
        for (size_t i = row; i < row + n_rows; ++i) {
          rows.push_back(slice.logit_rows[i] - static_cast<int32_t>(at));
        }
        call.slices.push_back({slice.sequence, slice.tokens.subspan(at, end - at), rows});
        call.n_rows += static_cast<int64_t>(n_rows);
        call.n_tokens += static_cast<int64_t>(end - at);
        at = end;
        row += n_rows;
      }
      // A sequence comes once in a call.
      if (at < slice.tokens.size() || call.n_tokens == kCallTokens) flush(call, visit);
    }
  }
  if (!call.slices.empty()) flush(call, visit);
}

}  // namespace nalar::eval
