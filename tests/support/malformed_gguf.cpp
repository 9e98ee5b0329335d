#include <fmt/format.h>

#include "support/gguf_builder.h"
#include "support/malformed.h"
#include "support/tiny_llama.h"

namespace nalar::test {
namespace {

constexpr uint64_t k2to63 = uint64_t{1} << 63;
constexpr uint64_t kMax = ~uint64_t{0};

class Gguf {
 public:
  explicit Gguf(const MalformedSink& sink) : sink_(sink) {}

  void header();
  void keys();
  void key_types();
  void alignment();
  void tensor_names();
  void shapes();
  void overflows();
  void offsets();
  void split_sets();

 private:
  void emit(int row, const std::string& what, std::string bytes, const std::string& message,
            int code = 65) {
    Malformed bad;
    bad.row = row;
    bad.name = fmt::format("{:03}-gguf-{}", row, what);
    bad.target = "model.gguf";
    bad.items.push_back({Malformed::Kind::file, bad.target, std::move(bytes), 0});
    bad.code = code;
    bad.message = message;
    sink_(bad);
  }

  // A key of raw bytes after the right ones.
  void with_key(int row, const std::string& what, GgufBuilder::Key key,
                const std::string& message) {
    GgufBuilder b = tiny_llama();
    b.keys.push_back(std::move(key));
    emit(row, what, b.bytes(), message);
  }

  // A tensor after the right ones.
  void with_tensor(int row, const std::string& what, GgufBuilder::Tensor tensor,
                   const std::string& message, int code = 65) {
    GgufBuilder b = tiny_llama();
    b.tensors.push_back(std::move(tensor));
    emit(row, what, b.bytes(), message, code);
  }

  static GgufBuilder::Tensor tensor(std::vector<uint64_t> dimensions, uint32_t type,
                                    std::string data) {
    GgufBuilder::Tensor t;
    t.name = "extra.weight";
    t.dimensions = std::move(dimensions);
    t.type = type;
    t.data = std::move(data);
    return t;
  }

  static std::string u32(uint32_t v) {
    std::string s;
    append(s, v);
    return s;
  }
  static std::string u64(uint64_t v) {
    std::string s;
    append(s, v);
    return s;
  }

  const MalformedSink& sink_;
};

void Gguf::header() {
  for (const size_t n : {0u, 1u, 2u, 3u}) {
    emit(1, fmt::format("{}-bytes", n), std::string("GGUF").substr(0, n), "too short");
  }
  for (const auto& [what, magic] :
       {std::pair{"ggml", std::string("ggml")}, std::pair{"lower", std::string("gguf")},
        std::pair{"control", std::string("\x1b[2J")}, std::pair{"nul", std::string(4, '\0')}}) {
    GgufBuilder b = tiny_llama();
    b.magic = magic;
    emit(2, fmt::format("magic-{}", what), b.bytes(), "bad magic .*got( [0-9a-f]{2}){4}, need 47");
  }
  for (const uint32_t version : {0u, 1u, 4u, 1u << 31}) {
    GgufBuilder b = tiny_llama();
    b.version = version;
    emit(3, fmt::format("version-{}", version), b.bytes(),
         fmt::format("version {} unsupported \\(2\\.\\.3\\)", version));
  }
  for (const uint32_t version : {2u, 3u}) {
    GgufBuilder b = tiny_llama();
    b.version = version << 24;
    emit(4, fmt::format("big-endian-{}", version), b.bytes(), "big-endian GGUF is not supported");
  }
  // Every length is tried by the sweep; these are some for the program itself.
  const std::string whole = tiny_llama().bytes();
  const size_t end = tiny_llama().header().size();
  for (size_t cut = 4; cut < end; cut += cut < 64 ? 3 : 151) {
    emit(5, fmt::format("cut-{}", cut), whole.substr(0, cut),
         "truncated|exceeds|can hold at most|does not fit|too short");
  }
  for (const uint64_t n : {k2to63, kMax, uint64_t{1} << 40}) {
    GgufBuilder b = small_gguf();
    b.n_tensors = n;
    emit(6, fmt::format("tensors-{}", n), b.bytes(),
         fmt::format("declares {} tensors, file can hold at most", n));
    b.n_tensors.reset();
    b.n_keys = n;
    emit(7, fmt::format("keys-{}", n), b.bytes(),
         fmt::format("declares {} keys, file can hold at most", n));
  }
}

void Gguf::keys() {
  const auto key = [](std::string name, uint32_t type, std::string payload) {
    GgufBuilder::Key k;
    k.name = std::move(name);
    k.type = type;
    k.payload = std::move(payload);
    return k;
  };
  const size_t size = tiny_llama().bytes().size();
  for (const uint64_t n : {kMax, k2to63, uint64_t{size} + 1}) {
    GgufBuilder::Key k = key("a", 0, "x");
    k.name_length = n;
    with_key(8, fmt::format("key-length-{}", n), k,
             fmt::format("key length {} exceeds remaining [0-9]+ bytes", n));
  }
  with_key(9, "empty-key", key("", 0, "x"), "invalid key name");
  with_key(9, "nul-in-key", key(std::string("a\0b", 3), 0, "x"), "invalid key name .*a\\\\x00b");
  with_key(9, "esc-in-key", key("a\x1b[2J", 0, "x"), "invalid key name .*a\\\\x1b\\[2J");
  with_key(9, "key-not-utf8", key("a\xff", 0, "x"), "invalid key name .*a\\\\xff");
  with_key(10, "duplicate-key", key("general.architecture", 0, "x"),
           "duplicate key general\\.architecture");
  for (const uint32_t type : {13u, 255u, 1u << 31}) {
    with_key(11, fmt::format("type-{}", type), key("odd", type, "x"),
             fmt::format("unknown value type {} for key odd", type));
    with_key(11, fmt::format("element-type-{}", type), key("odd", 9, u32(type) + u64(0)),
             fmt::format("unknown value type {} for key odd", type));
  }
  for (const int depth : {1, 2, 100'000}) {
    std::string payload;
    for (int i = 0; i < depth; ++i) payload += u32(9) + u64(1);
    with_key(12, fmt::format("nested-{}", depth), key("deep", 9, payload + u32(0) + u64(0)),
             "key deep: nested arrays are not supported");
  }
}

void Gguf::key_types() {
  const auto array = [](uint32_t type, uint64_t n, std::string items) {
    GgufBuilder::Key k;
    k.name = "list";
    k.type = 9;
    k.payload = u32(type) + u64(n) + items;
    return k;
  };
  const size_t size = tiny_llama().bytes().size();
  for (const uint64_t n : {kMax, uint64_t{1} << 61, uint64_t{size}}) {
    for (const uint32_t type : {8u, 10u}) {
      with_key(13, fmt::format("array-of-{}-{}", type, n), array(type, n, u64(0)),
               fmt::format("key list: array of {} elements does not fit", n));
    }
  }
  for (const uint64_t n : {kMax, uint64_t{size} + 1}) {
    with_key(14, fmt::format("second-string-{}", n), array(8, 2, u64(1) + "a" + u64(n)),
             "string 1 of key list exceeds file");
    GgufBuilder::Key k;
    k.name = "text";
    k.type = 8;
    k.payload = u64(n);
    with_key(14, fmt::format("string-{}", n), k, "string of key text length [0-9]+ exceeds");
  }
  for (const char byte : {'\x02', '\xff'}) {
    GgufBuilder::Key k;
    k.name = "flag";
    k.type = 7;
    k.payload = std::string(1, byte);
    const int shown = static_cast<unsigned char>(byte);
    with_key(15, fmt::format("bool-{}", shown), k,
             fmt::format("invalid boolean in key flag .*got {}", shown));
    with_key(15, fmt::format("bools-{}", shown), array(7, 2, std::string(1, '\x01') + byte),
             fmt::format("invalid boolean in key list .*got {}", shown));
  }
}

void Gguf::alignment() {
  const std::string message = "general\\.alignment must be a u32 power of two";
  for (const uint32_t n : {0u, 1u, 3u, 24u, 1u << 31}) {
    GgufBuilder b = tiny_llama();
    emit(17, fmt::format("alignment-{}", n), b.number<uint32_t>("general.alignment", n).bytes(),
         message);
  }
  GgufBuilder b = tiny_llama();
  emit(17, "alignment-i32", b.number<int32_t>("general.alignment", 32).bytes(), message);
  b = tiny_llama();
  emit(17, "alignment-string", b.text("general.alignment", "32").bytes(), message);
}

void Gguf::tensor_names() {
  for (const auto& [what, name] :
       {std::pair{"long", std::string(256, 'n')}, std::pair{"nul", std::string("a\0b", 3)},
        std::pair{"newline", std::string("a\nb")}, std::pair{"empty", std::string()},
        std::pair{"not-utf8", std::string("a\xc0")}}) {
    GgufBuilder::Tensor t = tensor({4}, 0, std::string(16, '\0'));
    t.name = name;
    with_tensor(18, fmt::format("name-{}", what), t, "bad tensor name");
  }
  GgufBuilder::Tensor t = tensor({4}, 0, std::string(16, '\0'));
  t.name = "output_norm.weight";
  with_tensor(19, "duplicate-tensor", t, "duplicate tensor output_norm\\.weight");
  GgufBuilder many;
  many.text("general.architecture", "llama").align(8);
  for (int i = 0; i < 1'000'000; ++i) many.tensor(std::to_string(i), {1}, 24, "x");
  emit(19, "million-tensors", many.bytes(), "", 0);
  many.tensor("one more", {1}, 24, "x");
  emit(19, "million-tensors-and-one", many.bytes(), "can hold at most 1000000");
}

void Gguf::shapes() {
  for (const uint32_t n : {5u, ~0u}) {
    GgufBuilder::Tensor t = tensor({1, 1, 1, 1, 1}, 0, std::string(4, '\0'));
    t.n_dimensions = n;
    with_tensor(20, fmt::format("dimensions-{}", n), t,
                fmt::format("extra\\.weight has {} dimensions, at most 4", n));
  }
  with_tensor(21, "zero-dimension", tensor({32, 0}, 0, ""), "", 0);
  with_tensor(21, "zero-first-dimension", tensor({0, 1u << 31, 1u << 31}, 1, ""), "", 0);
  for (const uint32_t type : {4u, 5u, 31u, 36u}) {
    with_tensor(24, fmt::format("removed-type-{}", type), tensor({32}, type, std::string(18, '\0')),
                fmt::format("extra\\.weight has type {}, removed", type));
  }
  for (const uint32_t type : {41u, 255u, ~0u}) {
    with_tensor(24, fmt::format("unknown-type-{}", type), tensor({32}, type, std::string(18, '\0')),
                fmt::format("extra\\.weight has unknown type {}", type));
  }
  with_tensor(24, "unsupported-type", tensor({256}, 16, std::string(66, '\0')),
              "extra\\.weight has type IQ2_XXS, which is not supported");
  for (const uint64_t columns : {1u, 128u, 255u, 257u}) {
    with_tensor(25, fmt::format("row-{}", columns),
                tensor({columns, 256}, 12, std::string(144, '\0')),
                fmt::format("row of {} is not a multiple of 256", columns));
  }
}

void Gguf::overflows() {
  const std::string message = "extra\\.weight size overflows";
  const uint64_t half = k2to63 - 1;
  const std::vector<std::pair<std::vector<uint64_t>, uint32_t>> shapes = {
      {{k2to63}, 24},        {{kMax}, 24}, {{(uint64_t{1} << 42) + 1, 1u << 22}, 0},
      {{half, 2, 1, 1}, 24}, {{half}, 28}, {{uint64_t{1} << 32, uint64_t{1} << 32}, 0},
      {{0, half, half}, 24}, {{half}, 24}, {{1u << 31, 1u << 31, 1u << 31, 1u << 31}, 1}};
  int n = 0;
  for (const auto& [dimensions, type] : shapes) {
    with_tensor(23, fmt::format("overflow-{}", n++), tensor(dimensions, type, ""), message);
  }
  // 2^64 - 4 bytes: only the padding wraps.
  with_tensor(28, "padding-wraps", tensor({kMax / 4}, 0, ""), message);
}

void Gguf::offsets() {
  const uint64_t right =
      tiny_llama().bytes().size() - (tiny_llama().header().size() + 31) / 32 * 32;
  for (const auto& [what, offset] :
       {std::pair{"misaligned", right + 1}, std::pair{"overlap", right - 32},
        std::pair{"gap", right + 32}, std::pair{"far", right + (uint64_t{1} << 40)},
        std::pair{"wraps", kMax - 31}, std::pair{"before", uint64_t{0}}}) {
    GgufBuilder::Tensor t = tensor({8}, 0, std::string(32, '\0'));
    t.offset = offset;
    with_tensor(26, fmt::format("offset-{}", what), t,
                "extra\\.weight: bad offset: got [0-9]+, need");
  }
  GgufBuilder swapped = tiny_llama();
  std::swap(swapped.tensors[2], swapped.tensors[3]);
  swapped.tensors[2].offset = right - 128;
  emit(26, "out-of-order", swapped.bytes(), "bad offset");
  with_tensor(27, "past-end-by-1", tensor({33}, 24, std::string(32, '\0')),
              "extra\\.weight ends past end of file: file truncated, 1 bytes missing");
  with_tensor(27, "past-end-by-2^40", tensor({uint64_t{1} << 40}, 24, ""),
              "extra\\.weight ends past end of file: file truncated, [0-9]+ bytes missing");
  std::string cut = tiny_llama().bytes();
  cut.pop_back();
  emit(29, "short-by-1", cut,
       "output_norm\\.weight ends past end of file: file truncated, 1 bytes missing");
  emit(29, "no-data", tiny_llama().header(), "token_embd\\.weight ends past end of file");
}

void Gguf::split_sets() {
  const auto part = [](int number, int count) {
    GgufBuilder b;
    b.number<uint16_t>("split.no", static_cast<uint16_t>(number));
    b.number<uint16_t>("split.count", static_cast<uint16_t>(count));
    b.tensor(fmt::format("t{}", number), {4}, some_floats(4));
    return b.bytes();
  };
  const auto emit_set = [&](const std::string& what, std::vector<Malformed::Item> items,
                            const std::string& message) {
    Malformed bad;
    bad.row = 41;
    bad.name = "041-gguf-split-" + what;
    bad.target = items.front().path;
    bad.items = std::move(items);
    bad.message = message;
    sink_(bad);
  };
  const auto file = [](const std::string& name, std::string bytes) {
    return Malformed::Item{Malformed::Kind::file, name, std::move(bytes), 0};
  };
  const std::string first = "m-00001-of-00002.gguf", second = "m-00002-of-00002.gguf";
  emit_set("no-beyond-count", {file(first, part(2, 2)), file(second, part(1, 2))}, "split\\.no");
  emit_set("count-65535", {file("m-00001-of-65535.gguf", part(0, 65535))},
           "incomplete split set of 65535 files: missing m-00002-of-65535\\.gguf.*and 65529 more");
  emit_set("part-missing", {file(first, part(0, 2))}, "missing m-00002-of-00002\\.gguf");
  emit_set("same-part-twice", {file(first, part(0, 2)), file(second, part(0, 2))},
           "split\\.no: got 0, need 1");
  emit_set("other-count", {file(first, part(0, 3)), file(second, part(1, 3))},
           "split\\.count: got 3, need 2");
  emit_set("other-name", {file("m.gguf", part(0, 2))}, "is not named NAME-00001-of-00002\\.gguf");
  GgufBuilder negative;
  negative.number<int32_t>("split.count", -1).number<int32_t>("split.no", 0);
  emit_set("negative-count", {file("m.gguf", negative.bytes())}, "split\\.count");
  GgufBuilder text;
  emit_set("count-is-text", {file("m.gguf", text.text("split.count", "2").bytes())},
           "key split\\.count: got string");
}

}  // namespace

void each_malformed_gguf(const MalformedSink& sink) {
  Gguf gguf(sink);
  gguf.header();
  gguf.keys();
  gguf.key_types();
  gguf.alignment();
  gguf.tensor_names();
  gguf.shapes();
  gguf.overflows();
  gguf.offsets();
  gguf.split_sets();
}

}  // namespace nalar::test
