#include "convert/output.h"

#include <nalar/error.h>

namespace nalar::convert {

void TensorOutput::write(const FormTensor& tensor, io::OutputFile& file) {
  if (control_.on_event && !control_.on_event({tensor.name, done_, total_})) {
    throw Error(ErrorKind::try_again, "stopped; nothing was written");
  }
  write_tensor(tensor, pool_, file);
  source_.release_pages(tensor.source.bytes);
  ++done_;
}

std::vector<Slice> split_tensors(const std::vector<FormTensor>& tensors,
                                 std::optional<int64_t> max_bytes) {
  std::vector<Slice> slices;
  int64_t bytes = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t size = byte_size(tensors[i]);
    if (slices.empty() || (max_bytes && bytes > 0 && bytes + size > *max_bytes)) {
      slices.push_back({i, i});
      bytes = 0;
    }
    bytes += size;
    slices.back().end = i + 1;
  }
  return slices;
}

}  // namespace nalar::convert
