#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nalar/export.h>

namespace nalar {

// A JSON value; objects keep the order of the file. Numbers keep their kind: an integer that fits
// int64 or uint64 stays one, anything else is a double.
class NALAR_API Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;
  enum class Kind { null, boolean, integer, unsigned_integer, number, string, array, object };

  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool v) : value_(v) {}
  Json(int v) : value_(int64_t{v}) {}
  Json(int64_t v) : value_(v) {}
  Json(uint64_t v) : value_(v) {}
  Json(double v) : value_(v) {}
  Json(const char* v) : value_(std::string(v)) {}
  Json(std::string v) : value_(std::move(v)) {}
  Json(std::string_view v) : value_(std::string(v)) {}
  Json(Array v) : value_(std::move(v)) {}
  Json(Object v) : value_(std::move(v)) {}

  Kind kind() const { return static_cast<Kind>(value_.index()); }
  bool is_null() const { return kind() == Kind::null; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_integer() const { return kind() == Kind::integer || kind() == Kind::unsigned_integer; }
  bool is_number() const { return is_integer() || kind() == Kind::number; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_array() const { return kind() == Kind::array; }
  bool is_object() const { return kind() == Kind::object; }

  // REQUIRES the kind; a wrong one throws Error(internal). Callers check and name the key themselves.
  bool as_bool() const;
  int64_t as_int64() const;    // bad_data when an unsigned value does not fit
  uint64_t as_uint64() const;  // bad_data when a negative value does not fit
  double as_double() const;    // of any number
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;
  Array& as_array();
  Object& as_object();

  // The member, or nullptr when there is none or this is no object.
  const Json* find(std::string_view key) const;
  // Appends, or replaces the member of that name. REQUIRES an object (or null, which becomes one).
  void set(std::string key, Json value);

  // "integer", "string", …: for messages.
  std::string_view kind_name() const;

 private:
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

struct JsonLimits {
  size_t max_bytes = size_t{16} << 20;
  int max_depth = 64;
};

// Strict RFC 8259 in UTF-8 (a BOM is accepted): duplicate keys, lone surrogates, NaN, comments and trailing commas
// are errors (bad_data) that name line and column.
NALAR_API Json parse_json(std::string_view text, const JsonLimits& limits = {});
// One line, valid UTF-8 (bytes that are none become U+FFFD), floats in shortest round-trip form;
// a float that is not finite becomes null. `indent` ≥ 0 writes several lines.
NALAR_API std::string to_text(const Json& value, int indent = -1);

}  // namespace nalar
