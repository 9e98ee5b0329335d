#pragma once

#include <nalar/model.h>

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/layer_walk.h"
#include "quant/calibration_tokens.h"
#include "quant/imatrix.h"
#include "quant/statistics.h"
#include "quant/triangular.h"

namespace nalar::quant {

struct CalibrationOptions {
  int threads = 0;
  std::vector<std::string> feedback;  // the matrices whose Hessians may be asked for
  bool by_layers = false;  // without these: to the layer that is asked for and no further
  // All Hessians of a pass, and all hidden states: an input whose Hessian alone is larger has none.
  // 0: 2 GiB, or what the largest one needs, of a quarter of what the machine has left; a twelfth
  // of it, at least 1 GiB.
  int64_t hessian_bytes = 0, state_bytes = 0;
  // Chunks times layers that were computed and all of one pass; may throw to stop it.
  std::function<void(int64_t done, int64_t total)> on_step;
};

// What a model's matrices see while it reads some tokens. They are read when something is asked
// for: a pass walks through as many layers as there is memory for their Hessians, and the next one
// goes on where it ended, if the hidden states could be kept. One who asks in the order of the
// layers thus pays for one walk; one who wants Hessians but first asks for the importance of a
// layer further on, for a walk through all. No result depends on the passes.
class Calibration final : public Statistics {
 public:
  // Errors of what is asked for: the engine's and on_step's.
  Calibration(std::shared_ptr<const Model> model, CalibrationTokens tokens,
              CalibrationOptions options);
  ~Calibration() override;

  std::span<const float> importance(const std::string& matrix) override;
  const Hessian* hessian(const std::string& matrix) override;
  // The layer of a matrix: the order in which to ask; nullopt where nothing is known of it.
  std::optional<int> layer_of(const std::string& matrix) const;

  const CalibrationTokens& tokens() const { return tokens_; }
  int64_t passes() const { return passes_; }
  int64_t layers_walked() const { return layers_walked_; }  // of all passes
  // `name_of`: GGUF's name of a matrix.
  Imatrix imatrix(const std::function<std::string(const std::string& matrix)>& name_of);

 private:
  class Observer;
  // What several matrices read (q, k and v; gate and up).
  struct Input {
    std::string shown_for;  // the matrix whose rows are taken: an observer sees each one's
    int layer = 0;          // n_layers: the head
    int64_t columns = 0;
    std::vector<double> sums;  // of squares, by column
    std::vector<float> means;  // empty until a pass has walked through its layer
    int64_t count = 0;
    std::unique_ptr<Hessian> hessian;
    bool useless = false;  // its Hessian cannot be factored

    int64_t hessian_bytes() const { return columns * columns * int64_t{sizeof(float)}; }
  };
  // A walk of all chunks through layers [begin, end): the head is one more. They go together, layer
  // by layer, or as many as there is memory for their hidden states. What layer `keep` gets is
  // kept; 0: nothing.
  struct Pass {
    explicit Pass(int threads) : products(threads) {}

    Products products;
    bool hessians = false;  // gathers those that are chosen
    int begin = 0, end = 0, keep = 0;
    int64_t done = 0, steps = 0;

    bool wants(const Input& input) const {
      return input.means.empty() || (hessians && input.hessian);
    }
  };
  struct Chunks {
    int64_t first, count;
  };

  void list_inputs();
  void add_input(int layer, std::initializer_list<const TensorView*> matrices);
  // Gives place to the Hessians of the input and those that come after it.
  void choose_hessians(size_t first);
  // For what inputs up to layer `last` still lack, and for the Hessians that are chosen.
  void make_pass(int last, bool hessians);
  void walk(Pass& pass, Chunks chunks);
  void add_rows(Input& input, Pass& pass);
  void read_all();
  int64_t state_bytes() const;  // of a chunk
  bool can_keep_states() const;
  std::vector<float>& rows_of(const Input& input);

  std::shared_ptr<const Model> model_;
  const CalibrationTokens tokens_;
  CalibrationOptions options_;
  std::unique_ptr<engine::LayerWalk> layers_;
  std::vector<Input> inputs_;               // four of each layer, and the head's
  std::map<std::string, size_t> input_of_;  // by matrix
  std::vector<size_t> order_;               // of inputs, those that Hessians are wanted of
  std::array<std::vector<float>, 4> rows_;  // [T, columns] of the inputs of the layer at work
  static constexpr int kNone = std::numeric_limits<int>::max();
  int next_layer_ = kNone;     // the lowest that a Hessian is still to be made of
  std::vector<float> states_;  // [T, D] as layer states_layer_ gets them, where that is not 0
  int states_layer_ = 0;
  int64_t passes_ = 0, layers_walked_ = 0;
};

}  // namespace nalar::quant
