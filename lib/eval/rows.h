#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::eval {

// A row of a data file: its fields by name.
struct Row {
  Json fields;       // an object
  int64_t line = 0;  // where it begins, from 1; of a .json file: which row, from 1
};

struct Rows {
  std::string path;
  std::vector<Row> rows;
  std::string sha256;  // of the file
  bool table = false;  // a .csv or .tsv file, whose cells are texts

  // "line 3", or "row 3" of a .json file: for messages.
  std::string place(const Row& row) const;
};

// Reads what finetune reads: .jsonl, .json, .csv, .tsv, .txt. `columns` names the columns of a .csv
// or .tsv without a header line. Errors: no_input; bad_data "FILE: line L: …".
Rows read_rows(const std::string& path, const std::vector<std::string>& columns = {});

// A table's column that holds integers alone becomes one of integers: the readers that
// lm-evaluation-harness uses know no other.
void take_integers(std::string_view column, Rows& rows);

}  // namespace nalar::eval
