// An adapter's logits against PEFT's, for adapter_check.py: prints max |difference| / max |logit|;
// with FOLDER the adapter is written there again. Usage: adapter_check MODEL ADAPTER
// REFERENCE.safetensors [FOLDER]
#include <nalar/nalar.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/cpu_engine.h"
#include "io/file_system.h"
#include "io/safetensors_reader.h"
#include "model/lora_peft.h"

namespace {

template <typename T>
std::vector<T> values(const nalar::io::SafetensorsFile& file, std::string_view name) {
  for (const nalar::TensorView& tensor : file.tensors) {
    if (tensor.name != name) continue;
    std::vector<T> all(static_cast<size_t>(tensor.elements()));
    std::memcpy(all.data(), tensor.bytes.data(), tensor.bytes.size());
    return all;
  }
  throw nalar::Error(nalar::ErrorKind::bad_data, "no tensor " + std::string(name));
}

int check(char** argv, const char* folder) {
  const auto map = nalar::io::file_system().map(argv[3]);
  const auto file = nalar::io::parse_safetensors(map->bytes());
  const auto ids = values<int32_t>(file, "ids");
  const auto want = values<float>(file, "logits");
  const auto model = nalar::open_model(argv[1]);
  const auto adapter = nalar::open_adapter(argv[2], *model);
  nalar::EngineOptions options;
  options.compute = nalar::Compute::fp32;
  options.n_ctx = static_cast<int>(ids.size());
  options.adapters = {{adapter, 1}};
  const auto engine = nalar::engine::make_cpu_engine(model, options);

  std::vector<int32_t> rows(ids.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i);
  std::vector<float> got(want.size());
  const int64_t vocab = model->config().vocab_size;
  const nalar::Slice slice{engine->create(), ids, rows};
  engine->forward({&slice, 1}, {got.data(), static_cast<int64_t>(rows.size()), vocab, vocab});
  float worst = 0, largest = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    worst = std::max(worst, std::fabs(got[i] - want[i]));
    largest = std::max(largest, std::fabs(want[i]));
  }
  std::printf("%.2e\n", static_cast<double>(worst / largest));
  if (folder != nullptr) {
    std::filesystem::create_directories(folder);
    write_peft(nalar::io::file_system(), folder, adapter->lora(), *model);
  }
  return worst <= 1e-4f * largest ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: adapter_check MODEL ADAPTER REFERENCE.safetensors [FOLDER]\n");
    return 64;
  }
  try {
    return check(argv, argc > 4 ? argv[4] : nullptr);
  } catch (const nalar::Error& e) {
    std::fprintf(stderr, "adapter_check: %s\n", e.what());
    return static_cast<int>(e.kind());
  }
}
