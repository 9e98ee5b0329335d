#include <nalar/error.h>
#include <nalar/log.h>
#include <nalar/model_files.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/safetensors_builder.h"

namespace nalar {
namespace {

using test::write_text;

Error error_of(const std::string& path, const OpenOptions& options = {}) {
  try {
    ModelFiles::open(path, options);
  } catch (const Error& e) {
    return e;
  }
  FAIL("opened " << path);
  return Error(ErrorKind::internal, "");
}

std::string part_bytes(int number, int count, int total = 2) {
  test::GgufBuilder b;
  if (number == 0) b.text("general.architecture", "test");
  b.number<uint16_t>("split.no", static_cast<uint16_t>(number));
  b.number<uint16_t>("split.count", static_cast<uint16_t>(count));
  b.number<int32_t>("split.tensors.count", total);
  b.tensor("t" + std::to_string(number), {4}, test::some_floats(4, static_cast<float>(number + 1)));
  return b.bytes();
}

std::string shard(const std::string& tensor) {
  test::SafetensorsBuilder b;
  return b.tensor(tensor, {4}, test::some_floats(4)).bytes();
}

}  // namespace

TEST_CASE("one GGUF file, under any name and through a link") {
  const std::string folder = test::temporary_folder();
  write_text(folder + "/model", test::small_gguf().bytes());
  REQUIRE(symlink("model", (folder + "/link").c_str()) == 0);
  for (const char* name : {"/model", "/link"}) {
    const auto files = ModelFiles::open(folder + name);
    CHECK(files->format() == ModelFormat::gguf);
    CHECK(files->gguf()->need_string("general.architecture") == "test");
    CHECK(files->tensors()->find("matrix")->bytes.size() == 48);
    CHECK(files->tensors()->find("none") == nullptr);
    CHECK(files->weight_paths() == std::vector<std::string>{folder + name});
    CHECK_FALSE(files->file("config.json"));
    files->release_pages(files->tensors()->find("matrix")->bytes);
  }
}

TEST_CASE("a split set is one model, whichever part is named") {
  const std::string folder = test::temporary_folder();
  write_text(folder + "/m-00001-of-00002.gguf", part_bytes(0, 2));
  write_text(folder + "/m-00002-of-00002.gguf", part_bytes(1, 2));
  for (const char* name : {"/m-00001-of-00002.gguf", "/m-00002-of-00002.gguf"}) {
    const auto files = ModelFiles::open(folder + name);
    REQUIRE(files->tensors()->tensors().size() == 2);
    CHECK(files->tensors()->tensors()[0].name == "t0");
    CHECK(files->gguf()->find("general.architecture") != nullptr);
    CHECK(files->weight_paths().size() == 2);
  }
}

TEST_CASE("a split set that is not whole is refused") {
  const std::string folder = test::temporary_folder();
  const std::string first = folder + "/m-00001-of-00003.gguf";
  write_text(first, part_bytes(0, 3));
  CHECK(std::string(error_of(first).what()) ==
        first +
            ": incomplete split set of 3 files: missing m-00002-of-00003.gguf, "
            "m-00003-of-00003.gguf");
  write_text(folder + "/m-00002-of-00003.gguf", part_bytes(1, 3));
  write_text(folder + "/m-00003-of-00003.gguf", part_bytes(1, 3));
  CHECK_THAT(error_of(first).what(),
             Catch::EndsWith("m-00003-of-00003.gguf: key split.no: got 1, need 2 for file 3 of 3"));
  write_text(folder + "/m-00003-of-00003.gguf", part_bytes(2, 3));
  CHECK_THAT(error_of(first).what(), Catch::Contains("split.tensors.count: got 2, the set has 3"));
  write_text(folder + "/other.gguf", part_bytes(0, 3));
  CHECK_THAT(error_of(folder + "/other.gguf").what(), Catch::Contains("is not named NAME-00001"));
}

TEST_CASE("a Hugging Face folder: weights and side files") {
  const std::string folder = test::temporary_folder();
  write_text(folder + "/model.safetensors", test::small_safetensors().bytes());
  write_text(folder + "/config.json", "{\"a\": 1}");
  const auto files = ModelFiles::open(folder);
  CHECK(files->format() == ModelFormat::hf);
  CHECK(files->gguf() == nullptr);
  CHECK(files->tensors()->find("half")->dtype == DType::bf16);
  CHECK(files->file("config.json") == "{\"a\": 1}");
  CHECK(files->file("config.json") == "{\"a\": 1}");
  CHECK_FALSE(files->file("tokenizer.json"));
  CHECK(files->path_of("config.json") == folder + "/config.json");
  CHECK_THROWS_AS(files->file("../config.json"), Error);
  write_text(folder + "/chat_template.jinja", std::string((1 << 20) + 1, 'x'));
  CHECK_THROWS_WITH(files->file("chat_template.jinja"), Catch::Contains("file too large"));
}

TEST_CASE("side files may be asked for by several threads") {
  const std::string folder = test::temporary_folder();
  for (const char* name : {"tokenizer.json", "config.json", "vocab.json"}) {
    write_text(folder + "/" + name, name);
  }
  const auto files = ModelFiles::open(folder);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (const char* name : {"config.json", "vocab.json", "tokenizer.json"}) {
        if (files->file(name) == name) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 12);
}

TEST_CASE("shards by their index") {
  const std::string folder = test::temporary_folder();
  const std::string index = folder + "/model.safetensors.index.json";
  const auto write_index = [&](const std::string& map) {
    write_text(index, "{\"metadata\":{\"total_size\":32},\"weight_map\":" + map + "}");
  };
  write_text(folder + "/1.safetensors", shard("a"));
  write_text(folder + "/2.safetensors", shard("b"));
  write_index(R"({"b":"2.safetensors","a":"1.safetensors"})");
  CHECK(ModelFiles::open(folder)->tensors()->tensors().size() == 2);
  CHECK(ModelFiles::open(folder)->weight_paths().size() == 2);

  write_index(R"({"b":"1.safetensors","a":"2.safetensors"})");
  CHECK_THAT(error_of(folder).what(),
             Catch::EndsWith("tensor b is not in its shard 1.safetensors"));
  write_index(R"({"c":"2.safetensors","a":"1.safetensors"})");
  CHECK_THAT(error_of(folder).what(),
             Catch::EndsWith("tensor c is not in its shard 2.safetensors"));
  write_index(R"({"a":"1.safetensors","b":"3.safetensors"})");
  CHECK_THAT(error_of(folder).what(), Catch::EndsWith("tensor b: shard 3.safetensors is missing"));
  write_index(R"({"a":"../1.safetensors"})");
  CHECK_THAT(error_of(folder).what(), Catch::Contains("shard name not allowed"));
}

TEST_CASE("an index whose total is off, or that leaves tensors out, is a notice") {
  const std::string folder = test::temporary_folder();
  write_text(folder + "/1.safetensors", test::small_safetensors().bytes());
  write_text(folder + "/model.safetensors.index.json",
             R"({"metadata":{"total_size":7},"weight_map":{"matrix":"1.safetensors"}})");
  std::string notices;
  set_notice_sink([&](std::string_view text) { notices.append(text).append("\n"); });
  CHECK(ModelFiles::open(folder)->tensors()->tensors().size() == 4);
  set_notice_sink({});
  CHECK_THAT(notices, Catch::Contains("hold 3 tensors that it does not name"));
  CHECK_THAT(notices, Catch::Contains("total_size says 7 bytes, the tensors have 60"));
}

TEST_CASE("links may not lead out of the folder, but through a Hugging Face cache") {
  const std::string root = test::temporary_folder();
  write_text(root + "/outside/w", test::small_safetensors().bytes());
  const std::string folder = root + "/model";
  std::filesystem::create_directories(folder);
  REQUIRE(symlink("../outside/w", (folder + "/model.safetensors").c_str()) == 0);
  const Error error = error_of(folder);
  CHECK(error.kind() == ErrorKind::no_input);
  CHECK(error.hint() == "--allow-symlinks");
  OpenOptions follow;
  follow.allow_symlinks = true;
  CHECK(ModelFiles::open(folder, follow)->tensors() != nullptr);

  const std::string model = root + "/hub/models--a--b";
  write_text(model + "/blobs/123", test::small_safetensors().bytes());
  std::filesystem::create_directories(model + "/snapshots/rev");
  const std::string link = model + "/snapshots/rev/model.safetensors";
  REQUIRE(symlink("../../blobs/123", link.c_str()) == 0);
  CHECK(ModelFiles::open(model + "/snapshots/rev")->tensors() != nullptr);
  REQUIRE(symlink((model + "/snapshots/rev").c_str(), (root + "/short").c_str()) == 0);
  CHECK(ModelFiles::open(root + "/short")->tensors() != nullptr);
  std::filesystem::remove(link);
  REQUIRE(symlink("../../../../outside/w", link.c_str()) == 0);
  CHECK(error_of(model + "/snapshots/rev").kind() == ErrorKind::no_input);
}

TEST_CASE("tokenizer and template files alone are parts") {
  const std::string folder = test::temporary_folder();
  write_text(folder + "/a/tokenizer.json", "{}");
  write_text(folder + "/b/some.jinja", "{{ x }}");
  write_text(folder + "/c/x.model", "\n\x0e");
  write_text(folder + "/d/mine.json", "{}");
  CHECK(ModelFiles::open(folder + "/a")->format() == ModelFormat::parts);
  CHECK(ModelFiles::open(folder + "/a")->tensors() == nullptr);
  CHECK(ModelFiles::open(folder + "/a")->file("tokenizer.json") == "{}");
  CHECK(ModelFiles::open(folder + "/b/some.jinja")->file("chat_template.jinja") == "{{ x }}");
  CHECK(ModelFiles::open(folder + "/c/x.model")->file("tokenizer.model")->size() == 2);
  CHECK(ModelFiles::open(folder + "/d/mine.json")->file("tokenizer.json") == "{}");
  CHECK_FALSE(ModelFiles::open(folder + "/d/mine.json")->file("config.json"));
}

TEST_CASE("what is no model is told by name") {
  const std::string folder = test::temporary_folder();
  const auto kind_of = [&](const std::string& name, const std::string& bytes,
                           const std::string& word) {
    write_text(folder + "/" + name, bytes);
    const Error e = error_of(folder + "/" + name);
    INFO(name);
    CHECK_THAT(e.what(), Catch::Contains(word));
    return e.kind();
  };
  const std::string lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  CHECK(kind_of("a.gguf", lfs, "Git LFS pointer") == ErrorKind::bad_data);
  CHECK(kind_of("b.gguf", " <!DOCTYPE HTML><p>", "HTML page") == ErrorKind::bad_data);
  CHECK(kind_of("c.gguf", "PK\x03\x04", "zip archive") == ErrorKind::bad_data);
  CHECK(kind_of("d.gguf", "\x1f\x8b\x08", "gzip") == ErrorKind::bad_data);
  CHECK(kind_of("e.bin", "PK\x03\x04", "pickle is refused") == ErrorKind::policy);
  CHECK(kind_of("f", "\x80\x02}q", "pickle is refused") == ErrorKind::policy);
  CHECK(
      kind_of("g", "abc\x1b", "not a model, a tokenizer or a template: begins with \"abc\\x1b\"") ==
      ErrorKind::bad_data);
  CHECK(kind_of("h", "", "empty file") == ErrorKind::bad_data);
  CHECK(kind_of("i.gguf", "", "not a GGUF file: too short") == ErrorKind::bad_data);
  CHECK(kind_of("j", test::small_safetensors().bytes(), "one safetensors file") ==
        ErrorKind::no_input);
}

TEST_CASE("folders without a model say what is there") {
  const std::string folder = test::temporary_folder();
  std::filesystem::create_directories(folder + "/empty");
  CHECK_THAT(error_of(folder + "/empty").what(), Catch::Contains("no model in this folder"));
  write_text(folder + "/pickled/pytorch_model.bin", "x");
  write_text(folder + "/pickled/tokenizer.json", "{}");
  CHECK(error_of(folder + "/pickled").kind() == ErrorKind::policy);
  write_text(folder + "/ggufs/a.gguf", "x");
  CHECK_THAT(error_of(folder + "/ggufs").what(), Catch::Contains("GGUF files: a.gguf"));
  write_text(folder + "/adapter/adapter_model.safetensors", "x");
  CHECK_THAT(error_of(folder + "/adapter").what(),
             Catch::Contains("only adapter_model.safetensors"));
  CHECK(error_of(folder + "/none").kind() == ErrorKind::no_input);
  REQUIRE(mkfifo((folder + "/pipe").c_str(), 0600) == 0);
  CHECK(error_of(folder + "/pipe").kind() == ErrorKind::no_input);
  CHECK(error_of("/dev/null").kind() == ErrorKind::no_input);
}

TEST_CASE("real models open") {
  for (const char* name : {"smollm2-135m-instruct-q4_1.gguf", "gemma-3-270m-q4_k_m.gguf",
                           "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"}) {
    const auto path = test::real_model(name);
    if (!path) continue;
    const auto files = ModelFiles::open(*path);
    CHECK(files->tensors()->find("token_embd.weight") != nullptr);
    CHECK(files->gguf()->find("tokenizer.ggml.tokens")->strings()->size() ==
          static_cast<size_t>(files->tensors()->find("token_embd.weight")->rows()));
  }
  if (const auto path = test::material("models/stories260k/hf")) {
    CHECK(ModelFiles::open(*path)->file("config.json"));
  }
}

}  // namespace nalar
