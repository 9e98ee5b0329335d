#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/row.h"

namespace nalar::data {

// "prompt=text,completion=category": fields of ours and where a file has them.
class Columns {
 public:
  Columns() = default;
  // Errors: usage: not of that form, an unknown field of ours, one given twice.
  explicit Columns(std::string_view text);

  bool empty() const { return sources_.empty(); }
  // Whether all sources are numbers: a table's columns counted from 1, its first line a row.
  bool counted() const { return counted_; }
  // The row with its fields renamed. Errors: bad_data: a source that the row does not have.
  Json rename(Json fields) const;
  // Errors: as rename(), for the header of a table.
  void check(const std::vector<std::string>& header) const;

 private:
  std::vector<std::pair<std::string, std::string>> sources_;  // ours, the file's
  bool counted_ = false;
};

// "a, b, c": for messages, escaped, cut short.
std::string field_list(const Json& fields);

}  // namespace nalar::data
