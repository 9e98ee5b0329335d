#pragma once

#include <string>

#include "report/training_record.h"

namespace nalar::report {

// report.html: one well-formed file without scripts that loads nothing. Every text is escaped.
std::string html_report(const TrainingRecord& record);

}  // namespace nalar::report
