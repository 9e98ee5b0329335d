#pragma once

#include <nalar/model.h>
#include <nalar/quantize.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "eval/weights_hash.h"
#include "io/file_system.h"
#include "io/gguf_writer.h"
#include "quant/calibration.h"
#include "quant/encode_tensor.h"
#include "quant/mix.h"
#include "quant/report.h"
#include "quant/sensitivity.h"
#include "quant/source.h"
#include "quant/statistics.h"

namespace nalar::quant {

enum class Purpose { plan, write };

// One quantization: the plan, then the file. `source` is the model in GGUF's form.
class Quantizer {
 public:
  // Chooses the types. Errors: those of plan_quantize.
  Quantizer(io::FileSystem& files, std::shared_ptr<const Model> model, Source source,
            const QuantizeOptions& options, const QuantizeControl& control,
            Purpose purpose = Purpose::write);
  ~Quantizer();

  QuantizePlan plan() const;
  // Errors: those of quantize().
  QuantizeResult write(const std::string& out);

 private:
  void choose();
  bool searches() const { return options_.target_bytes || options_.target_bpw; }
  // Statistics of what the model is for, not of drawn tokens.
  bool is_measured() const { return options_.calibration || options_.imatrix; }
  // Whether statistics change what becomes of it.
  static bool is_steered(const SourceTensor& tensor, DType to);
  std::vector<std::string> steered_matrices() const;  // of the types that are chosen
  void refuse_requantizing(const std::vector<MixChoice>& choices) const;
  void refuse_useless_statistics() const;
  void tell_requantizing() const;
  void search_types(std::vector<MixChoice>& choices);
  Sensitivities find_sensitivities(std::set<std::string> matrices);
  MixTensor seen(const SourceTensor& tensor) const;
  // Those that were asked for. `steered`: the matrices that they are asked about.
  void open_statistics(std::vector<std::string> steered);
  void read_imatrix_file();
  // E[x_c²] of its input's columns: of the statistics that were asked for, else of drawn tokens; or
  // nothing, where none are known or they are 0. Errors: bad_data where a text makes them infinite.
  Importance importance_of(const SourceTensor& tensor);
  Calibration& drawn();
  Importance drawn_importance(const std::string& matrix);
  // What walks through the layers while their matrices are asked for, in their order.
  const Calibration* walked_in_turn();
  // What the statistics call it: an imatrix knows GGUF's names.
  const std::string& matrix_of(const SourceTensor& tensor) const;
  // What is there already; `what` names the option.
  void refuse_place(const std::string& path, std::string_view what) const;
  void refuse_out(const std::string& out) const;
  // `hasher` gets on while they are written.
  std::vector<io::GgufTensorToWrite> tensors_to_write(const Calibration* walked,
                                                      eval::WeightsHasher& hasher);
  void write_tensor(size_t i, io::OutputFile& file, eval::WeightsHasher& hasher);
  void tell_lack_of_feedback() const;
  // Before hours of work: whether there is enough of it.
  void read_check_text();
  void check(const std::string& path);
  void tell(std::string_view what, int64_t done, int64_t total) const;

  io::FileSystem& files_;
  std::shared_ptr<const Model> model_;
  Source source_;
  QuantizeOptions options_;
  const QuantizeControl& control_;
  const Purpose purpose_;
  std::set<std::string_view> unknown_;  // of model_: they are copied
  base::ThreadPool pool_;
  std::vector<QuantizedTensor> tensors_;  // beside source_.tensors
  RunRecord run_;
  ErrorSums errors_;
  std::unique_ptr<Statistics> statistics_;  // that were asked for
  Calibration* calibration_ = nullptr;      // statistics_, where it is one
  std::vector<size_t> without_feedback_;    // of tensors_, though it was asked for
  std::unique_ptr<Calibration> drawn_;      // where these tell nothing; made when it is needed
  std::string check_text_;
};

}  // namespace nalar::quant
