#pragma once

#include <cstdint>
#include <vector>

#include "eval/python_random.h"
#include "eval/rows.h"

namespace nalar::eval {

// Chooses the examples that stand before an item, as lm-evaluation-harness does. Its random sampler
// runs on from item to item: items must come in order. Borrows the rows.
class ShotChooser {
 public:
  // `own`: the rows are the items' own, so that an item must not be its own example.
  struct Pool {
    const std::vector<Row>* rows = nullptr;
    bool own = false;
  };
  // Errors: bad_data when there are too few rows.
  ShotChooser(Pool pool, int shots, bool first_n);

  // Indices of rows.
  std::vector<size_t> next(const Json& item);

 private:
  std::vector<size_t> first(const Json& item) const;
  std::vector<size_t> drawn(const Json& item);
  bool is_item(size_t row, const Json& item) const;

  Pool pool_;
  int shots_;
  bool first_n_;
  PythonRandom random_{1234};
};

}  // namespace nalar::eval
