#pragma once

#include <nalar/tokenizer.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace nalar::tokenizer {

// A regular expression as the tokenizers package understands it, run by PCRE2 with limits on its
// work. A text that is no UTF-8 is searched between its invalid bytes. Immutable, thread-safe.
class Regex {
 public:
  // Errors: bad_data that names the pattern.
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // Calls on_match for every match from left to right; an empty one only where no match has just
  // ended. Errors: bad_data when the pattern needs more steps than a multiple of the text's length.
  void for_each_match(std::string_view text, const std::function<void(TextRange)>& on_match) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
};

}  // namespace nalar::tokenizer
