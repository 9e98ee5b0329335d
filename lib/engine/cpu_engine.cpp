#include "engine/cpu_engine.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <new>
#include <utility>

#include "engine/decoder.h"
#include "engine/sequence_table.h"

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
        cache_(decoder_.kv_layout().block_bytes()),
        sequences_({n_ctx_, config_.vocab_size}) {}

  SequenceId create(const SequenceOptions& options) override {
    return sequences_.add(KvSequence(cache_, sequences_.rules().limit(options)),
                          options.adapted && decoder_.has_adapters());
  }
  SequenceId fork(SequenceId from, int n_tokens) override {
    return sequences_.fork(from, n_tokens);
  }
  void truncate(SequenceId sequence, int n_tokens) override {
    sequences_.truncate(sequence, n_tokens);
  }
  void release(SequenceId sequence) override { sequences_.release(sequence); }
  int length(SequenceId sequence) const override { return sequences_.kv(sequence).length(); }

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
  void run(const Walk& walk, const MatrixView<float>& logits);

  const ModelConfig& config_;  // the model's, which decoder_ holds
  const int n_ctx_;
  const int chunk_;
  const KernelSet kernels_;
  base::ThreadPool pool_;
  const Decoder decoder_;
  Activations activations_;
  Pass pass_, kept_;
  KvPool cache_;
  SequenceTable<KvSequence> sequences_;
};

void CpuEngine::forward(std::span<const Slice> slices, MatrixView<float> logits) {
  try {
    sequences_.forward(slices, logits, chunk_,
                       [&](const Walk& walk, const MatrixView<float>& rows) { run(walk, rows); });
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::os, "out of memory");
  }
}

void CpuEngine::run(const Walk& walk, const MatrixView<float>& logits) {
  pass_.clear();
  pass_.adapted = walk.adapted;
  for (const Walk::Part& part : walk.parts) {
    const int64_t row = pass_.n_rows;
    pass_.add({row, static_cast<int64_t>(part.tokens.size()), part.position,
               sequences_.kv(part.sequence).blocks(), row},
              part.tokens);
  }
  pass_.logit_rows.assign(walk.logit_rows.begin(), walk.logit_rows.end());
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
