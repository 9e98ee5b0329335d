#pragma once

#include <nalar/model.h>
#include <nalar/token.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/layer_walk.h"
#include "quant/imatrix.h"
#include "quant/statistics.h"

namespace nalar::quant {

struct CalibrationOptions {
  std::string path;  // of the text
  int threads = 0;
  // Matrices whose Hessians will be asked for, in that order; empty: only E[x_c²] is wanted.
  std::vector<std::string> feedback;
  // All Hessians that are kept at a time (one that is larger alone is none), and hidden states.
  // 0: a quarter and a twelfth of what the machine has left, at least 2 and 1 GiB.
  int64_t hessian_bytes = 0, state_bytes = 0;
  // Chunks times layers that were computed and all of one pass; may throw to stop it.
  std::function<void(int64_t done, int64_t total)> on_step;
};

// What a model's matrices see while it reads a text in chunks of 512 tokens (or its context, where
// that is shorter), each beginning with BOS where the tokenizer adds one, as llama-imatrix does.
// E[x_c²] of all inputs comes from one pass, which gathers the first Hessians too. Where memory is
// not enough for all, further passes gather those that are next: from the layer on where these
// begin, if the hidden states could be kept, and to the last of them. No result depends on how many
// passes there were.
class Calibration final : public Statistics {
 public:
  // Makes the first pass. Errors: no_input; bad_data that names the text, when it is too short;
  // those of the engine and of on_step.
  Calibration(std::shared_ptr<const Model> model, CalibrationOptions options);
  ~Calibration() override;

  std::span<const float> importance(const std::string& matrix) const override;
  const Hessian* hessian(const std::string& matrix) override;

  // A matrix that saw what is not finite, or so large that its mean is not: its statistics are of
  // no use.
  std::optional<std::string> overflown() const;

  const std::string& sha256() const { return sha256_; }
  int64_t tokens() const { return static_cast<int64_t>(ids_.size()); }
  int64_t passes() const { return passes_; }
  int64_t layers_walked() const { return layers_walked_; }  // of all passes
  // `name_of`: GGUF's name of a matrix.
  Imatrix imatrix(const std::function<std::string(const std::string& matrix)>& name_of) const;

 private:
  class Observer;
  // What several matrices read (q, k and v; gate and up).
  struct Input {
    std::string shown_for;  // the matrix whose rows are taken: an observer sees each one's
    int layer = 0;          // n_layers: the head
    int64_t columns = 0;
    std::vector<float> rows;   // [T, columns], of the chunks at work
    std::vector<double> sums;  // of squares, by column
    std::vector<float> means;
    int64_t count = 0;
    std::unique_ptr<Hessian> hessian;
    bool useless = false;  // its Hessian cannot be factored

    int64_t hessian_bytes() const { return columns * columns * int64_t{sizeof(float)}; }
  };
  // A walk of all chunks through layers [begin, end): the head is one more. What layer `keep` gets
  // is kept; 0: nothing.
  struct Pass {
    int begin = 0, end = 0, keep = 0;
    bool with_sums = false;
    int64_t done = 0, steps = 0;

    bool wants(const Input& input) const { return with_sums || input.hessian; }
  };
  // Chunks [first, first + count).
  struct Group {
    int64_t first, count;
  };

  void read_text();
  void list_inputs();
  void add_input(int layer, std::initializer_list<const TensorView*> matrices);
  // Gives place to the Hessians of the input and those that come after it.
  void choose_hessians(size_t first);
  void make_pass(bool with_sums);
  void walk(Pass& pass, Group group);
  void add_rows(Input& input, bool with_sums);
  std::vector<TokenId> tokens_of(int64_t chunk) const;
  int64_t chunks() const { return tokens() / chunk_; }

  std::shared_ptr<const Model> model_;
  CalibrationOptions options_;
  std::unique_ptr<engine::LayerWalk> layers_;
  std::string sha256_;
  std::optional<TokenId> bos_;
  std::vector<TokenId> ids_;  // whole chunks
  int64_t chunk_ = 0;
  std::vector<Input> inputs_;
  std::map<std::string, size_t> input_of_;  // by matrix
  std::vector<size_t> order_;               // of inputs, as feedback asks for them
  int next_layer_ = 0;                      // the lowest that a Hessian is still to be made of
  std::vector<float> states_;  // [T, D] as layer states_layer_ gets them, where that is not 0
  int states_layer_ = 0;
  int64_t passes_ = 0, layers_walked_ = 0;
};

}  // namespace nalar::quant
