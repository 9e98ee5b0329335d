#pragma once

#include <bitset>
#include <string_view>
#include <vector>

namespace nalar::model {

// A regular expression over names of modules, of Python's syntax as adapter_config.json has it:
// characters, ., classes, \d \w \s \b, groups, |, * + ? {m,n}, ^ $. All its paths are walked at
// once (Thompson, "Regular expression search algorithm", CACM 1968), so that no pattern is slow.
class ModulePattern {
 public:
  // Errors: bad_data that names `key`, for what is no pattern, is too long or has more than the
  // above.
  ModulePattern(std::string_view key, std::string_view pattern);

  // Of the whole name (re.fullmatch).
  bool matches(std::string_view name) const;
  size_t size() const { return steps_.size(); }  // steps, some one a character

  // A step of the program: one character of `set`, or to one or two other steps without any.
  enum class Kind { character, split, jump, begin, end, boundary };
  struct Step {
    Kind kind;
    std::bitset<256> set = {};
    int to = 1, other = 1;  // relative to this step
  };

 private:
  std::vector<Step> steps_;
};

}  // namespace nalar::model
