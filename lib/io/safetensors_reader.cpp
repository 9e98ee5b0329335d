#include "io/safetensors_reader.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/byte_reader.h"
#include "base/checked.h"
#include "base/utf8.h"
#include "io/json_walk.h"
#include "io/key_set.h"
#include "io/names.h"

namespace nalar::io {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxName = 1024;
constexpr size_t kMaxDimensions = 16;
constexpr size_t kMaxTensors = 1'000'000;

[[noreturn]] void bad(std::string_view tensor, const std::string& what) {
  throw Error(ErrorKind::bad_data, fmt::format("tensor {}{}", base::escaped(tensor), what));
}

DType dtype_of(std::string_view word, std::string_view tensor) {
  constexpr std::array kOurs = {DType::f64,     DType::f32,     DType::f16,    DType::bf16,
                                DType::i64,     DType::i32,     DType::i16,    DType::i8,
                                DType::u64,     DType::u32,     DType::u16,    DType::u8,
                                DType::boolean, DType::f8_e4m3, DType::f8_e5m2};
  for (const DType type : kOurs) {
    if (name(type) == word) return type;
  }
  for (const std::string_view known :
       {"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"}) {
    if (word == known) bad(tensor, fmt::format(" has dtype {}, which is not supported", word));
  }
  bad(tensor, fmt::format(": unknown dtype {}", base::escaped(word)));
}

// data_offsets
struct Place {
  uint64_t begin = 0;
  uint64_t end = 0;
};

// The header: { NAME: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
// "__metadata__": {KEY: TEXT, …} }, its members in any order.
class Header final : public JsonEvents {
 public:
  explicit Header(SafetensorsFile& file) : file_(file) {}

  // Of file.tensors, which have no bytes yet.
  std::vector<Place> take_places() { return std::move(places_); }

  void key(std::string name) override {
    if (depth_ == 1) return start_member(std::move(name));
    if (in_metadata_) {
      metadata_names_.push_back(name);
      if (!metadata_keys_.add(metadata_names_.back())) duplicate(name);
      file_.metadata.emplace_back(std::move(name), std::string());
      return;
    }
    start_field(name);
  }

  void begin_object() override {
    if (depth_ >= 2) misplaced("an object");
    ++depth_;
  }

  void begin_array() override {
    if (depth_ == 0) throw JsonReject{"header must be one JSON object"};
    if (depth_ != 2 || in_metadata_ || field_ == kDtype) misplaced("an array");
    ++depth_;
  }

  void end() override {
    --depth_;
    if (depth_ == 2 && field_ == kOffsets && n_offsets_ != 2) {
      bad(tensor().name, ": bad offsets: need two");
    }
    if (depth_ == 1 && in_metadata_) {
      in_metadata_ = false;
    } else if (depth_ == 1) {
      end_entry();
    }
  }

  void scalar(Json value) override {
    if (depth_ == 0) throw JsonReject{"header must be one JSON object"};
    if (depth_ == 2 && in_metadata_) return metadata_value(std::move(value));
    if (depth_ == 1 || field_ == kNone) misplaced(value.kind_name());
    if (depth_ == 3) return number(value);
    if (field_ != kDtype) misplaced(value.kind_name());
    if (!value.is_string()) bad(tensor().name, ": unknown dtype: need a string");
    tensor().dtype = dtype_of(value.as_string(), tensor().name);
  }

 private:
  enum Field : unsigned { kNone = 0, kDtype = 1, kShape = 2, kOffsets = 4, kAll = 7 };

  TensorView& tensor() { return file_.tensors.back(); }
  Place& place() { return places_.back(); }

  [[noreturn]] static void duplicate(std::string_view key) {
    throw JsonReject{fmt::format("duplicate key {}", base::escaped(key))};
  }

  [[noreturn]] void misplaced(std::string_view got) {
    if (in_metadata_) throw metadata_error(got);
    if (depth_ == 1) throw JsonReject{fmt::format("header entry must be an object, got {}", got)};
    switch (field_) {
      case kDtype:
        bad(tensor().name, fmt::format(": unknown dtype: got {}, need a string", got));
      case kShape:
        bad(tensor().name, fmt::format(": bad shape: got {}", got));
      case kOffsets:
        bad(tensor().name, fmt::format(": bad offsets: got {}", got));
      default:
        throw JsonReject{fmt::format("unexpected {}", got)};
    }
  }

  static Error metadata_error(std::string_view got) {
    return Error(ErrorKind::bad_data,
                 fmt::format("key __metadata__: metadata values must be strings, got {}", got));
  }

  void metadata_value(Json value) {
    if (!value.is_string()) throw metadata_error(value.kind_name());
    file_.metadata.back().second = value.as_string();
  }

  void start_member(std::string name) {
    if (name == "__metadata__") {
      if (seen_metadata_) duplicate(name);
      seen_metadata_ = in_metadata_ = true;
      return;
    }
    if (name.size() > kMaxName || !is_printable_name(name)) {
      throw Error(ErrorKind::bad_data, fmt::format("bad tensor name \"{}\" ({} bytes)",
                                                   base::escaped(name), name.size()));
    }
    if (places_.size() == kMaxTensors) {
      throw Error(ErrorKind::bad_data, fmt::format("too many tensors (limit {})", kMaxTensors));
    }
    file_.names.push_back(std::move(name));
    if (!tensor_names_.add(file_.names.back())) duplicate(file_.names.back());
    file_.tensors.emplace_back();
    places_.emplace_back();
    tensor().name = file_.names.back();
    seen_ = kNone;
    field_ = kNone;
  }

  void start_field(std::string_view name) {
    field_ = name == "dtype" ? kDtype : name == "shape" ? kShape : kOffsets;
    if (field_ == kOffsets && name != "data_offsets") {
      bad(tensor().name, fmt::format(": entry has unknown key {}", base::escaped(name)));
    }
    if ((seen_ & field_) != 0) duplicate(name);
    seen_ |= field_;
    n_offsets_ = 0;
  }

  void number(const Json& value) {
    const bool natural = value.kind() == Json::Kind::integer && value.as_int64() >= 0;
    if (field_ == kShape) {
      if (!natural) bad(tensor().name, ": bad shape: need integers from 0 to 2^63-1");
      if (tensor().shape.size() == kMaxDimensions) {
        bad(tensor().name, fmt::format(": bad shape: more than {} dimensions", kMaxDimensions));
      }
      tensor().shape.push_back(value.as_int64());
      return;
    }
    if (!natural) bad(tensor().name, ": bad offsets: need integers from 0 to 2^63-1");
    if (++n_offsets_ > 2) bad(tensor().name, ": bad offsets: need two");
    (n_offsets_ == 1 ? place().begin : place().end) = static_cast<uint64_t>(value.as_int64());
  }

  void end_entry() {
    for (const auto& [field, key] : {std::pair{kDtype, "dtype"}, std::pair{kShape, "shape"},
                                     std::pair{kOffsets, "data_offsets"}}) {
      if ((seen_ & field) == 0) bad(tensor().name, fmt::format(": entry lacks key {}", key));
    }
  }

  SafetensorsFile& file_;
  std::vector<Place> places_;
  KeySet tensor_names_;
  KeySet metadata_keys_;
  std::deque<std::string> metadata_names_;
  int depth_ = 0;
  bool in_metadata_ = false;
  bool seen_metadata_ = false;
  Field field_ = kNone;
  unsigned seen_ = 0;
  int n_offsets_ = 0;
};

std::string_view header_text(base::ByteReader& reader) {
  if (reader.remaining() < sizeof(uint64_t)) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("not a safetensors file: header too small ({} bytes)", reader.remaining()));
  }
  const auto length = reader.read<uint64_t>("header length");
  if (length > kMaxHeader) {
    throw Error(ErrorKind::bad_data, fmt::format("header too large (at byte 0): {} bytes, limit {}",
                                                 length, kMaxHeader));
  }
  if (length > reader.remaining()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("header exceeds file (at byte 0): {} bytes, {} remain", length,
                            reader.remaining()));
  }
  if (length < 2) {
    throw Error(ErrorKind::bad_data, fmt::format("empty header (at byte 0): {} bytes", length));
  }
  const auto bytes = reader.take(length, "header");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!base::is_valid_utf8(text)) throw Error(ErrorKind::bad_data, "header is not UTF-8");
  if (text.front() != '{') {
    throw Error(ErrorKind::bad_data,
                fmt::format("header must be one JSON object (at byte 8): starts "
                            "with \"{}\"",
                            base::escaped(text.substr(0, 1))));
  }
  return text;
}

void check_size(const TensorView& view, const Place& place) {
  if (place.begin > place.end) {
    bad(view.name, fmt::format(": bad offsets: begin {} > end {}", place.begin, place.end));
  }
  // Zero dimensions count as one: the product of the others must fit as well.
  std::optional<uint64_t> product = 1;
  for (const int64_t d : view.shape) {
    product = base::checked_mul(*product, static_cast<uint64_t>(std::max<int64_t>(d, 1)));
    if (!product || *product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      bad(view.name, fmt::format(": bad shape {}: size overflows", shape_text(view.shape)));
    }
  }
  const auto bytes = base::checked_mul(static_cast<uint64_t>(view.elements()),
                                       static_cast<uint64_t>(block_size(view.dtype).bytes));
  if (!bytes) bad(view.name, fmt::format(": bad shape {}: size overflows", shape_text(view.shape)));
  if (*bytes != place.end - place.begin) {
    bad(view.name, fmt::format(": shape {} of {} needs {} bytes, has {}", shape_text(view.shape),
                               name(view.dtype), *bytes, place.end - place.begin));
  }
}

void sort_by_data(std::vector<TensorView>& tensors, std::vector<Place>& places) {
  const auto earlier = [](const Place& a, const Place& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  };
  if (std::is_sorted(places.begin(), places.end(), earlier)) return;
  std::vector<size_t> order(places.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return earlier(places[a], places[b]); });
  std::vector<TensorView> sorted;
  sorted.reserve(tensors.size());
  std::vector<Place> sorted_places;
  sorted_places.reserve(places.size());
  for (const size_t i : order) {
    sorted.push_back(std::move(tensors[i]));
    sorted_places.push_back(places[i]);
  }
  tensors = std::move(sorted);
  places = std::move(sorted_places);
}

}  // namespace

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes) {
  base::ByteReader reader(bytes);
  SafetensorsFile file;
  Header header(file);
  walk_json(header_text(reader), {kMaxHeader, 64}, header);
  std::vector<Place> places = header.take_places();
  sort_by_data(file.tensors, places);
  const auto data = bytes.subspan(reader.offset());
  uint64_t at = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    TensorView& view = file.tensors[i];
    check_size(view, places[i]);
    if (places[i].begin != at) {
      bad(view.name, fmt::format(": bad offsets: begins at {}, need {}", places[i].begin, at));
    }
    at = places[i].end;
    if (at <= data.size()) view.bytes = data.subspan(places[i].begin, at - places[i].begin);
  }
  if (at > data.size()) {
    throw Error(ErrorKind::bad_data, fmt::format("truncated: {} bytes missing (at byte {})",
                                                 at - data.size(), bytes.size()));
  }
  if (at < data.size()) {
    throw Error(ErrorKind::bad_data, fmt::format("file has {} unindexed bytes (at byte {})",
                                                 data.size() - at, reader.offset() + at));
  }
  return file;
}

}  // namespace nalar::io
