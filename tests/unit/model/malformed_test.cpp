#include "support/malformed.h"

#include <nalar/error.h>
#include <nalar/model.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "support/catch.h"
#include "support/material.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

using namespace nalar;

namespace {

void check(const test::Malformed& bad) {
  const std::string folder = test::temporary_folder() + "/" + bad.name;
  const std::string path = make_files(bad, folder);
  INFO(bad.name);
  try {
    open_model(path);
    CHECK(bad.code == 0);
  } catch (const Error& e) {
    const std::string line = e.what();
    INFO(line);
    CHECK(static_cast<int>(e.kind()) == bad.code);
    CHECK(std::regex_search(line, std::regex(bad.message)));
    // It names the file, is short and cannot steer a terminal.
    CHECK(line.find(folder) == 0);
    CHECK(line.size() < folder.size() + 500);
    CHECK(std::none_of(line.begin(), line.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace

TEST_CASE("files that are whole but no model end in the right error") {
  int n = 0;
  test::each_malformed_model([&](const test::Malformed& bad) {
    check(bad);
    ++n;
  });
  CHECK(n >= 70);
}

// Every key's value is replaced, every tensor renamed: nothing but an answer or bad_data comes of
// it.
TEST_CASE("a sweep over a whole model's header") {
  const test::GgufBuilder seed = test::tiny_llama();
  const std::string path = test::temporary_folder() + "/model.gguf";
  int tried = 0;
  const auto run = [&](const test::GgufBuilder& b) {
    test::write_text(path, b.bytes());
    ++tried;
    try {
      open_model(path);
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::bad_data) throw;
    }
  };
  for (size_t i = 0; i < seed.keys.size(); ++i) {
    if (seed.keys[i].payload.size() != 4) continue;
    for (const uint32_t value : {0u, 1u, 3u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
      test::GgufBuilder b = seed;
      b.keys[i].payload.clear();
      test::append(b.keys[i].payload, value);
      run(b);
    }
    test::GgufBuilder gone = seed;
    gone.keys.erase(gone.keys.begin() + static_cast<std::ptrdiff_t>(i));
    run(gone);
  }
  for (size_t i = 0; i < seed.tensors.size(); ++i) {
    test::GgufBuilder b = seed;
    b.tensors[i].name += "x";
    run(b);
    b = seed;
    std::reverse(b.tensors[i].dimensions.begin(), b.tensors[i].dimensions.end());
    run(b);
    b.tensors[i].dimensions.push_back(1);
    run(b);
  }
  CHECK(tried >= 100);
}
