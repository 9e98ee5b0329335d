#include "engine/layer_walk.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "engine/block.h"
#include "engine/kv_cache.h"
#include "engine/sequence_table.h"

namespace nalar::engine {

class LayerWalk::Walk {
 public:
  Walk(std::shared_ptr<const Model> model, int threads, int rows)
      : model_(std::move(model)),
        kernels_(kernels::chosen_isa(), Compute::automatic),
        pool_(threads > 0 ? threads : default_threads()),
        adapters_(*model_, {}, kernels_),
        packed_(*model_, adapters_, kernels_),
        ropes_(config(), kernels_),
        final_norm_(config().final_norm, model_->weights().final_norm, kernels_),
        activations_(Widths(config()), kernels_, rows, pool_.size()),
        pass_(pool_, activations_, n_layers()),
        kv_layout_(config(), kernels_.kv_type()),
        cache_(kv_layout_.block_bytes()),
        kv_(cache_, rows) {
    kv_.grow(rows);
    begin(rows);
    pool_.run([&](int thread) { ropes_.tabulate(Worker(pass_, thread)); });
  }

  int n_layers() const { return config().n_layers(); }
  int threads() const { return pool_.size(); }

  void embed(std::span<const TokenId> tokens, MatrixView<float> x) {
    const SequenceRules rules{kv_.limit(), config().vocab_size};
    rules.check({{}, tokens, {}}, 0, kv_.limit());
    const TensorView& table = model_->weights().embedding;
    for (int64_t t = 0; t < x.rows; ++t) {
      kernels::linear_kernels(kernels::Isa::scalar)
          .dequantize_row(table.dtype, table.bytes.data(), table.rows(), table.columns(),
                          tokens[static_cast<size_t>(t)], x.row(t));
      kernels_.vector.scale(config().embedding_scale, table.columns(), x.row(t));
    }
  }

  void layer(int i, MatrixView<float> x, LinearObserver* observer, const LayerWeights* other) {
    pack(i, other);
    begin(x.rows);
    pass_.observer = observer;
    pass_.observer_error = nullptr;
    pool_.run([&](int thread) {
      const Worker w(pass_, thread);
      load(w, x);
      block_->store(w);
      block_->finish(w);
      store(w, x);
    });
    if (pass_.observer_error) std::rethrow_exception(pass_.observer_error);
  }

  void normalize(MatrixView<float> x) {
    pool_.run([&](int thread) {
      const base::Range own = base::share(x.rows, thread, pool_.size());
      for (int64_t t = own.begin; t < own.end; ++t) final_norm_.apply(x.row(t), x.row(t));
    });
  }

 private:
  const ModelConfig& config() const { return model_->config(); }

  void pack(int layer, const LayerWeights* other) {
    if (packed_layer_ == layer && other == nullptr) return;
    const auto at = static_cast<size_t>(layer);
    const LayerWeights& weights = other != nullptr ? *other : model_->weights().layers[at];
    packed_layer_.reset();
    block_.reset();
    packed_.pack(linear_weights(weights), pool_);
    block_.emplace(layer, config().layers[at], weights,
                   Parts{kernels_, packed_, kv_layout_, ropes_});
    if (other == nullptr) packed_layer_ = layer;
  }

  void begin(int64_t rows) {
    assert(rows <= kv_.limit());
    pass_.clear();
    pass_.add({0, rows, 0, kv_.blocks(), 0}, {});
  }

  static void load(const Worker& w, MatrixView<float> x) {
    const base::Range own = w.own_rows();
    for (int64_t t = own.begin; t < own.end; ++t) {
      std::copy_n(x.row(t), x.columns, w.rows.x + t * x.columns);
    }
  }
  // Where every thread has all rows, the first one's are as good as any.
  static void store(const Worker& w, MatrixView<float> x) {
    if (!w.shared && w.thread != 0) return;
    const base::Range own = w.own_rows();
    for (int64_t t = own.begin; t < own.end; ++t) {
      std::copy_n(w.rows.x + t * x.columns, x.columns, x.row(t));
    }
  }

  const std::shared_ptr<const Model> model_;
  const KernelSet kernels_;
  base::ThreadPool pool_;
  const AdapterSet adapters_;  // none
  PackedWeights packed_;
  const Ropes ropes_;
  const Norm final_norm_;
  std::optional<Block> block_;  // of packed_layer_
  std::optional<int> packed_layer_;
  Activations activations_;
  Pass pass_;
  const KvLayout kv_layout_;
  KvPool cache_;
  KvSequence kv_;
};

LayerWalk::LayerWalk(std::shared_ptr<const Model> model, int threads, int rows)
    : walk_(std::make_unique<Walk>(std::move(model), threads, rows)) {}
LayerWalk::~LayerWalk() = default;

int LayerWalk::n_layers() const { return walk_->n_layers(); }
int LayerWalk::threads() const { return walk_->threads(); }
void LayerWalk::embed(std::span<const TokenId> tokens, MatrixView<float> x) {
  walk_->embed(tokens, x);
}
void LayerWalk::layer(int i, MatrixView<float> x, LinearObserver* observer,
                      const LayerWeights* other) {
  walk_->layer(i, x, observer, other);
}
void LayerWalk::normalize(MatrixView<float> x) { walk_->normalize(x); }

}  // namespace nalar::engine
