#pragma once

#include <nalar/engine.h>

#include <optional>
#include <span>

#include "nn/arena.h"
#include "nn/ops.h"

namespace nalar::nn {

// Where each row comes from: its document's key and its place in it.
struct RowOrigins {
  std::span<const int64_t> keys;
  std::span<const int32_t> positions;
};

// What dropout's masks are drawn by, besides module and row.
struct DropoutSeed {
  uint64_t seed = 0;
  uint64_t update = 0;
};

// Memory that parts use one after the other, for the largest batch and the widest layer.
struct Scratch {
  Buffer normed;              // [T, D] the input of a branch
  Buffer branch;              // [T, D] its output
  Buffer hidden;              // [T, F]
  Buffer d_branch, d_normed;  // [T, D]
  Buffer d_attended, dq;      // [T, N * H]
  Buffer dk, dv;              // [T, K * H]
  Buffer d_hidden;            // [T, F]
  Buffer lora;                // [T, R]
  Buffer dropped, mask;       // [T, in] where there is dropout
};

// The keys and values of a sequence in one layer, by position: [capacity, K * H].
struct KeyValues {
  at::Tensor k, v;
};

// One walk over T rows.
struct Pass {
  const Ops& ops;
  const Scratch& scratch;
  std::span<const int32_t> documents;  // first row of each, then T
  RowOrigins origins;
  std::optional<DropoutSeed> dropout;  // none: inputs are whole
  // Of each document, where there are rows before it: those up to its first row's position. It adds
  // its own. Empty: documents begin here. Such a walk has no backward half.
  std::span<const KeyValues> caches = {};
  LinearObserver* observer = nullptr;  // of the inputs of every Linear
};

}  // namespace nalar::nn
