#pragma once

#include <string_view>

#include "data/row.h"

namespace nalar::data {

// A JSON object a line; blank lines are skipped, a line may end in CR LF.
void read_json_lines(std::string_view text, const RowSink& sink);

// An array of objects; an object with nothing but one such array; one object that is a row; or JSON
// lines under the name .json. Rows are read one at a time. Errors: bad_data where the text between
// rows is no JSON.
void read_json(std::string_view text, const RowSink& sink);

}  // namespace nalar::data
