#include "train/output_folder.h"

#include <nalar/error.h>
#include <nalar/log.h>

#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"

namespace nalar::train {
namespace {

using test::MemoryDisk;

void put(MemoryDisk& disk, const std::string& path, std::string_view text) {
  const auto file = disk.create(path, 0600);
  file->write(std::as_bytes(std::span(text)));
  file->close();
}

void save(OutputFolder& folder, MemoryDisk& disk, int64_t step) {
  folder.prepare(100, 2);
  folder.checkpoints().save(
      step, Json::Object{}, [&](const std::string& at) { put(disk, at + "/state", "x"); }, 2);
}

std::optional<io::CheckpointDir::Found> newest(const OutputFolder& folder) {
  return folder.newest([](const std::string&) {});
}

TEST_CASE("nothing is made before prepare()") {
  MemoryDisk disk;
  const OutputFolder folder(disk, "/out", false);
  CHECK_FALSE(newest(folder));
  CHECK(disk.kind("/out") == io::PathKind::missing);
}

TEST_CASE("a folder that exists needs --resume") {
  MemoryDisk disk;
  disk.make_directory("/out", 0700);
  CHECK(test::error_of([&] { OutputFolder(disk, "/out", false); }) == "/out: exists already");
  CHECK(test::error_of([&] { OutputFolder(disk, "/out", true); }) == "no error");
  put(disk, "/file", "");
  CHECK(test::error_of([&] { OutputFolder(disk, "/file", true); }) == "/file: exists already");
}

TEST_CASE("a folder of something else is left alone") {
  MemoryDisk disk;
  disk.make_directory("/out", 0700);
  put(disk, "/out/thesis.tex", "");
  CHECK(test::error_of([&] { OutputFolder(disk, "/out", true); }) ==
        "/out: is not the folder of a training run");
  disk.make_directory("/out/checkpoints", 0700);
  put(disk, "/out/checkpoints/run-id", "../../etc\n");
  CHECK(test::error_of([&] { OutputFolder(disk, "/out", true); }).starts_with("/out/checkpoints"));
}

TEST_CASE("a run that was stopped before it saved begins anew, one that saved goes on") {
  MemoryDisk disk;
  OutputFolder(disk, "/out", false).prepare(100, 2);
  {
    OutputFolder again(disk, "/out", true);
    CHECK_FALSE(newest(again));
    save(again, disk, 3);
  }
  const OutputFolder third(disk, "/out", true);
  REQUIRE(newest(third));
  CHECK(newest(third)->step == 3);
}

TEST_CASE("one process at a time trains in a folder") {
  const std::string busy = "/out: another process trains in it";
  MemoryDisk disk;
  std::optional<OutputFolder> first(std::in_place, disk, "/out", false);
  std::optional<OutputFolder> late(std::in_place, disk, "/out",
                                   false);  // began before the other one made the folder
  first->prepare(100, 2);
  CHECK(test::error_of([&] { late->prepare(100, 2); }) == busy);
  CHECK(test::error_of([&] { OutputFolder(disk, "/out", true); }) == busy);
  first.reset();
  CHECK(test::error_of([&] { late->prepare(100, 2); }) == "/out: exists already");
  late.reset();
  CHECK(test::error_of([&] { OutputFolder(disk, "/out", true); }) == "no error");
}

TEST_CASE("two runs have different ids: a checkpoint of another is none of this") {
  MemoryDisk disk;
  OutputFolder a(disk, "/a", false);
  save(a, disk, 7);
  OutputFolder(disk, "/b", false).prepare(100, 2);
  disk.rename("/a/checkpoints/step-00000007", "/b/checkpoints/step-00000007");
  CHECK_FALSE(newest(OutputFolder(disk, "/b", true)));
}

TEST_CASE("the log goes on where the state says") {
  MemoryDisk disk;
  const std::string path = "/log.jsonl";
  {
    LogFile log(disk, path, 0);
    log.add("one\n");
    log.add("two\n");
    CHECK(log.bytes() == 8);
  }
  {
    LogFile log(disk, path, 4);
    log.add("three\n");
    CHECK(log.bytes() == 10);
  }
  CHECK(disk.bytes(path) == "one\nthree\n");
  SECTION("a log that is too short is begun anew") {
    LogFile log(disk, path, 99);
    CHECK(log.bytes() == 0);
  }
  SECTION("so is one that is gone") {
    disk.remove(path);
    LogFile log(disk, path, 4);
    CHECK(log.bytes() == 0);
  }
}

TEST_CASE("a log that fails is no end of the program, even where a notice is an error") {
  set_notice_sink(
      [](std::string_view text) { throw Error(ErrorKind::bad_data, std::string(text)); });
  for (int n = 1; n < 4; ++n) {
    MemoryDisk disk;
    test::NthCallFails fault(n, true);
    test::HookedFileSystem failing(disk, std::ref(fault));
    const std::string error = test::error_of([&] { LogFile(failing, "/log.jsonl", 0); });
    CHECK(fault.failed());
    // The third call is the close.
    CHECK((error == "no error") == (n == 3));
  }
  set_notice_sink({});
}

}  // namespace
}  // namespace nalar::train
