#include <nalar/error.h>

#include <functional>

#include "io/open_model_files.h"
#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

namespace nalar::io {
namespace {

// The disk, but for the n-th call, which fails (and all after it, if `for_good`).
class FaultyFileSystem final : public FileSystem {
 public:
  FaultyFileSystem(int n, bool for_good) : left_(n), for_good_(for_good) {}

  PathKind kind(const std::string& path) override { return call(path).kind(path); }
  std::unique_ptr<MappedFile> map(const std::string& path, uint64_t max_bytes) override {
    return call(path).map(path, max_bytes);
  }
  std::vector<std::string> list(const std::string& path) override { return call(path).list(path); }
  std::string canonical(const std::string& path) override { return call(path).canonical(path); }
  std::unique_ptr<OutputFile> create(const std::string& path, int mode) override {
    return call(path).create(path, mode);
  }
  void rename(const std::string& from, const std::string& to) override {
    call(from).rename(from, to);
  }
  void remove(const std::string& path) override { call(path).remove(path); }
  void sync_directory(const std::string& path) override { call(path).sync_directory(path); }

  bool failed() const { return failed_; }

 private:
  FileSystem& call(const std::string& path) {
    if (--left_ == 0 || (left_ < 0 && for_good_)) {
      failed_ = true;
      throw Error(ErrorKind::io, "injected").in_file(path);
    }
    return file_system();
  }

  int left_;
  bool for_good_;
  bool failed_ = false;
};

// Fails the first call, the second, … until none is left to fail; how many there were.
int fail_each(const std::function<void(FileSystem&)>& work, bool for_good) {
  for (int n = 1;; ++n) {
    FaultyFileSystem fs(n, for_good);
    try {
      work(fs);
      CHECK_FALSE(fs.failed());
    } catch (const Error& e) {
      CHECK(fs.failed());
      CHECK(e.kind() == ErrorKind::io);
      CHECK_THAT(e.what(), Catch::EndsWith(": injected"));
    }
    if (!fs.failed()) return n - 1;
  }
}

}  // namespace

TEST_CASE("whichever call of opening fails, its error comes through") {
  const std::string folder = test::temporary_folder();
  for (int i = 0; i < 2; ++i) {
    test::GgufBuilder part;
    part.number<uint16_t>("split.no", static_cast<uint16_t>(i)).number<uint16_t>("split.count", 2);
    part.tensor("t" + std::to_string(i), {4}, test::some_floats(4));
    test::write_text(folder + "/m-0000" + std::to_string(i + 1) + "-of-00002.gguf", part.bytes());
  }
  test::write_text(folder + "/hf/a.safetensors", test::small_safetensors().bytes());
  test::write_text(folder + "/hf/config.json", "{}");
  test::write_text(folder + "/hf/model.safetensors.index.json",
                   R"({"weight_map":{"matrix":"a.safetensors"}})");
  for (const bool for_good : {false, true}) {
    CHECK(fail_each(
              [&](FileSystem& fs) {
                const std::string first = folder + "/m-00001-of-00002.gguf";
                const auto files = open_model_files(fs, first, {});
                CHECK(files->tensors()->tensors().size() == 2);
              },
              for_good) >= 6);
    CHECK(fail_each(
              [&](FileSystem& fs) {
                const auto files = open_model_files(fs, folder + "/hf", {});
                const auto config = files->file("config.json");
                const auto tokenizer = files->file("tokenizer.json");
                CHECK(config == "{}");
                CHECK_FALSE(tokenizer);
              },
              for_good) >= 6);
  }
}

}  // namespace nalar::io
