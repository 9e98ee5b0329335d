#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace nalar::io {

// A hash of a name under a key that is drawn once a process: a file cannot be made so that its
// names collide.
uint64_t keyed_hash(std::string_view name) noexcept;

// Finds names in a list that someone else keeps: 8 bytes a name (at twice that), whatever its
// length. `name_at(i)` gives the i-th name; names are numbered in the order they are added.
class NameTable {
 public:
  // Room for n names: adding them moves nothing.
  template <typename NameAt>
  void reserve(size_t n, NameAt&& name_at) {
    size_t slots = kLeast;
    while (slots < 2 * n) slots *= 2;
    if (slots > slots_.size()) grow(slots, name_at);
  }

  template <typename NameAt>
  std::optional<size_t> find(std::string_view name, NameAt&& name_at) const {
    if (slots_.empty()) return std::nullopt;
    const uint64_t hash = keyed_hash(name);
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.number == 0) return std::nullopt;
      if (slot.tag == tag(hash) && name_at(slot.number - 1) == name) return slot.number - 1;
    }
  }

  // Adds the next name; false when it is there already. At most 2^32 - 1 names.
  template <typename NameAt>
  bool add(std::string_view name, NameAt&& name_at) {
    if (2 * (size_ + 1) > slots_.size()) reserve(2 * (size_ + 1), name_at);
    const uint64_t hash = keyed_hash(name);
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      Slot& slot = slots_[at];
      if (slot.number == 0) {
        slot = {tag(hash), static_cast<uint32_t>(++size_)};
        return true;
      }
      if (slot.tag == tag(hash) && name_at(slot.number - 1) == name) return false;
    }
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = 0;  // of the name, from 1 on; 0 is a free slot
  };
  static constexpr size_t kLeast = 16;

  size_t mask() const { return slots_.size() - 1; }
  static uint32_t tag(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

  template <typename NameAt>
  void grow(size_t slots, NameAt&& name_at) {
    slots_.assign(slots, Slot());
    for (size_t i = 0; i < size_; ++i) {
      const uint64_t hash = keyed_hash(name_at(i));
      size_t at = hash & mask();
      while (slots_[at].number != 0) at = (at + 1) & mask();
      slots_[at] = {tag(hash), static_cast<uint32_t>(i + 1)};
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace nalar::io
