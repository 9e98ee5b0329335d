#include "eval/shots.h"

#include <fmt/format.h>
#include <nalar/error.h>

namespace nalar::eval {

ShotChooser::ShotChooser(Pool pool, int shots, bool first_n)
    : pool_(pool), shots_(shots), first_n_(first_n) {
  const size_t need = static_cast<size_t>(shots) + (pool.own ? 1 : 0);
  if (shots > 0 && pool.rows->size() < need) {
    throw Error(ErrorKind::bad_data, fmt::format("too few rows for {} shots: got {}, need {}",
                                                 shots, pool.rows->size(), need));
  }
}

bool ShotChooser::is_item(size_t row, const Json& item) const {
  // Equal rows count as the item, wherever they stand.
  return pool_.own && to_text((*pool_.rows)[row].fields) == to_text(item);
}

std::vector<size_t> ShotChooser::next(const Json& item) {
  if (shots_ == 0) return {};
  return first_n_ ? first(item) : drawn(item);
}

std::vector<size_t> ShotChooser::first(const Json& item) const {
  std::vector<size_t> out;
  for (size_t r = 0; r < pool_.rows->size() && out.size() < static_cast<size_t>(shots_); ++r) {
    if (!is_item(r, item)) out.push_back(r);
  }
  return out;
}

std::vector<size_t> ShotChooser::drawn(const Json& item) {
  const auto n = static_cast<int64_t>(pool_.rows->size());
  const auto wanted = static_cast<size_t>(shots_);
  std::vector<size_t> out;
  // One more than is needed, since the item may be among them.
  for (const int64_t r : random_.sample(n, shots_ + (pool_.own ? 1 : 0))) {
    const auto row = static_cast<size_t>(r);
    if (out.size() < wanted && !is_item(row, item)) out.push_back(row);
  }
  if (out.size() == wanted) return out;
  // Several rows are equal to the item: again, without any of them.
  std::vector<size_t> others;
  for (size_t r = 0; r < pool_.rows->size(); ++r) {
    if (!is_item(r, item)) others.push_back(r);
  }
  if (others.size() < wanted) {
    throw Error(ErrorKind::bad_data,
                fmt::format("too few rows for {} shots: got {} others", shots_, others.size()));
  }
  out.clear();
  for (const int64_t i : random_.sample(static_cast<int64_t>(others.size()), shots_)) {
    out.push_back(others[static_cast<size_t>(i)]);
  }
  return out;
}

}  // namespace nalar::eval
