#pragma once

#include <nalar/finetune.h>

#include <string>
#include <string_view>

namespace nalar::train {

// What /proc/cpuinfo says of the first processor.
struct CpuInfo {
  std::string model;           // "AMD Ryzen …", or ""
  bool bf16_products = false;  // AVX512_BF16 or AMX: bf16 is faster than fp32
};
CpuInfo parse_cpu_info(std::string_view text);
// Empty where the machine does not tell.
CpuInfo cpu_info();

// What products are made in: as asked for, or on the CPU bf16 where it has instructions for it.
TrainDtype choose_dtype(TrainDtype asked, const CpuInfo& cpu);

}  // namespace nalar::train
