#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::eval {

// A regular expression of a task file, searched as Python's re does, run by PCRE2 with limits on
// its work. Immutable.
class PythonRegex {
 public:
  // Errors: bad_data that names the pattern.
  explicit PythonRegex(std::string pattern);
  ~PythonRegex();
  PythonRegex(PythonRegex&&) noexcept;
  PythonRegex& operator=(PythonRegex&&) noexcept;

  // One match: of each group its text ("" where it took no part), the whole first.
  using Match = std::vector<std::string_view>;
  // All of them from left to right. Borrow from `text`. Errors: bad_data, when the limits are hit.
  std::vector<Match> find_all(std::string_view text) const;
  // The text without them.
  std::string remove_all(std::string_view text) const;

 private:
  struct Code;
  std::string pattern_;
  std::unique_ptr<const Code> code_;
};

}  // namespace nalar::eval
