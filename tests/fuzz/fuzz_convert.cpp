#include <nalar/error.h>
#include <nalar/log.h>

#include <string>

#include "convert/gguf_form.h"
#include "convert/hf_form.h"
#include "convert/output.h"
#include "fuzz/fuzz.h"
#include "io/open_model_files.h"
#include "support/fault_file_system.h"

namespace nalar::fuzz {
namespace {

using test::MemoryDisk;

constexpr const char* kFiles[] = {"config.json",    "generation_config.json",
                                  "tokenizer.json", "tokenizer_config.json",
                                  "README.md",      "model.safetensors"};
constexpr char kNext = '\x1e';  // no JSON has it

void put(MemoryDisk& disk, const std::string& path, std::string_view text) {
  const auto file = disk.create(path, 0600);
  file->write(std::as_bytes(std::span(text)));
  file->close();
}

// Gives the path of the model.
std::string lay_out(std::string_view input, MemoryDisk& disk) {
  if (input.starts_with("GGUF")) {
    put(disk, "/m.gguf", input);
    return "/m.gguf";
  }
  disk.make_directory("/m", 0700);
  for (const char* name : kFiles) {
    const bool last = name == std::string_view("model.safetensors");
    const std::string_view text = last ? input : input.substr(0, input.find(kNext));
    if (!text.empty()) put(disk, std::string("/m/") + name, text);
    input.remove_prefix(std::min(input.size(), text.size() + 1));
  }
  return "/m";
}

std::shared_ptr<const Model> open(MemoryDisk& disk, const std::string& path) {
  return open_model(io::open_model_files(disk, path, {}), {.keep_unknown_tensors = true});
}

// What convert makes of a model is a model, with the same tensors.
template <typename Form, typename Write>
void check(const Model& model, const Form& form, MemoryDisk& disk, const char* out, Write&& write) {
  const ConvertControl control;
  convert::TensorOutput output(model.files(), 1, control, 0);
  write(disk, out, form, std::nullopt, output);
  try {
    const auto made = open(disk, out);
    need(made->n_parameters() == model.n_parameters(), "it has as many parameters");
    need(made->unknown_tensors().size() == model.unknown_tensors().size(), "nothing is lost");
  } catch (const Error& error) {
    need(false, error.what());
  }
}

}  // namespace

// A GGUF file, or the files of a folder one behind the other.
void one(std::string_view input) {
  set_notice_sink([](std::string_view) {});
  MemoryDisk disk;
  const auto model = opened([&] { return open(disk, lay_out(input, disk)); });
  if (!model) return;
  constexpr std::optional<DType> kTypes[] = {std::nullopt, DType::f32, DType::f16, DType::bf16};
  const std::optional<DType> type = kTypes[input.size() % 4];
  const auto refusals_apart = [](auto&& convert) {
    try {
      convert();
    } catch (const Error& error) {
      need(error.kind() == ErrorKind::bad_data, error.what());
    }
  };
  refusals_apart([&] {
    check(*model, convert::gguf_form(*model, type), disk, "/out.gguf", convert::write_gguf_files);
  });
  refusals_apart([&] {
    check(*model, convert::hf_form(*model, type), disk, "/out", convert::write_hf_folder);
  });
}

}  // namespace nalar::fuzz
