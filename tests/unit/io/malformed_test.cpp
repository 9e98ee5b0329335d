#include "support/malformed.h"

#include <nalar/error.h>
#include <nalar/json.h>
#include <nalar/model_files.h>

#include <chrono>
#include <filesystem>
#include <regex>
#include <set>

#include "io/gguf_reader.h"
#include "io/json_walk.h"
#include "io/safetensors_reader.h"
#include "io/tensor_file.h"
#include "support/catch.h"
#include "support/gguf_builder.h"
#include "support/material.h"
#include "support/safetensors_builder.h"
#include "support/tiny_llama.h"

namespace nalar {
namespace {

namespace fs = std::filesystem;

// Reads every byte that a view shows: an address sanitizer sees one that is not there.
uint64_t touch(const std::vector<TensorView>& tensors) {
  uint64_t sum = 0;
  for (const TensorView& t : tensors) {
    sum += t.name.size() + static_cast<uint64_t>(t.rows());
    for (const std::byte b : t.bytes) sum += static_cast<uint64_t>(b);
  }
  return sum;
}

void check(const test::Malformed& bad) {
  const std::string folder = test::temporary_folder() + "/" + bad.name;
  const std::string path = make_files(bad, folder);
  INFO(bad.name);
  try {
    const auto files = ModelFiles::open(path);
    if (files->tensors() != nullptr) touch(files->tensors()->tensors());
    CHECK(bad.code == 0);
  } catch (const Error& e) {
    CHECK(static_cast<int>(e.kind()) == bad.code);
    const std::string line = e.what();
    INFO(line);
    CHECK(std::regex_search(line, std::regex(bad.message)));
    CHECK(bad.code != 0);
    // It names the file and cannot steer a terminal.
    CHECK(line.find(": ") != std::string::npos);
    CHECK(std::none_of(line.begin(), line.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
  }
  fs::remove_all(folder);
}

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// Counts what was tried and what was accepted; anything but Error(bad_data) escapes and fails the
// test.
struct Tally {
  int tried = 0;
  int accepted = 0;
  template <typename F>
  void run(F&& parse) {
    ++tried;
    try {
      parse();
      ++accepted;
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::bad_data) throw;
    }
  }
};

}  // namespace

TEST_CASE("broken GGUF files end in the right error") { test::each_malformed_gguf(check); }
TEST_CASE("broken safetensors files end in the right error") {
  test::each_malformed_safetensors(check);
}
TEST_CASE("broken indexes end in the right error") { test::each_malformed_index(check); }
TEST_CASE("broken JSON ends in the right error") { test::each_malformed_json(check); }
TEST_CASE("paths that lead to no model end in the right error") {
  test::each_malformed_path(check);
}

TEST_CASE("every case has its own name") {
  std::set<std::string> names;
  std::set<int> rows;
  test::each_malformed([&](const test::Malformed& bad) {
    CHECK(names.insert(bad.name).second);
    rows.insert(bad.row);
  });
  CHECK(names.size() >= 250);
  CHECK(rows.size() >= 48);
}

TEST_CASE("GGUF sweep: cut, flipped, replaced") {
  for (const auto& seed : {test::small_gguf()}) {
    Tally tally;
    test::sweep(seed.bytes(), seed.header().size(), [&](const std::string& bytes) {
      tally.run([&] { touch(io::parse_gguf(as_bytes(bytes)).tensors); });
    });
    CHECK(tally.tried > 10'000);
    // Values and names may change without harm; structure may not.
    CHECK(tally.accepted > 0);
    CHECK(tally.accepted < tally.tried * 9 / 10);
  }
}

TEST_CASE("safetensors sweep: cut, flipped, replaced") {
  const test::SafetensorsBuilder seed = test::small_safetensors();
  Tally tally;
  test::sweep(seed.bytes(), 8 + seed.header_text().size(), [&](const std::string& bytes) {
    tally.run([&] { touch(io::parse_safetensors(as_bytes(bytes)).tensors); });
  });
  CHECK(tally.tried > 4'000);
  CHECK(tally.accepted < tally.tried / 2);
}

TEST_CASE("JSON sweep: the fast parser and the slow one agree on everything") {
  const std::string seed =
      R"({"a": [1, -2.5e3, "x\u00e9\ud83d\ude00\n", true, null], "b": {"c": {}, "d": [[]]}, "é": 18446744073709551615})";
  Tally fast;
  test::sweep(seed, seed.size(), [&](const std::string& text) {
    std::string a = "error", b = "error";
    fast.run([&] { a = to_text(parse_json(text)); });
    Tally slow;
    slow.run([&] { b = to_text(io::parse_json_slowly(text, {})); });
    REQUIRE(a == b);
  });
  CHECK(fast.tried > 1'000);
}

TEST_CASE("real files of the sweep") {
  for (const char* name : {"models/gguf/tiny_kquant.gguf", "models/gguf/tiny_llama_q8.gguf"}) {
    const auto path = test::material(name);
    if (!path) continue;
    const std::string bytes = test::read_text(*path);
    Tally tally;
    test::sweep(bytes, 1024, [&](const std::string& changed) {
      tally.run([&] { io::parse_gguf(as_bytes(changed)); });
    });
    CHECK(tally.tried > 30'000);
  }
}

TEST_CASE("the JSON parsing test suite") {
  const auto folder = test::material("bad/json/test_parsing");
  if (!folder) return;
  for (const auto& entry : fs::directory_iterator(*folder)) {
    const std::string name = entry.path().filename();
    const std::string text = test::read_text(entry.path());
    bool accepted = false;
    std::string message;
    try {
      parse_json(text);
      accepted = true;
    } catch (const Error& e) {
      message = e.what();
      CHECK(e.kind() == ErrorKind::bad_data);
    }
    INFO(name << " " << message);
    const bool duplicate = name.rfind("y_object_duplicated_key", 0) == 0;
    if (name[0] == 'y') CHECK(accepted == !duplicate);
    if (name[0] == 'n') CHECK_FALSE(accepted);
    if (!accepted) CHECK(message.rfind("JSON error (at line ", 0) == 0);
  }
}

TEST_CASE("other people's seeds") {
  for (const char* name : {"bad/gguf-fuzz-seeds", "bad/made-here/gguf"}) {
    const auto folder = test::material(name);
    if (!folder) continue;
    for (const auto& entry : fs::directory_iterator(*folder)) {
      Tally tally;
      const std::string bytes = test::read_text(entry.path());
      tally.run([&] { touch(io::parse_gguf(as_bytes(bytes)).tensors); });
      CHECK(tally.accepted == (entry.path().extension() == ".gguf" ? 1 : 0));
    }
  }
}

}  // namespace nalar
