#include "io/name_table.h"

#include <sys/random.h>

#include <array>
#include <cstring>

namespace nalar::io {
namespace {

using Key = std::array<uint64_t, 4>;

Key draw_key() noexcept {
  Key key = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0xd6e8feb86659fd93};
  Key random = {};
  // Without random bytes the fixed key is still a right one, only not a secret.
  if (getrandom(random.data(), sizeof random, GRND_NONBLOCK) == sizeof random) {
    for (size_t i = 0; i < key.size(); ++i) key[i] = random[i] | 1;
  }
  return key;
}

uint64_t fold(uint64_t a, uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

uint64_t keyed_hash(std::string_view name) noexcept {
  static const Key key = draw_key();
  uint64_t state = key[0] ^ name.size();
  while (!name.empty()) {
    uint64_t word = 0;
    const size_t n = name.size() < sizeof word ? name.size() : sizeof word;
    std::memcpy(&word, name.data(), n);
    // Two words of key a step: a word that cancels one of them does not stop the chain.
    state = fold(state ^ word ^ key[1], key[2] ^ state);
    name.remove_prefix(n);
  }
  return fold(state ^ key[3], key[1]);
}

}  // namespace nalar::io
