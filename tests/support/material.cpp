#include "support/material.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/catch.h"

namespace nalar::test {
namespace fs = std::filesystem;
namespace {

std::optional<std::string> below(const char* variable, const std::string& name) {
  const char* root = std::getenv(variable);
  if (root == nullptr) return std::nullopt;
  const fs::path path = fs::path(root) / name;
  if (!fs::exists(path)) return std::nullopt;
  return path.string();
}

struct TemporaryFolders {
  std::vector<fs::path> paths;
  ~TemporaryFolders() {
    std::error_code ignored;
    for (const auto& p : paths) fs::remove_all(p, ignored);
  }
};

}  // namespace

std::string golden(const std::string& name) {
  const fs::path path = fs::path(NALAR_TESTS_DIR) / "golden" / name;
  INFO("golden file " << path);
  REQUIRE(fs::exists(path));
  return path.string();
}

std::optional<std::string> material(const std::string& name) {
  return below("NALAR_TEST_MATERIAL", name);
}

std::optional<std::string> real_model(const std::string& name) {
  return below("NALAR_TEST_MODELS", name);
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  INFO("reading " << path);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string temporary_folder() {
  static TemporaryFolders folders;
  std::string pattern = (fs::temp_directory_path() / "nalar-test-XXXXXX").string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  folders.paths.emplace_back(pattern);
  return pattern;
}

}  // namespace nalar::test
