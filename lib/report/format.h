#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/training_record.h"

// Figures of a record as a person reads them: of the model card and the page.
namespace nalar::report {

std::string count_text(int64_t n);          // "1,234,567"
std::string bytes_text(int64_t bytes);      // "91.7 MB"
std::string duration_text(double seconds);  // "57.1 s", "12 min 05 s", "3 h 07 min"
std::string figure_text(double value);      // four digits: "2.184", "3.5e+14"
std::string energy_text(double joules);     // "5.1 kJ (0.0014 kWh)"
std::string value_text(const Json& value);  // lists with commas, null as "–"

// The last part of a path.
std::string file_name(std::string_view path);
// A path from the root or home cut to its last part; any other text as it is. Of a value: every
// text in it.
std::string without_folders(const std::string& text);
Json without_folders(const Json& value);

using Row = std::pair<std::string, std::string>;
// Name and value of each member of an object.
std::vector<Row> rows_of(const Json& object);
// What was measured: losses, tokens, time, memory, energy.
std::vector<Row> result_rows(const TrainingRecord& record);
// What it was made with: base, versions, machine.
std::vector<Row> origin_rows(const TrainingRecord& record);

}  // namespace nalar::report
