#pragma once

#include <nalar/json.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/python_regex.h"

namespace nalar::eval {

// A step from an answer to what is compared.
struct FilterStep {
  enum class Kind {
    regex,       // the match `group_select` of the pattern, stripped; else `fallback`
    take_first,  // there is one answer: nothing
    lowercase,
    uppercase,
    strip,   // white space at both ends
    number,  // the last number, without thousands separators; else `fallback`
  };
  Kind kind = Kind::take_first;
  std::optional<PythonRegex> pattern;
  int group_select = 0;  // negative: from the end
  std::string fallback = "[invalid]";
};

struct FilterChain {
  std::string name = "none";
  std::vector<FilterStep> steps;

  std::string apply(std::string_view answer) const;
};

// filter_list of a task file. Errors: bad_data that names the field.
std::vector<FilterChain> read_filters(const Json& list);

std::string_view stripped(std::string_view text);  // as Python's str.strip
std::string lowered(std::string_view text);        // as str.lower
std::string uppered(std::string_view text);

}  // namespace nalar::eval
