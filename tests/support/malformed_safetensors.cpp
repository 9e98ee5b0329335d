#include <fmt/format.h>

#include "support/gguf_builder.h"
#include "support/malformed.h"
#include "support/safetensors_builder.h"

namespace nalar::test {
namespace {

class Safetensors {
 public:
  explicit Safetensors(const MalformedSink& sink) : sink_(sink) {}

  void lengths();
  void header_text();
  void entries();
  void shapes();
  void offsets();
  void names();
  void foreign();

 private:
  void emit(int row, const std::string& what, std::string bytes, const std::string& message,
            int code = 65) {
    Malformed bad;
    bad.row = row;
    bad.name = fmt::format("{:03}-safetensors-{}", row, what);
    bad.items.push_back({Malformed::Kind::file, "model.safetensors", std::move(bytes), 0});
    bad.items.push_back({Malformed::Kind::file, "config.json", "{}", 0});
    bad.code = code;
    bad.message = message;
    sink_(bad);
  }

  void with_header(int row, const std::string& what, const std::string& header,
                   const std::string& message, int code = 65, const std::string& data = "") {
    SafetensorsBuilder b;
    b.header = header;
    b.tail = data;
    emit(row, what, b.bytes(), message, code);
  }

  // One tensor "t" with these members, and 8 bytes of data.
  void with_entry(int row, const std::string& what, const std::string& members,
                  const std::string& message, int code = 65) {
    with_header(row, what, "{\"t\":{" + members + "}}", message, code, std::string(8, 'x'));
  }

  const MalformedSink& sink_;
};

void Safetensors::lengths() {
  for (size_t n = 0; n < 8; ++n) {
    emit(42, fmt::format("{}-bytes", n), std::string(n, '\x01'), "header too small");
  }
  for (const uint64_t n : {0u, 1u}) {
    SafetensorsBuilder b = small_safetensors();
    b.header_length = n;
    emit(43, fmt::format("length-{}", n), b.bytes(), "empty header");
  }
  for (const uint64_t n : {uint64_t{100'000'001}, uint64_t{1} << 63, ~uint64_t{0}}) {
    SafetensorsBuilder b = small_safetensors();
    b.header_length = n;
    emit(44, fmt::format("length-{}", n), b.bytes(), "header too large .*limit 100000000");
  }
  SafetensorsBuilder b = small_safetensors();
  b.header_length = b.bytes().size() - 8 + 1;
  emit(45, "length-beyond-file", b.bytes(), "header exceeds file");
  b.header_length = 100'000'000;
  emit(45, "length-100000000", b.bytes(), "header exceeds file");
}

void Safetensors::header_text() {
  const std::string entry = R"("t":{"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  const std::string right = "{" + entry + "}";
  const std::string data(8, 'x');
  with_header(46, "invalid-utf8", "{\"\xff\":1}", "header is not UTF-8");
  with_header(46, "overlong", "{\"\xc0\xaf\":1}", "header is not UTF-8");
  with_header(46, "surrogate-bytes", "{\"\xed\xa0\x80\":1}", "header is not UTF-8");
  with_header(46, "lone-surrogate", R"({"\ud800":{}})", "JSON error .*surrogate");
  with_header(47, "bom", "\xEF\xBB\xBF" + right, "header must be one JSON object", 65, data);
  with_header(47, "space", " " + right, "header must be one JSON object", 65, data);
  with_header(47, "array", "[" + right + "]", "header must be one JSON object", 65, data);
  with_header(47, "text-after", right + "x", "JSON error \\(at line 1", 65, data);
  with_header(47, "second-object", right + "{}", "JSON error \\(at line 1", 65, data);
  with_header(47, "nul-padding", right + std::string(3, '\0'), "unexpected NUL byte", 65, data);
  with_header(48, "padded", right + "     ", "", 0, data);
  with_header(48, "any-order",
              R"({"b":{"data_offsets":[3,8],"shape":[5],"dtype":"U8"},)"
              R"("a":{"dtype":"I8","data_offsets":[0,3],"shape":[3]}})",
              "", 0, data);
  with_header(49, "duplicate-tensor", "{" + entry + "," + entry + "}", "duplicate key t", 65, data);
  with_header(49, "duplicate-metadata", R"({"__metadata__":{},"__metadata__":{}})",
              "duplicate key __metadata__");
  with_header(49, "duplicate-metadata-key", R"({"__metadata__":{"a":"1","a":"2"}})",
              "duplicate key a");
  with_entry(49, "duplicate-dtype", R"("dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8])",
             "duplicate key dtype");
  with_header(50, "nested-arrays", "{\"t\":" + std::string(100'000, '['),
              "too deep|must be an object");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  with_header(50, "nested-objects", objects, "too deep|unknown key|unexpected");
  with_entry(50, "nested-shape", "\"shape\":" + std::string(100'000, '['), "too deep|bad shape");
  for (const auto& [what, value] : {std::pair{"number", "1"}, std::pair{"object", "{}"},
                                    std::pair{"array", "[]"}, std::pair{"null", "null"}}) {
    with_header(51, fmt::format("metadata-value-{}", what),
                fmt::format(R"({{"__metadata__":{{"a":{}}}}})", value),
                "metadata values must be strings");
    with_header(51, fmt::format("metadata-{}", what),
                fmt::format(R"({{"__metadata__":{}}})", value),
                std::string(what) == "object" ? "" : "metadata values must be strings",
                std::string(what) == "object" ? 0 : 65);
  }
}

void Safetensors::entries() {
  for (const char* dtype :
       {"\"F7\"", "\"f32\"", "32", "null", "[\"U8\"]", "{}", "\"\\u001b[2J\""}) {
    static int n = 0;
    with_entry(52, fmt::format("dtype-{}", n++),
               fmt::format(R"("dtype":{},"shape":[8],"data_offsets":[0,8])", dtype),
               "tensor t: unknown dtype");
  }
  for (const uint64_t n : {7u, 9u}) {
    with_entry(53, fmt::format("shape-{}-of-8", n),
               fmt::format(R"("dtype":"U8","shape":[{}],"data_offsets":[0,8])", n),
               fmt::format("tensor t: shape \\[{}\\] of U8 needs {} bytes, has 8", n, n));
  }
  with_header(55, "scalar", R"({"t":{"dtype":"F64","shape":[],"data_offsets":[0,8]}})", "", 0,
              std::string(8, '\0'));
  with_header(55, "zero-dimension", R"({"t":{"dtype":"F64","shape":[3,0],"data_offsets":[0,0]}})",
              "", 0);
  with_header(55, "no-tensors", "{}", "", 0);
  with_header(59, "sub-byte", R"({"t":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})",
              "tensor t has dtype F4, which is not supported", 65, "xy");
  with_entry(60, "no-dtype", R"("shape":[8],"data_offsets":[0,8])", "t: entry lacks key dtype");
  with_entry(60, "no-shape", R"("dtype":"U8","data_offsets":[0,8])", "t: entry lacks key shape");
  with_entry(60, "no-offsets", R"("dtype":"U8","shape":[8])", "t: entry lacks key data_offsets");
  with_entry(60, "extra-key", R"("dtype":"U8","shape":[8],"data_offsets":[0,8],"x":1)",
             "t: entry has unknown key x");
  with_header(60, "entry-is-number", R"({"t":1})", "header entry must be an object, got integer");
  with_header(60, "entry-is-array", R"({"t":[]})", "header entry must be an object, got an array");
}

void Safetensors::shapes() {
  for (const auto& [what, shape] :
       {std::pair{"wraps", "[4294967296,4294967296]"}, std::pair{"2^64", "[18446744073709551616]"},
        std::pair{"2^63", "[9223372036854775808]"}, std::pair{"negative", "[-1]"},
        std::pair{"fraction", "[1.5]"}, std::pair{"text", "[\"3\"]"}, std::pair{"null", "[null]"},
        std::pair{"number", "8"}, std::pair{"nested", "[[8]]"}, std::pair{"object", "{}"},
        std::pair{"wraps-beside-zero", "[0,9223372036854775807,3]"},
        std::pair{"17-dimensions", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,8]"}}) {
    with_entry(54, fmt::format("shape-{}", what),
               fmt::format(R"("dtype":"U8","shape":{},"data_offsets":[0,8])", shape),
               "tensor t: bad shape");
  }
  with_entry(54, "shape-1e400", R"("dtype":"U8","shape":[1e400],"data_offsets":[0,8])",
             "JSON error .*number|bad shape");
}

void Safetensors::offsets() {
  const auto two = [](const char* first, const char* second) {
    return fmt::format(R"({{"a":{{"dtype":"U8","shape":[4],"data_offsets":[{}]}},)"
                       R"("b":{{"dtype":"U8","shape":[4],"data_offsets":[{}]}}}})",
                       first, second);
  };
  const std::string data(8, 'x');
  const auto bad = [&](const std::string& what, const char* a, const char* b) {
    with_header(56, what, two(a, b), "bad offsets", 65, data);
  };
  bad("reversed", "4,0", "4,8");
  bad("overlap", "0,4", "2,6");
  bad("same", "0,4", "0,4");
  bad("hole", "0,4", "5,9");
  bad("not-from-0", "1,5", "5,9");
  bad("one", "0", "4,8");
  bad("three", "0,4,4", "4,8");
  bad("negative", "-4,0", "4,8");
  bad("fraction", "0.0,4.0", "4,8");
  bad("text", "\"0\",\"4\"", "4,8");
  with_entry(56, "not-a-list", R"("dtype":"U8","shape":[8],"data_offsets":8)", "bad offsets");
  with_header(57, "bytes-after", two("0,4", "4,8"), "file has 4 unindexed bytes", 65,
              data + "PK\x03\x04");
  with_header(58, "short-by-1", two("0,4", "4,8"), "truncated: 1 bytes missing", 65,
              data.substr(1));
  with_header(58, "short-by-8", two("0,4", "4,8"), "truncated: 8 bytes missing");
  SafetensorsBuilder huge;
  huge.header = R"({"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,)"
                R"(9223372036854775807]}})";
  emit(58, "short-by-2^63", huge.bytes(), "truncated: [0-9]+ bytes missing");
}

void Safetensors::names() {
  std::string header = "{";
  constexpr int kMany = 1'000'000;
  for (int i = 0; i < kMany; ++i) {
    header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[1],"data_offsets":[{},{}]}})",
                          i > 0 ? "," : "", i, i, i + 1);
  }
  with_header(61, "million-tensors", header + "}", "", 0, std::string(kMany, 'x'));
  for (const auto& [what, name] :
       {std::pair{"empty", ""}, std::pair{"nul", "\\u0000"}, std::pair{"escape", "a\\u001b[2J"},
        std::pair{"newline", "a\\nb"}}) {
    with_header(61, fmt::format("name-{}", what),
                fmt::format(R"({{"{}":{{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}}})", name),
                "bad tensor name", 65, std::string(8, 'x'));
  }
}

void Safetensors::foreign() {
  const std::string lfs =
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 133466304\n";
  const std::vector<std::tuple<std::string, std::string, std::string>> kinds = {
      {"lfs", lfs, "this is a Git LFS pointer"},
      {"html", "\n<!DOCTYPE html><html><body>404</body></html>", "this is an HTML page"},
      {"zip", std::string("PK\x03\x04\x14\0\0\0", 8) + std::string(40, 'z'),
       "this is a zip archive"},
      {"gzip", std::string("\x1f\x8b\x08\0", 4) + std::string(40, 'z'), "this is gzip-compressed"}};
  for (const auto& [what, content, message] : kinds) {
    emit(62, what, content, message);
    Malformed bad;
    bad.row = 62;
    bad.name = "062-gguf-" + what;
    bad.target = "model.gguf";
    bad.items.push_back({Malformed::Kind::file, bad.target, content, 0});
    bad.message = message;
    sink_(bad);
  }
}

}  // namespace

void each_malformed_safetensors(const MalformedSink& sink) {
  Safetensors safetensors(sink);
  safetensors.lengths();
  safetensors.header_text();
  safetensors.entries();
  safetensors.shapes();
  safetensors.offsets();
  safetensors.names();
  safetensors.foreign();
}

}  // namespace nalar::test
