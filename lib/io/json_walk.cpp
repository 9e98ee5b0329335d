#include "io/json_walk.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/utf8.h"
#include "io/key_set.h"

namespace nalar::io {
namespace {

// Tells how far nlohmann's lexer has read; it takes iterators and reports no place with its events.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// The reason of "[json.exception.parse_error.101] parse error at line 1, column 2: reason".
std::string reason_of(const nlohmann::json::exception& e) {
  const std::string_view text = e.what();
  const size_t place = text.find("column ");
  size_t colon = place == std::string_view::npos ? text.find("] ") : text.find(": ", place);
  if (colon == std::string_view::npos) return std::string(text);
  return base::escaped(text.substr(colon + 2), 300);
}

class Handler {
 public:
  Handler(JsonEvents& events, int max_depth) : events_(events), max_depth_(max_depth) {}

  bool null() { return scalar(Json()); }
  bool boolean(bool v) { return scalar(Json(v)); }
  bool number_integer(int64_t v) { return scalar(Json(v)); }
  bool number_unsigned(uint64_t v) {
    return scalar(v <= uint64_t{INT64_MAX} ? Json(static_cast<int64_t>(v)) : Json(v));
  }
  bool number_float(double v, const std::string&) { return scalar(Json(v)); }
  bool string(std::string& v) { return scalar(Json(std::move(v))); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(size_t) {
    enter();
    events_.begin_object();
    return true;
  }
  bool start_array(size_t) {
    enter();
    events_.begin_array();
    return true;
  }
  bool key(std::string& v) {
    events_.key(std::move(v));
    return true;
  }
  bool end_object() { return leave(); }
  bool end_array() { return leave(); }
  bool parse_error(size_t read, const std::string&, const nlohmann::json::exception& e) {
    // The lexer has read the character it complains about, or the end.
    syntax_error_at_ = read > 0 ? read - 1 : 0;
    throw JsonReject{reason_of(e)};
  }
  std::optional<size_t> syntax_error_at() const { return syntax_error_at_; }

 private:
  bool scalar(Json v) {
    events_.scalar(std::move(v));
    return true;
  }
  void enter() {
    if (++depth_ > max_depth_) throw JsonReject{fmt::format("too deep (limit {})", max_depth_)};
  }
  bool leave() {
    --depth_;
    events_.end();
    return true;
  }

  JsonEvents& events_;
  int max_depth_;
  int depth_ = 0;
  std::optional<size_t> syntax_error_at_;
};

// Builds the tree that parse_json gives.
class Builder final : public JsonEvents {
 public:
  void scalar(Json value) override { add(std::move(value)); }
  void begin_object() override { open(Json(Json::Object{})); }
  void begin_array() override { open(Json(Json::Array{})); }
  void key(std::string name) override {
    Level& level = levels_.back();
    // The set borrows: the names of a growing object move, so it gets its own copy of each.
    level.names.push_back(std::make_unique<std::string>(name));
    if (!level.keys.add(*level.names.back())) {
      throw JsonReject{fmt::format("duplicate key {}", base::escaped(name))};
    }
    level.key = std::move(name);
  }
  void end() override {
    Json done = std::move(levels_.back().value);
    levels_.pop_back();
    add(std::move(done));
  }
  Json take() { return std::move(root_); }

 private:
  struct Level {
    Json value;
    std::string key;
    KeySet keys;
    std::vector<std::unique_ptr<std::string>> names;
  };
  void open(Json empty) { levels_.push_back({std::move(empty), {}, {}, {}}); }
  void add(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (levels_.back().value.is_array()) {
      levels_.back().value.as_array().push_back(std::move(value));
    } else {
      levels_.back().value.as_object().emplace_back(std::move(levels_.back().key),
                                                    std::move(value));
    }
  }

  std::vector<Level> levels_;
  Json root_;
};

}  // namespace

void throw_json_error(std::string_view text, size_t offset, std::string_view reason) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const std::string_view row =
      newline == std::string_view::npos ? before : before.substr(newline + 1);
  // Columns are characters: continuation bytes do not count.
  const auto column = 1 + std::count_if(row.begin(), row.end(), [](char c) {
                        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
                      });
  throw Error(ErrorKind::bad_data,
              fmt::format("JSON error (at line {}, column {}): {}", line, column, reason));
}

std::string_view json_text(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw Error(ErrorKind::bad_data,
                fmt::format("JSON too large: {} bytes, limit {}", text.size(), limits.max_bytes));
  }
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  if (text.substr(0, kBom.size()) != kBom) return text;
  text.remove_prefix(kBom.size());
  // nlohmann would skip a second one.
  if (text.substr(0, kBom.size()) == kBom) throw_json_error(text, 0, "unexpected byte order mark");
  return text;
}

void walk_json(std::string_view whole, const JsonLimits& limits, JsonEvents& events) {
  const std::string_view text = json_text(whole, limits);
  // nlohmann takes a NUL for the end of the text.
  const std::string_view part = text.substr(0, text.find('\0'));
  const char* reached = part.data();
  Handler handler(events, limits.max_depth);
  try {
    nlohmann::json::sax_parse(CountingIterator(part.data(), &reached),
                              CountingIterator(part.data() + part.size(), &reached), &handler);
  } catch (const JsonReject& reject) {
    const auto read = static_cast<size_t>(reached - part.data());
    const size_t at = handler.syntax_error_at().value_or(read > 0 ? read - 1 : 0);
    if (at == part.size() && at < text.size()) throw_json_error(text, at, "unexpected NUL byte");
    throw_json_error(text, at, reject.reason);
  }
  if (part.size() < text.size()) throw_json_error(text, part.size(), "unexpected NUL byte");
}

Json parse_json_slowly(std::string_view text, const JsonLimits& limits) {
  Builder builder;
  walk_json(text, limits, builder);
  return builder.take();
}

}  // namespace nalar::io
