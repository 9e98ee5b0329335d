#pragma once

#include <nalar/engine.h>
#include <nalar/model.h>
#include <nalar/token.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quant/imatrix.h"
#include "quant/statistics.h"

namespace nalar::quant {

struct CalibrationOptions {
  std::string path;  // of the text
  int threads = 0;
  // Matrices whose Hessians will be asked for, in that order; empty: only E[x_c²] is wanted.
  std::vector<std::string> feedback;
  // All Hessians that are kept at a time; one that is larger alone is none.
  int64_t hessian_bytes = int64_t{2} << 30;
  // Chunks that were computed and all of one pass; may throw to stop it.
  std::function<void(int64_t done, int64_t total)> on_chunk;
};

// What a model's matrices see while it reads a text in chunks of 512 tokens (or its context, where
// that is shorter), each beginning with BOS where the tokenizer adds one, as llama-imatrix does.
// E[x_c²] of all inputs comes from one pass. Hessians take as many passes as their memory asks for:
// each pass gathers those that are next.
class Calibration final : public Statistics {
 public:
  // Makes the first pass. Errors: no_input; bad_data that names the text, when it is too short;
  // those of the engine and of on_chunk.
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
  // `name_of`: GGUF's name of a matrix.
  Imatrix imatrix(const std::function<std::string(const std::string& matrix)>& name_of) const;

 private:
  class Observer;
  // What several matrices read (q, k and v; gate and up).
  struct Input {
    std::string shown_for;  // the matrix whose rows are taken: an observer sees each one's
    int64_t columns = 0;
    std::vector<double> sums;  // of squares, by column
    std::vector<float> means;
    int64_t count = 0;
    bool of_head = false;
    std::unique_ptr<Hessian> hessian;
    bool useless = false;  // its Hessian cannot be factored

    int64_t hessian_bytes() const { return columns * columns * int64_t{sizeof(float)}; }
  };

  void read_text();
  void list_inputs();
  void add_input(std::initializer_list<const TensorView*> matrices, bool of_head = false);
  // Gives place to the Hessians of the input and those that come after it.
  void choose_hessians(size_t first);
  void pass(bool with_sums);

  std::shared_ptr<const Model> model_;
  CalibrationOptions options_;
  std::unique_ptr<Engine> engine_;
  std::string sha256_;
  std::optional<TokenId> bos_;
  std::vector<TokenId> ids_;  // whole chunks
  size_t chunk_ = 0;
  std::vector<Input> inputs_;
  std::map<std::string, size_t> input_of_;  // by matrix
  std::vector<size_t> order_;               // of inputs, as feedback asks for them
  int64_t passes_ = 0;
};

}  // namespace nalar::quant
