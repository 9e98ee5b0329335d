#pragma once

#include <string>

#include "report/training_record.h"

namespace nalar::report {

// README.md of the output folder: the front matter that PEFT and model hubs read, what was
// measured, how to use it. What only a person can know is marked "To be filled in".
std::string model_card(const TrainingRecord& record);

}  // namespace nalar::report
