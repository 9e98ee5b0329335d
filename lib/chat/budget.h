#pragma once

#include <nalar/chat.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace nalar::chat {

// What goes wrong while a template is read or rendered. It knows no place: whoever walks the
// template adds line and column.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What raise_exception said.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void fail(const std::string& message);

// What one rendering may still use. Everything that takes time or memory pays here first.
class Budget {
 public:
  explicit Budget(const TemplateLimits& limits)
      : limits_(limits), steps_left_(limits.max_steps), nesting_limit_(limits.max_depth * 12) {}

  const TemplateLimits& limits() const { return limits_; }

  void step(int64_t n = 1) {
    if (n > steps_left_) out_of_steps();
    steps_left_ -= n;
  }
  // `n` bytes were or will be read or copied.
  void bytes(size_t n) { step(static_cast<int64_t>(n >> 7)); }
  // A text grows to `size` bytes.
  void text_size(size_t size) const {
    if (size > static_cast<size_t>(limits_.max_output_bytes)) too_long();
  }
  // A list, dict … is made of this many levels and values.
  void extent(int depth, int64_t weight) const {
    if (depth > limits_.max_depth) too_deep();
    if (weight > limits_.max_steps) out_of_steps();
  }

  // Counts one level of the walk over the template, or of a macro or a recursive loop, while it
  // lives.
  class Level {
   public:
    Level(int& depth, int limit) : depth_(depth) {
      if (++depth_ > limit) {
        --depth_;
        too_deep();
      }
    }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };
  Level nest() { return Level(nesting_, nesting_limit_); }
  Level call() { return Level(calls_, limits_.max_depth); }

 private:
  [[noreturn]] static void out_of_steps();
  [[noreturn]] static void too_long();
  [[noreturn]] static void too_deep();

  TemplateLimits limits_;
  int64_t steps_left_;
  int nesting_limit_;
  int nesting_ = 0;
  int calls_ = 0;
};

}  // namespace nalar::chat
