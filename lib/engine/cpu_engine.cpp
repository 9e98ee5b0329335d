#include "engine/cpu_engine.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <map>
#include <new>
#include <set>
#include <utility>

#include "engine/decoder.h"

namespace nalar {

void EngineOptions::validate() const {
  const auto need = [](bool ok, const char* what, int got, const char* wanted) {
    if (!ok) throw Error(ErrorKind::usage, fmt::format("{}: got {}, need {}", what, got, wanted));
  };
  need(threads >= 0 && threads <= 1024, "threads", threads, "0 to 1024");
  need(n_ctx >= 0 && n_ctx <= 1 << 24, "n_ctx", n_ctx, "0 to 16777216");
  need(prefill_chunk >= 1 && prefill_chunk <= 1 << 16, "prefill_chunk", prefill_chunk,
       "1 to 65536");
}

namespace engine {
namespace {

[[noreturn]] void usage(std::string message) { throw Error(ErrorKind::usage, message); }

class CpuEngine final : public Engine {
 public:
  CpuEngine(std::shared_ptr<const Model> model, const EngineOptions& options, kernels::Isa isa)
      : config_(model->config()),
        n_ctx_(options.n_ctx > 0 ? options.n_ctx : config_.n_ctx_train),
        chunk_(std::min(options.prefill_chunk, n_ctx_)),
        kernels_(isa, options.compute),
        pool_(options.threads > 0 ? options.threads : default_threads()),
        decoder_(std::move(model), options.adapters, kernels_, pool_),
        activations_(Widths(config_, largest_rank(options.adapters)), kernels_, chunk_,
                     pool_.size()),
        pass_(pool_, activations_, config_.n_layers()),
        kept_(pool_, activations_, config_.n_layers()),
        cache_(decoder_.kv_layout().block_bytes()) {}

  SequenceId create(const SequenceOptions& options) override {
    if (options.max_tokens < 0 || options.max_tokens > n_ctx_) {
      usage(fmt::format("max_tokens: got {}, need 0 to {}", options.max_tokens, n_ctx_));
    }
    return add({KvSequence(cache_, options.max_tokens > 0 ? options.max_tokens : n_ctx_),
                options.adapted && decoder_.has_adapters()});
  }
  SequenceId fork(SequenceId from, int n_tokens) override {
    KvSequence copy = within_length(from, n_tokens).fork(n_tokens);
    return add({std::move(copy), find(from).adapted});
  }
  void truncate(SequenceId sequence, int n_tokens) override {
    within_length(sequence, n_tokens).truncate(n_tokens);
  }
  void release(SequenceId sequence) override {
    find(sequence);
    sequences_.erase(static_cast<int32_t>(sequence));
  }
  int length(SequenceId sequence) const override { return find(sequence).kv.length(); }

  void forward(std::span<const Slice> slices, MatrixView<float> logits) override;
  void observe(LinearObserver* observer) override { pass_.observer = observer; }

  const ModelConfig& config() const override { return config_; }
  MemoryUse memory() const override {
    return {static_cast<int64_t>(decoder_.weight_bytes()), cache_.bytes_in_use(),
            static_cast<int64_t>(activations_.bytes())};
  }
  int threads() const override { return pool_.size(); }
  int n_ctx() const override { return n_ctx_; }

 private:
  struct Sequence {
    KvSequence kv;
    bool adapted;  // by the engine's adapters
  };

  SequenceId add(Sequence sequence) {
    sequences_.emplace(next_id_, std::move(sequence));
    return SequenceId{next_id_++};
  }
  const Sequence& find(SequenceId id) const {
    const auto it = sequences_.find(static_cast<int32_t>(id));
    if (it == sequences_.end()) usage(fmt::format("no sequence {}", static_cast<int32_t>(id)));
    return it->second;
  }
  Sequence& find(SequenceId id) { return const_cast<Sequence&>(std::as_const(*this).find(id)); }
  KvSequence& within_length(SequenceId id, int n_tokens) {
    KvSequence& sequence = find(id).kv;
    if (n_tokens < 0 || n_tokens > sequence.length()) {
      usage(fmt::format("tokens to keep: got {}, need 0 to the sequence's length {}", n_tokens,
                        sequence.length()));
    }
    return sequence;
  }

  void check(std::span<const Slice> slices, const MatrixView<float>& logits) const;
  void check(const Slice& slice) const;
  void grow(std::span<const Slice> slices);
  void run_chunks(std::span<const Slice> slices, MatrixView<float> logits);
  void run(MatrixView<float> logits);

  const ModelConfig& config_;  // the model's, which decoder_ holds
  const int n_ctx_;
  const int chunk_;
  const KernelSet kernels_;
  base::ThreadPool pool_;
  const Decoder decoder_;
  Activations activations_;
  Pass pass_, kept_;
  KvPool cache_;
  std::map<int32_t, Sequence> sequences_;
  int32_t next_id_ = 0;
};

void CpuEngine::check(const Slice& slice) const {
  const KvSequence& sequence = find(slice.sequence).kv;
  const auto n = static_cast<int64_t>(slice.tokens.size());
  if (sequence.length() + n > sequence.limit()) {
    usage(fmt::format("sequence {}: {} tokens and {} more do not fit into {}",
                      static_cast<int32_t>(slice.sequence), sequence.length(), n,
                      sequence.limit()));
  }
  for (const TokenId id : slice.tokens) {
    if (id < 0 || id >= config_.vocab_size) {
      usage(fmt::format("token id: got {}, need 0 to {}", id, config_.vocab_size - 1));
    }
  }
  int64_t last = -1;
  for (const int32_t row : slice.logit_rows) {
    if (row <= last || row >= n) {
      usage(fmt::format("logit row: got {}, need more than {} and less than {}", row, last, n));
    }
    last = row;
  }
}

void CpuEngine::check(std::span<const Slice> slices, const MatrixView<float>& logits) const {
  std::set<SequenceId> seen;
  int64_t n_logits = 0;
  for (const Slice& slice : slices) {
    check(slice);
    if (!seen.insert(slice.sequence).second) {
      usage(fmt::format("sequence {} twice in one call", static_cast<int32_t>(slice.sequence)));
    }
    n_logits += static_cast<int64_t>(slice.logit_rows.size());
  }
  if (n_logits > 0 && (logits.data == nullptr || logits.rows != n_logits ||
                       logits.columns != config_.vocab_size || logits.stride < logits.columns)) {
    usage(fmt::format("logits: got [{}, {}], need [{}, {}]", logits.rows, logits.columns, n_logits,
                      config_.vocab_size));
  }
}

void CpuEngine::grow(std::span<const Slice> slices) {
  for (const Slice& slice : slices) {
    find(slice.sequence).kv.grow(static_cast<int>(slice.tokens.size()));
  }
}

void CpuEngine::forward(std::span<const Slice> slices, MatrixView<float> logits) {
  check(slices, logits);
  try {
    grow(slices);
    run_chunks(slices, logits);
  } catch (...) {
    for (const Slice& slice : slices) {
      KvSequence& sequence = find(slice.sequence).kv;
      sequence.truncate(sequence.length());
    }
    try {
      throw;
    } catch (const std::bad_alloc&) {
      throw Error(ErrorKind::os, "out of memory");
    }
  }
  for (const Slice& slice : slices) {
    KvSequence& sequence = find(slice.sequence).kv;
    sequence.set_length(sequence.length() + static_cast<int>(slice.tokens.size()));
  }
}

// Cuts the slices, one after the other, into passes of at most chunk_ rows, all adapted or none.
void CpuEngine::run_chunks(std::span<const Slice> slices, MatrixView<float> logits) {
  const auto run_pass = [&] {
    if (pass_.n_rows > 0) run(logits);
    logits.data += static_cast<int64_t>(pass_.logit_rows.size()) * logits.stride;
    pass_.clear();
  };
  pass_.clear();
  for (const Slice& slice : slices) {
    const auto& [sequence, adapted] = find(slice.sequence);
    if (adapted != pass_.adapted) run_pass();
    pass_.adapted = adapted;
    auto logit_row = slice.logit_rows.begin();
    for (size_t at = 0; at < slice.tokens.size();) {
      const size_t n =
          std::min(slice.tokens.size() - at, static_cast<size_t>(chunk_ - pass_.n_rows));
      const auto row = pass_.n_rows, offset = row - static_cast<int64_t>(at);
      pass_.add({row, static_cast<int64_t>(n), sequence.length() + static_cast<int32_t>(at),
                 sequence.blocks(), row},
                slice.tokens.subspan(at, n));
      at += n;
      for (; logit_row != slice.logit_rows.end() && *logit_row < static_cast<int64_t>(at);
           ++logit_row) {
        pass_.logit_rows.push_back(*logit_row + offset);
      }
      if (pass_.n_rows == chunk_) run_pass();
    }
  }
  run_pass();
}

void CpuEngine::run(MatrixView<float> logits) {
  pass_.logits = logits;
  pass_.observer_error = nullptr;
  Pass* kept = nullptr;  // an observer sees every row to the end
  if (pass_.observer == nullptr) {
    kept_.keep_logit_rows(pass_);
    kept = &kept_;
  }
  pool_.run([&](int thread) { decoder_.forward(Worker(pass_, thread), kept); });
  if (pass_.observer_error) std::rethrow_exception(pass_.observer_error);
}

}  // namespace

std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Model> model,
                                        const EngineOptions& options, kernels::Isa isa) {
  options.validate();
  return std::make_unique<CpuEngine>(std::move(model), options, isa);
}

std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Model> model,
                                        const EngineOptions& options) {
  return make_cpu_engine(std::move(model), options, kernels::chosen_isa());
}

}  // namespace engine
}  // namespace nalar
