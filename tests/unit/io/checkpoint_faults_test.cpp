#include <nalar/error.h>

#include <random>

#include "io/checkpoint_dir.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/some_checkpoint.h"

namespace nalar::io {
namespace {

const std::string kPath = "/run/checkpoints";

test::MemoryDisk::Choose at_random(std::mt19937& rng) {
  return [&rng](int n) { return static_cast<int>(rng() % static_cast<unsigned>(n)); };
}

// The state of the disk before a call, and the step that save() had returned from.
struct Moment {
  test::MemoryDisk disk;
  int64_t saved;
};

// Every call of a run that is prepared and saves 10, 20, 30 and 40.
std::vector<Moment> moments_of_a_run(int keep) {
  std::vector<Moment> moments;
  test::MemoryDisk disk;
  int64_t saved = 0;
  test::HookedFileSystem fs(disk, [&](const std::string&) { moments.push_back({disk, saved}); });
  CheckpointDir dir(fs, kPath, "run A");
  dir.prepare(2000, keep);
  for (const int64_t step : {10, 20, 30, 40}) {
    save_step(dir, fs, step, keep);
    saved = step;
  }
  moments.push_back({disk, saved});
  return moments;
}

}  // namespace

TEST_CASE("losing power at any call leaves a whole checkpoint: the last one or the next") {
  std::mt19937 rng(1);
  for (const int keep : {1, 2}) {
    const std::vector<Moment> moments = moments_of_a_run(keep);
    CHECK(moments.size() > 150);
    int states = 0;
    int bad = 0;
    const auto look_at = [&](const Moment& moment, const test::MemoryDisk::Choose& choose) {
      test::MemoryDisk found = moment.disk.after_power_loss(choose);
      const int64_t step = newest_step(found, kPath);
      bad += step != moment.saved && step != moment.saved + 10;
      ++states;
    };
    for (const Moment& moment : moments) {
      test::for_each_choice(300, [&](const auto& choose) { look_at(moment, choose); });
      for (int i = 0; i < 40; ++i) look_at(moment, at_random(rng));
      // A process that is killed loses nothing of what it did.
      look_at(moment, [](int n) { return n - 1; });
    }
    CHECK(bad == 0);
    CHECK(states > 10'000);
  }
}

TEST_CASE("a run goes on after losing power, and leaves no more than it keeps") {
  std::mt19937 rng(2);
  int bad = 0;
  for (const Moment& moment : moments_of_a_run(2)) {
    test::MemoryDisk disk = moment.disk.after_power_loss(at_random(rng));
    CheckpointDir dir(disk, kPath, "run A");
    dir.prepare(2000, 2);
    for (const int64_t step : {10, 20, 30, 40, 50}) {
      if (step > newest_step(disk)) save_step(dir, disk, step);
    }
    bad += newest_step(disk) != 50 || disk.list(kPath).size() != 2;
  }
  CHECK(bad == 0);
}

TEST_CASE("whichever call of a save fails, once or for good, the older one stays") {
  test::MemoryDisk start;
  CheckpointDir first(start, kPath, "run A");
  first.prepare(2000, 2);
  save_step(first, start, 10);
  save_step(first, start, 20);
  for (const bool for_good : {false, true}) {
    int n = 1;
    for (bool failed = true; failed; ++n) {
      test::MemoryDisk disk = start;
      test::NthCallFails fault(n, for_good);
      test::HookedFileSystem fs(disk, std::ref(fault));
      CheckpointDir dir(fs, kPath, "run A");
      const bool saved = test::error_of([&] { save_step(dir, fs, 30); }) == "no error";
      failed = fault.failed();
      CHECK((saved || failed));
      const int64_t step = newest_step(disk);
      CHECK((step == 30 || (step == 20 && !saved)));
      CHECK(disk.list(kPath).size() <= 4);
      // The fault is over: the step is saved for good, and the next save clears up.
      CheckpointDir again(disk, kPath, "run A");
      save_step(again, disk, 30);
      test::for_each_choice(100, [&](const auto& choose) {
        test::MemoryDisk found = disk.after_power_loss(choose);
        CHECK(newest_step(found) == 30);
      });
      save_step(again, disk, 40);
      CHECK(newest_step(disk) == 40);
      CHECK(disk.list(kPath).size() == 2);
    }
    CHECK(n > 40);
  }
}

TEST_CASE("a fault while the newest is looked for costs at most that one") {
  test::MemoryDisk disk;
  CheckpointDir dir(disk, kPath, "run A");
  dir.prepare(2000, 2);
  save_step(dir, disk, 10);
  save_step(dir, disk, 20);
  for (const bool for_good : {false, true}) {
    bool failed = true;
    for (int n = 1; failed; ++n) {
      test::NthCallFails fault(n, for_good);
      test::HookedFileSystem fs(disk, std::ref(fault));
      std::optional<CheckpointDir::Found> found;
      const std::string error = test::error_of(
          [&] { found = CheckpointDir(fs, kPath, "run A").newest([](const std::string&) {}); });
      failed = fault.failed();
      if (!failed) CHECK((found && found->step == 20));
      if (failed && !for_good) CHECK(((found && found->step == 10) || error != "no error"));
      if (failed && for_good) CHECK_FALSE(found);
      if (found) CHECK(is_whole(disk, *found));
    }
  }
}

TEST_CASE("a full disk fails the save, takes nothing of the older ones and leaves nothing") {
  for (uint64_t room = 0; room <= 2500; room += 25) {
    test::MemoryDisk small(2300 + room);
    CheckpointDir dir(small, kPath, "run A");
    dir.prepare(100, 2);
    save_step(dir, small, 10);
    const uint64_t free = small.free_bytes("/");
    const std::string error = test::error_of([&] { save_step(dir, small, 20); });
    if (error == "no error") {
      CHECK(newest_step(small) == 20);
      continue;
    }
    CHECK_THAT(error, Catch::Contains("no space"));
    CHECK(newest_step(small) == 10);
    CHECK(small.free_bytes("/") == free);
    CHECK(small.list(kPath).size() == 1);
  }
}

}  // namespace nalar::io
