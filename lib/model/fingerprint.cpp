#include "model/fingerprint.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "model/weights.h"

namespace nalar::model {

std::string fingerprint(const Model& model) {
  constexpr size_t kEnd = 4096;
  base::Sha256 digest;
  const auto add_text = [&](const std::string& text) {
    digest.update(std::as_bytes(std::span(text)));
  };
  Weights weights = model.weights();
  for_each_tensor(model.config(), weights, [&](const TensorSlot& slot) {
    const TensorView& tensor = *slot.view;
    add_text(fmt::format("{} {} {}\n", tensor.name, name(tensor.dtype), shape_text(tensor.shape)));
    const size_t n = std::min(kEnd, tensor.bytes.size());
    digest.update(tensor.bytes.first(n));
    digest.update(tensor.bytes.last(n));
  });
  return digest.hex();
}

}  // namespace nalar::model
