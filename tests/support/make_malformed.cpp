// make_malformed OUT_DIR: writes every broken file of support/malformed.h below OUT_DIR, a folder a
// case, and OUT_DIR/manifest.tsv: class, path to give to nalar, expected exit code (0: readers must
// accept it, a later stage may still refuse it with 65), regular expression of the error line.
// Paths are relative to OUT_DIR or absolute, with \xNN for bytes that a line cannot hold.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "support/malformed.h"

namespace {

std::string shown(const std::string& path) {
  std::string out;
  for (const char c : path) {
    const auto b = static_cast<unsigned char>(c);
    out += b < 0x20 || b >= 0x7F || c == '\\' ? fmt::format("\\x{:02x}", b) : std::string(1, c);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_malformed OUT_DIR\n");
    return 64;
  }
  try {
    const std::string root = argv[1];
    std::string manifest;
    const auto add = [&](const nalar::test::Malformed& bad) {
      std::string path = nalar::test::make_files(bad, root + "/" + bad.name);
      if (path.compare(0, root.size(), root) == 0) path = path.substr(root.size() + 1);
      manifest += fmt::format("{}\t{}\t{}\t{}\n", bad.row, shown(path), bad.code, bad.message);
    };
    nalar::test::each_malformed(add);
    nalar::test::each_malformed_model(add);
    std::ofstream(root + "/manifest.tsv", std::ios::binary) << manifest;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "make_malformed: %s\n", e.what());
    return 74;
  }
  return 0;
}
