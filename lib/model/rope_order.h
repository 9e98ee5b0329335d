#pragma once

#include <nalar/model_config.h>

#include <cstdint>
#include <vector>

#include "model/tensor_names.h"

// A rope turns pairs of rows of q and k: (i, i + H/2) of a head in Hugging Face's files, (2i, 2i +
// 1) where RopeStyle is interleaved, whose files have the rows moved. What comes from the one and
// is added to the other must be moved as well.
namespace nalar::model {

// Whether this weight or bias makes what a rope turns: q and k.
bool is_turned(TensorRole role);
// Whether the rows of this weight or bias lie in another order than Hugging Face's.
bool has_interleaved_rows(const ModelConfig& config, TensorName tensor);

// Where a row of q or k in Hugging Face's order lies in the interleaved one, and back.
int64_t interleaved_row(int64_t row, int64_t head_dim);
int64_t uninterleaved_row(int64_t row, int64_t head_dim);

// Moves rows [N * H, columns] from Hugging Face's order to the interleaved one, and back.
void interleave_rows(std::vector<float>& rows, int64_t head_dim, int64_t columns);
void uninterleave_rows(std::vector<float>& rows, int64_t head_dim, int64_t columns);

}  // namespace nalar::model
