#include "backend/torch_module.h"

#include <nalar/version.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

// Sets NALAR_LIBTORCH_DIR for the time of a test.
class LibtorchDir {
 public:
  explicit LibtorchDir(const std::string& dir) { setenv("NALAR_LIBTORCH_DIR", dir.c_str(), 1); }
  ~LibtorchDir() { unsetenv("NALAR_LIBTORCH_DIR"); }
};

TEST_CASE("a folder without LibTorch is a problem that names it") {
  const std::string empty = test::temporary_folder();
  const LibtorchDir set(empty);
  const TorchInfo info = torch_info();
  CHECK(info.version.empty());
  CHECK(info.path.empty());
  CHECK(info.problem == "NALAR_LIBTORCH_DIR: no libtorch_cpu.so in " + empty);
  CHECK(info.hint.find("NALAR_LIBTORCH_DIR") != std::string::npos);
}

TEST_CASE("a file that is no library is a problem that names it") {
  const std::string folder = test::temporary_folder();
  for (const char* file : {"libtorch_cpu.so", "libc10.so"}) {
    std::ofstream(folder + "/" + file) << "not a library";
  }
  const LibtorchDir set(folder);
  const TorchInfo info = torch_info();
  CHECK(info.version.empty());
  CHECK(info.problem.find(folder) != std::string::npos);
}

TEST_CASE("a module of another build is refused") {
  const std::string folder = test::temporary_folder();
  for (const char* file : {"libtorch_cpu.so", "libc10.so", "libnalar_torch.so"}) {
    std::filesystem::copy_file(NALAR_TEST_STALE_MODULE, folder + "/" + file);
  }
  const LibtorchDir set(folder);
  const TorchInfo info = torch_info();
  CHECK(info.version.empty());
  CHECK(info.problem == folder + "/libnalar_torch.so is of another build than this program");
}

#ifdef NALAR_TEST_LIBTORCH
TEST_CASE("the module tells the version of LibTorch") {
  const TorchInfo info = torch_info();
  CHECK(info.problem.empty());
  CHECK(info.hint.empty());
  REQUIRE(std::filesystem::path(info.path).filename() == "libnalar_torch.so");
  REQUIRE(!info.version.empty());
  CHECK(info.version.substr(0, info.version.find('+')).find_first_not_of("0123456789.") ==
        std::string::npos);

  SECTION("and again with its folder named") {
    for (const char* below : {"", "/.."}) {
      const LibtorchDir set(std::string(NALAR_TEST_LIBTORCH) + below);
      CHECK(torch_info().version == info.version);
    }
  }
}

#else
TEST_CASE("without the module the problem says how to get it") {
  const TorchInfo info = torch_info();
  CHECK(info.version.empty());
  CHECK(info.problem.find("libnalar_torch.so") != std::string::npos);
  CHECK(info.hint.find("scripts/setup") != std::string::npos);
}
#endif

}  // namespace
}  // namespace nalar
