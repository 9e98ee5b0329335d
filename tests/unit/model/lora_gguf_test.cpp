#include "model/lora_gguf.h"

#include <nalar/adapter.h>

#include <functional>
#include <limits>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

using namespace nalar;
using namespace nalar::model;
using test::bytes_of;
using test::GgufBuilder;
using test::some_floats;

namespace {

constexpr const char* kQ = "blk.0.attn_q.weight.lora_";

// Of the golden qwen2-bias: d_model 16, four heads of four.
GgufBuilder adapter() {
  GgufBuilder b;
  b.text("general.type", "adapter").text("general.architecture", "qwen2");
  b.text("adapter.type", "lora").number<float>("adapter.lora.alpha", 6);
  b.tensor(std::string(kQ) + "a", {3, 16}, some_floats(3 * 16));
  b.tensor(std::string(kQ) + "b", {16, 3}, some_floats(16 * 3));
  return b;
}

std::shared_ptr<const Adapter> open(const GgufBuilder& builder) {
  const std::string path = test::temporary_folder() + "/lora.gguf";
  test::write_text(path, builder.bytes());
  return open_adapter(path, *open_model(test::golden("models/qwen2-bias")));
}

}  // namespace

TEST_CASE("llama.cpp's adapter: alpha over the rank of each matrix is its scale") {
  GgufBuilder b = adapter();
  b.tensor("blk.1.ffn_down.weight.lora_a", {2, 20}, some_floats(2 * 20));
  b.tensor("blk.1.ffn_down.weight.lora_b", {16, 2}, some_floats(16 * 2));
  const auto opened = open(b);
  const LoraAdapter& lora = opened->lora();
  REQUIRE(lora.modules.size() == 2);
  CHECK(lora.modules[0].target == TensorName{TensorRole::q, 0});
  CHECK(lora.modules[0].scale == 2.0f);
  CHECK(lora.modules[1].scale == 3.0f);
  CHECK(lora.config.rank == 3);
}

TEST_CASE("an alpha of 0 means the product as it is") {
  GgufBuilder b = adapter();
  b.keys.pop_back();
  b.number<float>("adapter.lora.alpha", 0);
  CHECK(open(b)->lora().modules[0].scale == 1.0f);
}

TEST_CASE("scales that no alpha can say are multiplied in: 0, which would mean none, and others") {
  const auto base = open_model(test::golden("models/qwen2-bias"));
  GgufBuilder b = adapter();
  b.tensor("blk.1.ffn_down.weight.lora_a", {2, 20}, some_floats(2 * 20));
  b.tensor("blk.1.ffn_down.weight.lora_b", {16, 2}, some_floats(16 * 2));
  LoraAdapter lora = open(b)->lora();
  lora.config.alpha = 0;
  const auto read_again = [&] {
    const GgufAdapter form = gguf_adapter(lora, *base);
    const std::string path = test::temporary_folder() + "/lora.gguf";
    const auto file = io::file_system().create(path, 0600);
    io::write_gguf(*file, form.keys, form.tensors);
    file->close();
    return open_adapter(path, *base)->lora();
  };
  const auto is_nothing = [](const LoraModule& m) {
    return std::all_of(m.b.begin(), m.b.end(), [](float v) { return v == 0; });
  };
  lora.modules[0].scale = 0;
  LoraAdapter again = read_again();
  CHECK(is_nothing(again.modules[0]));
  CHECK(again.modules[1].scale == lora.modules[1].scale);
  CHECK(again.modules[1].b == lora.modules[1].b);
  lora.modules[1].scale = 0;
  again = read_again();
  CHECK((is_nothing(again.modules[0]) && is_nothing(again.modules[1])));
  lora.modules[0].scale = 1e-30f;
  lora.modules[1].scale = 3e38f;
  lora.modules[0].b.assign(lora.modules[0].b.size(), 1e38f);
  lora.modules[1].b.assign(lora.modules[1].b.size(), 1e38f);
  CHECK(test::error_of([&] { read_again(); }).find("beyond the range of F32") != std::string::npos);
}

TEST_CASE("what is wrong with an adapter's file is named") {
  struct Case {
    std::function<void(GgufBuilder&)> spoil;
    std::string message;
  };
  const Case cases[] = {
      {[](GgufBuilder& b) { b.keys.erase(b.keys.begin()); }, "not an adapter"},
      {[](GgufBuilder& b) { b.keys.erase(b.keys.begin() + 1); }, "general.architecture"},
      {[](GgufBuilder& b) { b.keys.erase(b.keys.begin() + 2); }, "adapter.type"},
      {[](GgufBuilder& b) { b.keys.pop_back(); }, "adapter.lora.alpha: need a finite number"},
      {[](GgufBuilder& b) {
         b.keys.pop_back();
         b.number<double>("adapter.lora.alpha", 1e39);
       },
       "adapter.lora.alpha: need a finite number"},
      {[](GgufBuilder& b) { b.text("adapter.alora.invocation", "x"); },
       "key adapter.alora.invocation is not known"},
      {[](GgufBuilder& b) { b.tensors.pop_back(); }, "attn_q.weight.lora_b is missing"},
      {[](GgufBuilder& b) { b.tensors.erase(b.tensors.begin()); },
       "attn_q.weight.lora_a is missing"},
      {[](GgufBuilder& b) { b.tensors.clear(); }, "this adapter changes nothing"},
      {[](GgufBuilder& b) { b.tensor("blk.0.attn_q.weight", {2}, some_floats(2)); },
       "is none of an adapter"},
      {[](GgufBuilder& b) {
         b.tensor("blk.9.attn_q.weight.lora_a", {3, 16}, some_floats(48));
       },
       "blk.9.attn_q.weight adapts nothing of the base"},
      {[](GgufBuilder& b) {
         b.tensors[0].dimensions = {8, 6};
       },
       "lora_a does not fit the base"},
      {[](GgufBuilder& b) {
         b.tensors[1].dimensions = {6, 8};
       },
       "does not fit the base"},
      {[](GgufBuilder& b) {
         b.tensors[0].data.replace(0, 4,
                                   bytes_of(std::vector{std::numeric_limits<float>::quiet_NaN()}));
       },
       "not finite"},
  };
  for (const Case& c : cases) {
    GgufBuilder b = adapter();
    c.spoil(b);
    const std::string message = test::error_of([&] { open(b); });
    INFO(message);
    CHECK(message.find(c.message) != std::string::npos);
  }
}
