#include <fmt/format.h>
#include <unistd.h>

#include "support/gguf_builder.h"
#include "support/malformed.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar::test {
namespace {

using Item = Malformed::Item;
using Kind = Malformed::Kind;

Item file(const std::string& path, std::string content) {
  return {Kind::file, path, std::move(content), 0};
}

std::string shard(const std::string& tensor) {
  SafetensorsBuilder b;
  return b.tensor(tensor, {4}, some_floats(4)).bytes();
}

constexpr const char* kIndex = "model.safetensors.index.json";

// A folder with two good shards, a.safetensors and b.safetensors, and this index.
void with_index(const MalformedSink& sink, int row, const std::string& what,
                const std::string& index, const std::string& message, int code = 65,
                const std::vector<Item>& more = {}) {
  Malformed bad;
  bad.row = row;
  bad.name = fmt::format("{:03}-index-{}", row, what);
  bad.items = {file(kIndex, index), file("a.safetensors", shard("a")),
               file("b.safetensors", shard("b")), file("config.json", "{}")};
  bad.items.insert(bad.items.end(), more.begin(), more.end());
  bad.code = code;
  bad.message = message;
  sink(bad);
}

std::string index_of(const std::string& members) {
  return R"({"metadata":{"total_size":32},"weight_map":{)" + members + "}}";
}

void emit(const MalformedSink& sink, Malformed bad, const std::string& name,
          std::vector<Item> items) {
  bad.name = fmt::format("{:03}-{}", bad.row, name);
  bad.items = std::move(items);
  sink(bad);
}

}  // namespace

void each_malformed_index(const MalformedSink& sink) {
  int n = 0;
  for (const char* name :
       {"../x.safetensors", "/abs.safetensors", "a/b.safetensors", "C:\\\\x.safetensors",
        "x\\u0000y.safetensors", "", ".", "..", "\\u001b[2J.safetensors"}) {
    with_index(sink, 63, fmt::format("name-{}", n++), index_of(fmt::format(R"("a":"{}")", name)),
               "shard name not allowed");
  }
  const auto special = [&](const std::string& what, Item item) {
    with_index(sink, 64, what, index_of(R"("a":"a.safetensors","c":"c.safetensors")"),
               "not a regular file|inside the model folder", 66, {std::move(item)});
  };
  special("link-out", {Kind::link, "c.safetensors", "/etc/passwd", 0});
  special("pipe", {Kind::pipe, "c.safetensors", "", 0});
  special("folder", {Kind::folder, "c.safetensors", "", 0});
  special("device", {Kind::link, "c.safetensors", "/dev/zero", 0});
  with_index(sink, 65, "shard-missing", index_of(R"("a":"a.safetensors","c":"c.safetensors")"),
             "tensor c: shard c\\.safetensors is missing");
  with_index(sink, 65, "tensor-absent", index_of(R"("a":"a.safetensors","c":"b.safetensors")"),
             "tensor c is not in its shard b\\.safetensors");
  with_index(sink, 65, "tensor-elsewhere", index_of(R"("a":"b.safetensors","b":"a.safetensors")"),
             "tensor a is not in its shard b\\.safetensors");
  with_index(sink, 65, "tensor-twice", index_of(R"("a":"a.safetensors","b":"c.safetensors")"),
             "tensor a is in two shards", 65, {file("c.safetensors", shard("a"))});
  with_index(sink, 66, "map-is-array", R"({"weight_map":[]})",
             "bad index .*got array, need an object");
  with_index(sink, 66, "map-absent", R"({"metadata":{}})", "bad index .*got nothing");
  with_index(sink, 66, "map-empty", R"({"weight_map":{}})", "bad index .*names no tensor");
  with_index(sink, 66, "not-an-object", "[]", "bad index");
  with_index(sink, 66, "shard-is-number", R"({"weight_map":{"a":1}})", "bad index .*got integer");
  with_index(
      sink, 66, "total-size-wrong",
      R"({"metadata":{"total_size":1},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}})", "",
      0);
  Malformed bad;
  bad.row = 97;
  bad.code = 77;
  bad.message = "pickle is refused";
  emit(sink, bad, "index-of-pickles", {file(kIndex, index_of(R"("a":"pytorch_model.bin")"))});
}

void each_malformed_json(const MalformedSink& sink) {
  const std::string right = index_of(R"("a":"a.safetensors","b":"b.safetensors")");
  const std::string message = "JSON error \\(at line [0-9]+, column [0-9]+\\)";
  const auto bad = [&](const std::string& what, const std::string& text,
                       const std::string& reason) {
    with_index(sink, 71, what, text, message + reason);
  };
  bad("deep-arrays", std::string(100'000, '['), ": too deep");
  bad("deep-closed", "{\"x\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}",
      ": too deep");
  bad("duplicate-key", R"({"weight_map":{},"weight_map":{}})", ": duplicate key weight_map");
  bad("duplicate-escaped-key", R"({"a":{},"\u0061":{}})", ": duplicate key a");
  bad("trailing-comma", R"({"weight_map":{"a":"a.safetensors",}})", "");
  bad("comment", "// x\n" + right, "");
  bad("nan", R"({"metadata":{"total_size":NaN},"weight_map":{"a":"a.safetensors"}})", "");
  bad("utf16", std::string("\xff\xfe{\0}\0", 6), "");
  bad("empty", "", "");
  bad("nul", right + std::string(1, '\0'), ": unexpected NUL");
  bad("second-value", right + right, "");
  bad("invalid-utf8", "{\"\xff\":1}", "");
  bad("lone-surrogate", R"({"\udc00":1})", "");
  with_index(sink, 71, "bom", "\xEF\xBB\xBF" + right, "", 0);
  Malformed large;
  large.row = 71;
  large.message = "file too large: 1073741824 bytes, limit 67108864";
  emit(sink, large, "index-1-gib",
       {{Kind::sparse, kIndex, "", uint64_t{1} << 30}, file("a.safetensors", shard("a"))});
}

namespace {

void pickles(const MalformedSink& sink) {
  Malformed bad;
  bad.row = 97;
  bad.code = 77;
  bad.message = "pickle is refused.*";
  const std::string zip = std::string("PK\x03\x04", 4) + "archive/data.pkl";
  for (const char* suffix : {"bin", "pt", "pth", "ckpt", "npz"}) {
    const std::string name = fmt::format("pytorch_model.{}", suffix);
    bad.target = "";
    emit(sink, bad, fmt::format("folder-{}", suffix), {file(name, zip), file("config.json", "{}")});
    bad.target = name;
    emit(sink, bad, fmt::format("file-{}", suffix), {file(name, zip)});
  }
  bad.target = "weights";
  emit(sink, bad, "by-content", {file("weights", "\x80\x02}q\x01.")});
}

}  // namespace

void each_malformed_path(const MalformedSink& sink) {
  pickles(sink);
  Malformed bad;
  bad.row = 110;
  bad.code = 66;
  const std::string good = tiny_llama().bytes();
  const auto path = [&](const std::string& what, const std::string& target,
                        const std::string& message, std::vector<Item> items) {
    bad.target = target;
    bad.message = message;
    emit(sink, bad, "path-" + what, std::move(items));
  };
  path("folder", "model.gguf", "no model in this folder", {{Kind::folder, "model.gguf", "", 0}});
  path("pipe", "model.gguf", "not a file or folder", {{Kind::pipe, "model.gguf", "", 0}});
  path("device", "/dev/zero", "not a file or folder", {});
  path("missing", "none.gguf", "no such file or folder", {});
  path("link-loop", "loop.gguf", "symbolic links", {{Kind::link, "loop.gguf", "loop.gguf", 0}});
  path("dangling-link", "model.gguf", "no such file or folder",
       {{Kind::link, "model.gguf", "none", 0}});
  path("4096-characters", std::string(4096, 'n') + ".gguf", "too long", {});
  path("steering-name", "\x1b[2J\n\xff.gguf", "\\\\x1b\\[2J\\\\n\\\\xff\\.gguf: no such file", {});
  path("below-a-file", "model.gguf/x", "no such file or folder", {file("model.gguf", good)});
  bad.code = 65;
  path("steering-name-of-a-broken-file", "\x1b[2J\n.gguf",
       "\\\\x1b\\[2J\\\\n\\.gguf: not a GGUF file", {file("\x1b[2J\n.gguf", "")});
  bad.code = 0;
  path("link-to-a-model", "link.gguf", "",
       {file("there/model.gguf", good), {Kind::link, "link.gguf", "there/model.gguf", 0}});
}

void each_malformed(const MalformedSink& sink) {
  each_malformed_gguf(sink);
  each_malformed_safetensors(sink);
  each_malformed_index(sink);
  each_malformed_json(sink);
  each_malformed_path(sink);
}

}  // namespace nalar::test
