#pragma once

#include <nalar/finetune.h>

#include <functional>
#include <string>
#include <string_view>

namespace nalar::train {

// The first processor's name in the text of /proc/cpuinfo, "AMD Ryzen …", or "".
std::string parse_cpu_name(std::string_view text);
// "" where the machine does not tell.
std::string cpu_name();

// What products are made in: as asked for; automatic: bf16 where it is by far faster than fp32.
// `speed` measures products in a type, in any unit.
TrainDtype choose_dtype(TrainDtype asked, const std::function<double(TrainDtype)>& speed);

}  // namespace nalar::train
