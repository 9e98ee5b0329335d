#pragma once

namespace nalar::apps {

// Columns of the terminal behind a descriptor: COLUMNS, else what the terminal says, else 80.
int terminal_columns(int fd);
// A terminal on which a line can be written over, that is none with TERM=dumb.
bool can_overwrite(int fd);
// The same with colours, which NO_COLOR turns off.
bool has_colours(int fd);

}  // namespace nalar::apps
