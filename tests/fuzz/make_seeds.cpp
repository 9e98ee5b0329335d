// make_seeds OUT_DIR: seeds for the fuzz targets, OUT_DIR/<target>/<name>: small well-formed files,
// and the small ones of the broken files.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>

#include "support/gguf_builder.h"
#include "support/malformed.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace {

using namespace nalar::test;

void write_seeds(const std::string& root) {
  constexpr size_t kLargest = 64 << 10;
  write_text(root + "/gguf/small", small_gguf().bytes());
  write_text(root + "/gguf/model", tiny_llama().bytes());
  write_text(root + "/model_config/model", tiny_llama().bytes());
  write_text(root + "/safetensors/small", small_safetensors().bytes());
  write_text(root + "/json/small",
             R"({"a":[1,-2.5e3,"x\u00e9\n",true,null],"b":{"c":{},"d":[[]]}})");
  write_text(root + "/json/numbers",
             "[0,-0.0,1e308,5e-324,18446744073709551616,-9223372036854775808]");
  each_malformed([&](const Malformed& bad) {
    if (bad.items.empty() || bad.items.front().kind != Malformed::Kind::file) return;
    const std::string& bytes = bad.items.front().content;
    if (bytes.size() > kLargest) return;
    const bool gguf = bad.row <= 41, safetensors = bad.row > 41 && bad.row <= 61;
    const bool json = bad.row >= 63 && bad.row <= 71;
    if (!gguf && !safetensors && !json) return;
    const char* target = gguf ? "gguf" : safetensors ? "safetensors" : "json";
    write_text(fmt::format("{}/{}/{}", root, target, bad.name), bytes);
  });
  each_malformed_model([&](const Malformed& bad) {
    const std::string& bytes = bad.items.front().content;
    if (bytes.size() <= kLargest) write_text(root + "/model_config/" + bad.name, bytes);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_seeds OUT_DIR\n");
    return 64;
  }
  try {
    write_seeds(argv[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "make_seeds: %s\n", e.what());
    return 74;
  }
  return 0;
}
