#include "nn/ops.h"
namespace nalar::nn {
std::unique_ptr<Ops> make_kernel_ops(int threads) { return make_aten_ops(at::kCPU, at::kFloat, threads); }
}
