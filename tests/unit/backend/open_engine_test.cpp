#include <nalar/engine.h>
#include <nalar/error.h>

#include <cstdlib>
#include <filesystem>

#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

std::shared_ptr<const Model> small_model() {
  return open_model(test::golden("stories260k/stories260K-f32.gguf"));
}

TEST_CASE("the CPU is opened, and where there is no CUDA it is the default device") {
  for (const Device device : {Device::automatic, Device::cpu}) {
    if (device == Device::automatic && std::filesystem::exists("/dev/nvidiactl")) continue;
    EngineOptions options;
    options.threads = 1;
    options.n_ctx = 16;
    const auto engine = open_engine(small_model(), options, device);
    REQUIRE(engine != nullptr);
    CHECK(engine->threads() == 1);
    CHECK(engine->n_ctx() == 16);
  }
}

TEST_CASE("without LibTorch CUDA is a matter of configuration") {
  const std::string empty = test::temporary_folder();
  setenv("NALAR_LIBTORCH_DIR", empty.c_str(), 1);
  try {
    open_engine(small_model(), {}, Device::cuda);
    FAIL("opened");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::config);
    CHECK(std::string(e.what()).find("--device cuda needs LibTorch: ") == 0);
    CHECK_FALSE(e.hint().empty());
  }
  unsetenv("NALAR_LIBTORCH_DIR");
}

#ifdef NALAR_TEST_LIBTORCH
TEST_CASE("the engine on CUDA opens, or says what to install") {
  try {
    EngineOptions options;
    options.n_ctx = 16;
    const auto engine = open_engine(small_model(), options, Device::cuda);
    CHECK(engine->n_ctx() == 16);
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::config);
    CHECK(std::string(e.what()).find("CUDA: ") == 0);
    CHECK(e.hint().find("install") != std::string::npos);
  }
}
#endif

}  // namespace
}  // namespace nalar
