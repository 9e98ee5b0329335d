#include "tokenizer/charsmap.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/utf8.h"

namespace nalar::tokenizer {
namespace {

constexpr int kMaxRulesAlike = 32;  // the array that the sentencepiece library has for them

bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t label(uint32_t unit) { return unit & (1u << 31 | 0xFF); }
uint32_t offset(uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }
uint32_t value(uint32_t unit) { return unit & ~(1u << 31); }

[[noreturn]] void bad(const std::string& what) {
  throw Error(ErrorKind::bad_data, "bad charsmap: " + what);
}

}  // namespace

Charsmap::Charsmap(std::string_view blob) {
  uint32_t trie_bytes = 0;
  if (blob.size() <= sizeof trie_bytes) {
    bad(fmt::format("truncated: got {} bytes, need more than {}", blob.size(), sizeof trie_bytes));
  }
  std::memcpy(&trie_bytes, blob.data(), sizeof trie_bytes);
  const size_t rest = blob.size() - sizeof trie_bytes;
  if (trie_bytes >= rest || trie_bytes % sizeof(uint32_t) != 0 || trie_bytes == 0) {
    bad(fmt::format("trie of {} bytes, need a multiple of 4 below {}", trie_bytes, rest));
  }
  units_.resize(trie_bytes / sizeof(uint32_t));
  std::memcpy(units_.data(), blob.data() + sizeof trie_bytes, trie_bytes);
  replacements_ = blob.substr(sizeof trie_bytes + trie_bytes);
  if (replacements_.back() != '\0') bad("replacements do not end in a zero byte");
  check();
}

// A node's children lie at node ^ byte: all 256 places must be there, because a search looks before
// it knows the label.
void Charsmap::check_node(uint32_t node) const {
  if ((node | 0xFF) >= units_.size()) bad(fmt::format("unit {} out of range", node));
}

// Depth first, zero bytes included: the library follows them too. Equal subtrees are shared, so a
// node may be reached twice, but never from below itself.
void Charsmap::check() {
  struct Visit {
    uint32_t node;
    uint32_t next_byte;
  };
  constexpr int kUnseen = -2, kOpen = -1;
  std::vector<int> rules_below(units_.size(), kUnseen);
  const uint32_t root = offset(units_[0]);
  check_node(root);
  std::vector<Visit> path{{root, 0}};
  rules_below[root] = kOpen;
  std::vector<int> most{0};  // for each node of the path: rules on the longest way down, so far
  while (!path.empty()) {
    Visit& top = path.back();
    if (top.next_byte > 0xFF) {
      rules_below[top.node] = most.back();
      if (most.back() > kMaxRulesAlike)
        bad(fmt::format("more than {} rules begin alike", kMaxRulesAlike));
      path.pop_back();
      most.pop_back();
      continue;
    }
    const uint32_t byte = top.next_byte, at = top.node ^ byte;
    if (label(units_[at]) != byte) {
      ++top.next_byte;
      continue;
    }
    bytes_.set(byte);
    const uint32_t node = at ^ offset(units_[at]);
    check_node(node);
    if (rules_below[node] == kOpen) bad(fmt::format("unit {} leads back to itself", node));
    if (rules_below[node] == kUnseen) {
      rules_below[node] = kOpen;
      path.push_back({node, 0});
      most.push_back(0);
      continue;  // the byte is looked at again when the child is done
    }
    const bool leaf = has_leaf(units_[at]);
    if (leaf && value(units_[node]) >= replacements_.size()) {
      bad(fmt::format("replacement of unit {} out of range", node));
    }
    most.back() = std::max(most.back(), rules_below[node] + (leaf ? 1 : 0));
    ++top.next_byte;
  }
}

std::optional<std::string_view> Charsmap::shortest(std::string_view text) const {
  uint32_t node = offset(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0) return std::nullopt;
    const uint32_t u = units_[node ^ byte];
    if (label(u) != byte) return std::nullopt;
    node ^= byte ^ offset(u);
    if (has_leaf(u)) {
      const std::string_view from = std::string_view(replacements_).substr(value(units_[node]));
      return from.substr(0, from.find('\0'));
    }
  }
  return std::nullopt;
}

bool Charsmap::begins_rule(std::string_view text) const {
  uint32_t node = offset(units_[0]);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const uint32_t u = byte == 0 ? 0 : units_[node ^ byte];
    if (byte == 0 || label(u) != byte) return false;
    node ^= byte ^ offset(u);
  }
  return true;
}

NormalizeStep normalize_charsmap(std::string_view blob) {
  auto map = std::make_shared<const Charsmap>(blob);
  return [map](std::string& text) {
    std::string out;
    out.reserve(text.size());
    const auto append = [&](std::string_view part) {
      const auto to = map->shortest(part);
      out.append(to ? *to : part);
    };
    for (size_t at = 0; at < text.size();) {
      // One grapheme cluster.
      base::Utf8Char c = base::decode_utf8(text, at);
      utf8proc_int32_t state = 0;
      size_t end = at + static_cast<size_t>(c.length);
      while (end < text.size()) {
        const base::Utf8Char next = base::decode_utf8(text, end);
        if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(c.code),
                                             static_cast<utf8proc_int32_t>(next.code), &state)) {
          break;
        }
        c = next;
        end += static_cast<size_t>(next.length);
      }
      const std::string_view cluster = std::string_view(text).substr(at, end - at);
      if (const auto to = cluster.size() < 6 ? map->shortest(cluster) : std::nullopt) {
        out.append(*to);
      } else {
        for (size_t i = 0; i < cluster.size();) {
          const auto length = static_cast<size_t>(base::decode_utf8(cluster, i).length);
          append(cluster.substr(i, length));
          i += length;
        }
      }
      at = end;
    }
    text = std::move(out);
  };
}

}  // namespace nalar::tokenizer
