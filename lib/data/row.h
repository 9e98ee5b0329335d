#pragma once

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace nalar::data {

// A row of a file before its format is known.
struct Row {
  Json fields;                   // an object; null where there is a problem
  int64_t line = 0;              // where it begins, from 1 (JSON arrays: the element, from 1)
  std::optional<Error> problem;  // why this row could not be read, without its place
};
using RowSink = std::function<void(Row&&)>;

// "field K: …"
[[noreturn]] inline void bad_field(std::string_view field, std::string_view problem,
                                   std::string hint = {}) {
  throw Error(ErrorKind::bad_data, fmt::format("field {}: {}", field, problem), std::move(hint));
}

}  // namespace nalar::data
