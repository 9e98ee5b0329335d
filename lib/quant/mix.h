#pragma once

#include <nalar/dtype.h>
#include <nalar/quantize.h>

#include <cstdint>
#include <string>
#include <vector>

// Which type each tensor of a model gets: the choices of llama-quantize, so that a file of a known
// name is what people know by it.
namespace nalar::quant {

// What a choice looks at.
struct MixTensor {
  std::string name;  // GGUF's
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  bool known = true;  // in a model of this family
};

struct MixModel {
  std::string architecture;  // "llama"
  int n_layers = 0;
  int n_heads = 0, n_kv_heads = 0;
  bool statistics = false;  // of activations: there
};

struct MixChoice {
  DType type = DType::f32;
  bool quantizable = false;  // a matrix; else it stays what it is
  bool fixed = false;        // by an option for this tensor
  bool fell_back = false;    // the type that was meant does not fit its rows
};

// The type that most matrices of a mix get, and llama.cpp's number of the mix (llama_ftype).
DType main_type(Mix mix) noexcept;
uint32_t file_type(Mix mix) noexcept;
// The mix to name where most weights are of this type.
Mix mix_of(DType main) noexcept;

// Whether a tensor can be anything but what it is: a known matrix that is no norm.
bool is_quantizable(const MixTensor& tensor);

// In the order of `tensors`. Errors: usage for a pattern that is none or matches no matrix, and for
// a type that an option names and that does not fit the rows.
std::vector<MixChoice> choose_types(const QuantizeOptions& options, const MixModel& model,
                                    const std::vector<MixTensor>& tensors);

}  // namespace nalar::quant
