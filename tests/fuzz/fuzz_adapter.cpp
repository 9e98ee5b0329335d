#include <nalar/error.h>

#include "fuzz/fuzz.h"
#include "io/folder_file.h"
#include "io/open_model_files.h"
#include "model/lora_gguf.h"
#include "model/lora_peft.h"
#include "support/fault_file_system.h"
#include "support/tiny_llama.h"

namespace nalar::fuzz {
namespace {

using test::MemoryDisk;

std::shared_ptr<const Model> open_base() {
  static MemoryDisk disk;
  const std::string bytes = test::tiny_llama().bytes();
  const auto file = disk.create("/base.gguf", 0600);
  file->write(std::as_bytes(std::span(bytes)));
  file->close();
  return open_model(io::open_model_files(disk, "/base.gguf", {}));
}

void need_same(const model::LoraAdapter& a, const model::LoraAdapter& b, bool scales) {
  need(a.modules.size() == b.modules.size(), "as many modules");
  for (size_t i = 0; i < a.modules.size(); ++i) {
    const model::LoraModule &x = a.modules[i], &y = b.modules[i];
    need(x.target == y.target && x.rank == y.rank, "the same modules");
    need(!scales || x.scale == y.scale, "the same scale");
    need(x.a == y.a && (!scales || x.b == y.b), "the same values");
  }
}

void check_gguf(const model::LoraAdapter& adapter, const Model& base) {
  const model::GgufAdapter form = model::gguf_adapter(adapter, base);
  MemoryDisk disk;
  const auto file = disk.create("/a.gguf", 0600);
  io::write_gguf(*file, form.keys, form.tensors);
  file->close();
  const auto map = disk.map("/a.gguf", disk.bytes("/a.gguf").size());
  const auto read = model::bind_gguf_adapter(io::parse_gguf(map->bytes()), base);
  need_same(adapter, read, form.folded.empty());
}

void check_peft(const model::LoraAdapter& adapter, const Model& base) {
  MemoryDisk disk;
  model::write_peft(disk, "/", adapter, base);
  const std::string weights = io::join("/", model::kPeftWeightsName);
  const auto map = disk.map(weights, disk.bytes(weights).size());
  const model::PeftConfig config =
      model::parse_peft_config(disk.bytes(io::join("/", model::kPeftConfigName)));
  need_same(adapter, model::bind_peft(config, io::parse_safetensors(map->bytes()), base), true);
}

}  // namespace

// An adapter's GGUF, for a small llama: in both forms it is the same again.
void one(std::string_view input) {
  static const std::shared_ptr<const Model> base = open_base();
  const io::GgufFile file = io::parse_gguf(as_bytes(input));
  const model::LoraAdapter adapter = opened([&] { return model::bind_gguf_adapter(file, *base); });
  if (adapter.modules.empty()) return;
  try {
    check_peft(adapter, *base);
    check_gguf(adapter, *base);
  } catch (const Error& error) {
    // The format has no adapter for a head that is the embedding.
    const bool tied =
        std::string_view(error.what()).find("head is the embedding") != std::string_view::npos;
    need(tied, error.what());
  }
}

}  // namespace nalar::fuzz
