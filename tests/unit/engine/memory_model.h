#pragma once

#include <nalar/model.h>

#include <memory>

namespace nalar::engine::test {

// A model with random weights made in memory: three layers that differ in everything a LayerSpec
// can say (norms before, after and around; windows, softcap, q/k norm, biases, both ropes and none;
// grouped heads), and matrices of many quantized types. Vocabulary 300, tied or not.
std::shared_ptr<const Model> make_memory_model(bool tied);

}  // namespace nalar::engine::test
