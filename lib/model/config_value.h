#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

// What config readers share: ranges and the wording of their errors. Key names are as in the file.
namespace nalar::model {

struct IntRange {
  int64_t min;
  int64_t max;
};

// Both ends belong to it.
struct NumberRange {
  double min;
  double max;
};

// Finite, > 0 and no smaller or larger than a float can be.
inline constexpr NumberRange kPositive{std::numeric_limits<float>::min(),
                                       std::numeric_limits<float>::max()};
// The same with 0, which switches a feature off.
inline constexpr NumberRange kPositiveOrOff{0, std::numeric_limits<float>::max()};

// Bounds on what a file may declare: far above any model there is, so that products fit 64 bits.
inline constexpr IntRange kWidthRange{1, 1 << 20};
inline constexpr IntRange kHeadsRange{1, 1 << 16};
inline constexpr IntRange kHeadDimRange{2, 1 << 16};
inline constexpr IntRange kFeedForwardRange{1, 1 << 24};
inline constexpr IntRange kVocabularyRange{1, 1 << 27};
inline constexpr IntRange kContextRange{1, 1 << 28};
inline constexpr IntRange kLayersRange{1, 4096};
inline constexpr IntRange kWindowRange{0, std::numeric_limits<int32_t>::max()};

// Errors of kind bad_data: "key K: got X, need an integer in A..B".
[[noreturn]] void fail_value(std::string_view key, std::string_view got, std::string_view need);
[[noreturn]] void fail_missing(std::string_view key, std::string_view need);
[[noreturn]] void fail_unsupported(std::string_view key, std::string_view got);

std::string need_text(IntRange range);
std::string need_text(NumberRange range);

// `value` is nullopt where the file's value is of another kind; `got` is its text.
int64_t check(std::string_view key, std::optional<int64_t> value, IntRange range,
              std::string_view got);
double check(std::string_view key, std::optional<double> value, NumberRange range,
             std::string_view got);

struct NamedValue {
  std::string_view key;
  int64_t value;
};
// Throws "keys K1 and K2 do not fit: 10 is no multiple of 3".
void check_multiple(NamedValue whole, NamedValue part);

}  // namespace nalar::model
