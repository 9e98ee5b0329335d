#include "io/atomic_file.h"

#include <nalar/error.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"
#include "support/material.h"

namespace nalar::io {

TEST_CASE("a file is made, then replaced, with its mode and nothing beside it") {
  const std::string folder = test::temporary_folder();
  const std::string path = folder + "/run.json";
  write_atomically(file_system(), path, 0600, "one");
  CHECK(test::read_text(path) == "one");
  write_atomically(file_system(), path, 0640, "two");
  CHECK(test::read_text(path) == "two");
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0640);
  CHECK(file_system().list(folder) == std::vector<std::string>{"run.json"});
}

TEST_CASE("what killed processes left is removed, what others write stays") {
  test::MemoryDisk disk;
  const auto leave = [&](const std::string& name) { disk.create("/" + name, 0600)->close(); };
  leave(".tmp-f-" + std::to_string(getpid()));
  leave(".tmp-f-2000000000");  // above any process's number
  const std::vector<std::string> others = {".tmp-f-" + std::to_string(getppid()), ".tmp-f-12x",
                                           ".tmp-g-2000000000"};
  for (const std::string& name : others) leave(name);
  write_atomically(disk, "/f", 0600, "new");
  CHECK(disk.bytes("/f") == "new");
  std::vector<std::string> left = others;
  left.push_back("f");
  std::sort(left.begin(), left.end());
  CHECK(disk.list("/") == left);
}

TEST_CASE("a failing writer, call or disk leaves the old file alone") {
  test::MemoryDisk disk(7);
  write_atomically(disk, "/f", 0600, "old");
  CHECK_THROWS_AS(write_atomically(disk, "/f", 0600, "newer"), Error);
  CHECK_THROWS_AS(
      write_atomically(disk, "/f", 0600, [](OutputFile&) { throw std::runtime_error("no"); }),
      std::runtime_error);
  CHECK(disk.list("/").size() == 1);
  const auto write = [](FileSystem& fs) { write_atomically(fs, "/f", 0600, "new"); };
  const int calls =
      test::fail_each_call(disk, write, [](test::MemoryDisk& after, const test::Fault& fault) {
        REQUIRE(fault.error);
        // What cannot be removed either stays beside it.
        if (!fault.for_good) CHECK(after.list("/").size() == 1);
        // Once renamed, a folder that cannot be synced does not bring the old one back.
        const bool renamed = std::string_view(fault.error->what()) == "/: injected";
        CHECK((after.bytes("/f") == "old" || renamed));
      });
  CHECK(calls > 6);
}

TEST_CASE("losing power at any moment leaves the old file or the new one") {
  test::MemoryDisk disk;
  write_atomically(disk, "/f", 0600, "old");
  std::vector<test::MemoryDisk> moments;
  test::HookedFileSystem fs(disk, [&](const std::string&) { moments.push_back(disk); });
  write_atomically(fs, "/f", 0600, "new");
  int states = 0;
  for (const test::MemoryDisk& moment : moments) {
    states += test::for_each_choice(1000, [&](const test::MemoryDisk::Choose& choose) {
      test::MemoryDisk found = moment.after_power_loss(choose);
      const std::string text = found.bytes("/f");
      CHECK((text == "old" || text == "new"));
    });
  }
  CHECK(states > 10);
  moments.assign(1, disk);
  test::for_each_choice(1000, [&](const test::MemoryDisk::Choose& choose) {
    CHECK(moments[0].after_power_loss(choose).bytes("/f") == "new");
  });
}

}  // namespace nalar::io
