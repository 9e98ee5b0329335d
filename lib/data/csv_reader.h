#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/columns.h"
#include "data/row.h"

namespace nalar::data {

// A table of RFC 4180: fields apart by `separator`, quoted where they hold one, a quote or a new
// line; CR LF inside quotes becomes LF. The first line names the columns; where columns.counted(),
// there is no header and the columns are named 1, 2, …. Blank lines are skipped. In a table apart
// by tabs, whose writers often do not quote, a quote counts only if its field ends in one on that
// line. Errors: bad_data for the header and for a quote that is not closed.
void read_table(std::string_view text, char separator, const Columns& columns, const RowSink& sink);
// The same of a table whose first line is a row already: `header` names the columns.
void read_table(std::string_view text, char separator, const std::vector<std::string>& header,
                const RowSink& sink);

}  // namespace nalar::data
