#include "io/front_matter.h"

#include <algorithm>

namespace nalar::io {

std::optional<std::string> front_matter(std::string_view card, std::string_view key) {
  if (!card.starts_with("---\n")) return std::nullopt;
  card.remove_prefix(4);
  while (!card.empty() && !card.starts_with("---")) {
    std::string_view line = card.substr(0, card.find('\n'));
    card.remove_prefix(std::min(card.size(), line.size() + 1));
    if (!line.starts_with(key) || line.substr(key.size(), 1) != ":") continue;
    line.remove_prefix(key.size() + 1);
    while (line.starts_with(' ') || line.starts_with('"')) line.remove_prefix(1);
    while (line.ends_with(' ') || line.ends_with('"') || line.ends_with('\r'))
      line.remove_suffix(1);
    if (!line.empty()) return std::string(line);
  }
  return std::nullopt;
}

}  // namespace nalar::io
