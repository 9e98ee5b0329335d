#include "eval/python_random.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_set>

namespace nalar::eval {

void PythonRandom::seed_by_number(uint32_t seed) {
  state_[0] = seed;
  for (size_t i = 1; i < state_.size(); ++i) {
    const uint32_t before = state_[i - 1];
    state_[i] = 1812433253u * (before ^ (before >> 30)) + static_cast<uint32_t>(i);
  }
}

void PythonRandom::seed_by_array(const std::vector<uint32_t>& key) {
  seed_by_number(19650218u);
  size_t i = 1, j = 0;
  const auto step = [&] {
    if (++i >= state_.size()) {
      state_[0] = state_.back();
      i = 1;
    }
  };
  const auto mixed = [&](uint32_t factor) {
    const uint32_t before = state_[i - 1];
    return state_[i] ^ ((before ^ (before >> 30)) * factor);
  };
  for (size_t k = std::max(state_.size(), key.size()); k > 0; --k) {
    state_[i] = mixed(1664525u) + key[j] + static_cast<uint32_t>(j);
    j = (j + 1) % key.size();
    step();
  }
  for (size_t k = state_.size() - 1; k > 0; --k) {
    state_[i] = mixed(1566083941u) - static_cast<uint32_t>(i);
    step();
  }
  state_[0] = 0x80000000u;
}

PythonRandom::PythonRandom(uint64_t seed) {
  std::vector<uint32_t> key = {static_cast<uint32_t>(seed)};
  if (seed >> 32 != 0) key.push_back(static_cast<uint32_t>(seed >> 32));
  seed_by_array(key);
}

uint32_t PythonRandom::next() {
  if (at_ == kWords) {
    for (size_t i = 0; i < state_.size(); ++i) {
      const uint32_t y =
          (state_[i] & 0x80000000u) | (state_[(i + 1) % state_.size()] & 0x7fffffffu);
      state_[i] = state_[(i + 397) % state_.size()] ^ (y >> 1) ^ ((y & 1) != 0 ? 0x9908b0dfu : 0);
    }
    at_ = 0;
  }
  uint32_t y = state_[static_cast<size_t>(at_++)];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

double PythonRandom::uniform() {
  const uint32_t high = next() >> 5, low = next() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

int64_t PythonRandom::below(int64_t n) {
  const int bits = static_cast<int>(std::bit_width(static_cast<uint32_t>(n)));
  while (true) {
    const int64_t r = next() >> (32 - bits);
    if (r < n) return r;
  }
}

std::vector<int64_t> PythonRandom::sample(int64_t n, int64_t k) {
  // Few of many are drawn until they differ; else from a pool that shrinks. Where one begins is
  // CPython's estimate of the memory a set takes.
  int64_t set_size = 21;
  if (k > 5) {
    int64_t power = 1;
    while (power < 3 * k) power *= 4;
    set_size += power;
  }
  std::vector<int64_t> out;
  if (n <= set_size) {
    std::vector<int64_t> pool(static_cast<size_t>(n));
    std::iota(pool.begin(), pool.end(), int64_t{0});
    for (int64_t i = 0; i < k; ++i) {
      const auto j = static_cast<size_t>(below(n - i));
      out.push_back(pool[j]);
      pool[j] = pool[static_cast<size_t>(n - i - 1)];
    }
    return out;
  }
  std::unordered_set<int64_t> taken;
  while (static_cast<int64_t>(out.size()) < k) {
    const int64_t j = below(n);
    if (taken.insert(j).second) out.push_back(j);
  }
  return out;
}

}  // namespace nalar::eval
