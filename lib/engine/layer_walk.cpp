#include "engine/layer_walk.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/decoder.h"
#include "engine/kv_cache.h"
#include "engine/sequence_table.h"

namespace nalar::engine {

class LayerWalk::Walk {
 public:
  Walk(std::shared_ptr<const Model> model, int threads, int rows)
      : kernels_(kernels::chosen_isa(), Compute::automatic),
        pool_(threads > 0 ? threads : default_threads()),
        decoder_(std::move(model), {}, kernels_, pool_),
        activations_(Widths(decoder_.config()), kernels_, rows, pool_.size()),
        pass_(pool_, activations_, decoder_.config().n_layers()),
        cache_(decoder_.kv_layout().block_bytes()),
        kv_(cache_, rows) {
    kv_.grow(rows);
    begin(rows, {});
    pool_.run([&](int thread) { decoder_.tabulate_ropes(Worker(pass_, thread)); });
  }

  int n_layers() const { return decoder_.config().n_layers(); }
  int threads() const { return pool_.size(); }

  void embed(std::span<const TokenId> tokens, MatrixView<float> x) {
    const SequenceRules rules{kv_.limit(), decoder_.config().vocab_size};
    rules.check({{}, tokens, {}}, 0, kv_.limit());
    begin(x.rows, tokens);
    pool_.run([&](int thread) {
      const Worker w(pass_, thread);
      decoder_.embed(w);
      store(w, x);
    });
  }

  void layer(int i, MatrixView<float> x, LinearObserver* observer) {
    begin(x.rows, {});
    pass_.observer = observer;
    pass_.observer_error = nullptr;
    pool_.run([&](int thread) {
      const Worker w(pass_, thread);
      load(w, x);
      decoder_.block(i).store(w);
      decoder_.block(i).finish(w);
      store(w, x);
    });
    if (pass_.observer_error) std::rethrow_exception(pass_.observer_error);
  }

  void normalize(MatrixView<float> x) {
    pool_.run([&](int thread) {
      const base::Range own = base::share(x.rows, thread, pool_.size());
      for (int64_t t = own.begin; t < own.end; ++t) decoder_.final_norm().apply(x.row(t), x.row(t));
    });
  }

 private:
  void begin(int64_t rows, std::span<const TokenId> tokens) {
    assert(rows <= kv_.limit());
    pass_.clear();
    pass_.add({0, rows, 0, kv_.blocks(), 0}, tokens);
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

  const KernelSet kernels_;
  base::ThreadPool pool_;
  const Decoder decoder_;
  Activations activations_;
  Pass pass_;
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
void LayerWalk::layer(int i, MatrixView<float> x, LinearObserver* observer) {
  walk_->layer(i, x, observer);
}
void LayerWalk::normalize(MatrixView<float> x) { walk_->normalize(x); }

}  // namespace nalar::engine
