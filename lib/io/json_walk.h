#pragma once

#include <nalar/json.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace nalar::io {

// What a JSON text is made of, in the order of the text. A function may throw JsonReject to refuse
// the text at this place, or an Error, which passes unchanged.
class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  // null, a boolean, a number or a string.
  virtual void scalar(Json value) = 0;
  virtual void key(std::string name) = 0;
  virtual void begin_object() = 0;
  virtual void begin_array() = 0;
  virtual void end() = 0;  // of the innermost object or array
};

struct JsonReject {
  std::string reason;
};

// Reads strict JSON without building a tree: memory does not grow with the text. Slower than
// parse_json, and knows its place: errors are bad_data "JSON error (at line L, column C): reason".
// Duplicate keys are up to the events.
void walk_json(std::string_view text, const JsonLimits& limits, JsonEvents& events);

// parse_json by walk_json: the one that finds the place of what is wrong, and the slow twin for
// tests.
Json parse_json_slowly(std::string_view text, const JsonLimits& limits);

// Throws bad_data "JSON error (at line L, column C): reason" for the byte at `offset`.
[[noreturn]] void throw_json_error(std::string_view text, size_t offset, std::string_view reason);
// The text without a byte order mark; bad_data over max_bytes.
std::string_view json_text(std::string_view text, const JsonLimits& limits);

}  // namespace nalar::io
