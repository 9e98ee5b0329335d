#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace nalar::eval {

// Python's random.Random for a seed that is a small integer: MT19937 (Matsumoto and Nishimura,
// 1998), seeded by array; floats of 53 bits; the algorithms of CPython 3.11's random.py.
class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);

  uint32_t next();   // 32 bits
  double uniform();  // random(): [0, 1)
  // sample(range(n), k). REQUIRES k ≤ n < 2^32.
  std::vector<int64_t> sample(int64_t n, int64_t k);

 private:
  static constexpr int kWords = 624;
  void seed_by_number(uint32_t seed);
  void seed_by_array(const std::vector<uint32_t>& key);
  int64_t below(int64_t n);

  std::array<uint32_t, kWords> state_;
  int at_ = kWords;
};

}  // namespace nalar::eval
