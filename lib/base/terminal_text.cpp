#include <nalar/terminal_text.h>

#include "base/utf8.h"

namespace nalar {

std::string TerminalFilter::push(std::string_view bytes) {
  held_.append(bytes);
  std::string_view text = held_;
  size_t keep = base::incomplete_tail(text);
  if (keep == 0 && text.ends_with('\r')) keep = 1;
  const std::string_view ready = text.substr(0, text.size() - keep);
  std::string shown;
  shown.reserve(ready.size());
  for (size_t i = 0; i < ready.size();) {
    const auto length = static_cast<size_t>(base::decode_utf8(ready, i).length);
    const std::string_view character = ready.substr(i, length);
    i += length;
    if (character == "\n" || character == "\t") {
      shown += character;
    } else if (character == "\r" && i < ready.size() && ready[i] == '\n') {
      continue;
    } else {
      shown += base::escaped(character);
    }
  }
  held_.erase(0, ready.size());
  return shown;
}

std::string TerminalFilter::finish() {
  const std::string shown = base::escaped(held_);
  held_.clear();
  return shown;
}

std::string printable(std::string_view text, size_t max_bytes) {
  return base::escaped(text, max_bytes);
}

}  // namespace nalar
