#include "backend/open_trainable.h"

#include <nalar/error.h>

#include <cstdlib>

#include "support/catch.h"
#include "support/material.h"

namespace nalar {
namespace {

std::shared_ptr<const Model> small_model() {
  return open_model(test::golden("models/llama-llama3.gguf"));
}

train::TrainableOptions lora_options(const Model& model) {
  train::TrainableOptions options;
  options.adapter = model::make_adapter({}, model, 1);
  options.device = Device::cpu;
  options.threads = 1;
  options.batch_tokens = 16;
  return options;
}

TEST_CASE("without LibTorch training is a matter of configuration") {
  const std::string empty = test::temporary_folder();
  setenv("NALAR_LIBTORCH_DIR", empty.c_str(), 1);
  const auto model = small_model();
  try {
    backend::open_trainable(model, lora_options(*model));
    FAIL("opened");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::config);
    CHECK(std::string(e.what()).find("training needs LibTorch: ") == 0);
    CHECK_FALSE(e.hint().empty());
  }
  unsetenv("NALAR_LIBTORCH_DIR");
}

#ifdef NALAR_TEST_LIBTORCH
TEST_CASE("the module's model trains, and its errors are ours") {
  const auto model = small_model();
  const train::TrainableOptions options = lora_options(*model);
  CHECK(backend::plan_training(*model, options).parameters > 0);
  const auto trained = backend::open_trainable(model, options);
  train::Batch batch{{1, 2, 3}, {0, 3}, {0}, {0, 1}, {2, 3}};
  const double before = trained->add_gradients(batch, 1, 0);
  for (const train::Parameter& p : trained->parameters()) {
    for (size_t i = 0; i < p.value.size(); ++i) p.value[i] -= 0.1f * p.gradient[i];
  }
  trained->parameters_changed();
  CHECK(trained->loss(batch) < before);

  batch.ids[0] = -1;
  try {
    trained->loss(batch);
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::usage);
  }
}

TEST_CASE("CUDA that is not there is refused") {
  const auto model = small_model();
  train::TrainableOptions options = lora_options(*model);
  options.device = Device::cuda;
  try {
    backend::open_trainable(model, options);
    WARN("CUDA is there");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::config);
    CHECK(std::string(e.what()).find("CUDA: ") == 0);
  }
}
#endif

}  // namespace
}  // namespace nalar
