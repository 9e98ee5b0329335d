#pragma once

#include <nalar/export.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace nalar {

// Text of unknown origin on its way to a terminal. A terminal obeys control sequences (it can be
// made to retitle itself, to write to the clipboard, to send input): here they are shown instead.
// \n and \t pass, \r\n becomes \n; every other C0 and C1 control, DEL, bidirectional control, tag
// character and byte that is no UTF-8 is written as \xNN or \u{NNNN}. A stream may be cut anywhere:
// what comes out does not depend on where.
class NALAR_API TerminalFilter {
 public:
  // The text that can be shown now; an unfinished character or a \r is held back.
  std::string push(std::string_view bytes);
  // What was held back; the stream is over and may begin anew.
  std::string finish();

 private:
  std::string held_;
};

// One line for a message: as above, and \n and \t are shown too; cut after max_bytes with "…".
NALAR_API std::string printable(std::string_view text, size_t max_bytes = 200);

}  // namespace nalar
