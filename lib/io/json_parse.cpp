#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>
#include <simdjson.h>

#include "base/utf8.h"
#include "io/json_walk.h"
#include "io/key_set.h"

namespace nalar {
namespace {

namespace dom = simdjson::dom;

// Thrown where the tree holds what simdjson accepts and we do not; the slow parser then finds the
// place.
struct NotStrict {};

std::string_view strict(std::string_view text) {
  // A lone low surrogate comes through simdjson 3.0 as three bytes from 0xED on.
  if (text.find('\xED') != std::string_view::npos && !base::is_valid_utf8(text)) throw NotStrict{};
  return text;
}

Json to_json(const dom::element& element, int depth_left);

Json to_json(const dom::array& array, int depth_left) {
  if (depth_left == 0) throw NotStrict{};
  Json::Array out;
  out.reserve(array.size());
  for (const dom::element item : array) out.push_back(to_json(item, depth_left - 1));
  return Json(std::move(out));
}

Json to_json(const dom::object& object, int depth_left) {
  if (depth_left == 0) throw NotStrict{};
  Json::Object out;
  out.reserve(object.size());
  io::KeySet keys;
  for (const dom::key_value_pair member : object) {
    if (!keys.add(strict(member.key))) throw NotStrict{};
    out.emplace_back(std::string(member.key), to_json(member.value, depth_left - 1));
  }
  return Json(std::move(out));
}

Json to_json(const dom::element& element, int depth_left) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      return to_json(dom::array(element), depth_left);
    case dom::element_type::OBJECT:
      return to_json(dom::object(element), depth_left);
    case dom::element_type::INT64:
      return Json(int64_t(element));
    case dom::element_type::UINT64:
      return Json(uint64_t(element));
    case dom::element_type::DOUBLE:
      return Json(double(element));
    case dom::element_type::STRING:
      return Json(strict(std::string_view(element)));
    case dom::element_type::BOOL:
      return Json(bool(element));
    case dom::element_type::NULL_VALUE:
      return Json();
  }
  throw Error(ErrorKind::internal, "JSON element of no kind");
}

}  // namespace

Json parse_json(std::string_view text, const JsonLimits& limits) {
  const std::string_view body = io::json_text(text, limits);
  if (body.empty()) io::throw_json_error(body, 0, "empty text");
  dom::parser parser;
  dom::element root;
  // One level more than allowed: to_json holds the limit exactly.
  auto error = parser.allocate(body.size(), static_cast<size_t>(limits.max_depth) + 2);
  if (error == simdjson::MEMALLOC) throw Error(ErrorKind::os, "no memory for a JSON text");
  if (!error) error = parser.parse(body.data(), body.size()).get(root);
  if (!error) {
    try {
      return to_json(root, limits.max_depth);
    } catch (const NotStrict&) {
      error = simdjson::TAPE_ERROR;
    }
  }
  // Finds the place and throws; or reads the one thing that is right though simdjson refuses it: an
  // integer beyond 64 bits, which is a double here.
  Json value = io::parse_json_slowly(body, limits);
  if (error == simdjson::NUMBER_ERROR) return value;
  throw Error(ErrorKind::bad_data, fmt::format("JSON error: {}", simdjson::error_message(error)));
}

}  // namespace nalar
