#include <nalar/engine.h>
#include <nalar/error.h>

#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

std::shared_ptr<const Model> small_model() {
  return open_model(test::golden("stories260k/stories260K-f32.gguf"));
}

TEST_CASE("the default device is the CPU") {
  for (const Device device : {Device::automatic, Device::cpu}) {
    EngineOptions options;
    options.threads = 1;
    options.n_ctx = 16;
    const auto engine = open_engine(small_model(), options, device);
    REQUIRE(engine != nullptr);
    CHECK(engine->threads() == 1);
    CHECK(engine->n_ctx() == 16);
  }
}

TEST_CASE("CUDA is not there yet, and says so") {
  try {
    open_engine(small_model(), {}, Device::cuda);
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::usage);
    CHECK(std::string(e.what()).find("--device cuda is not there yet") == 0);
    CHECK(e.hint() == "--device cpu");
  }
}

}  // namespace
}  // namespace nalar
