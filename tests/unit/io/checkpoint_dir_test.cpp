#include "io/checkpoint_dir.h"

#include <nalar/error.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/digest.h"
#include "io/checkpoint_manifest.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"
#include "support/some_checkpoint.h"

namespace nalar::io {
namespace {

const std::string kPath = "/run/checkpoints";
using Names = std::vector<std::string>;

// A run with checkpoints 20 and 40.
struct Run {
  test::MemoryDisk disk;
  CheckpointDir dir{disk, kPath, "run A"};

  Run() {
    dir.prepare(2000, 2);
    save_step(dir, disk, 20);
    save_step(dir, disk, 40);
  }
  Names notices() {
    Names lines;
    newest_step(disk, kPath, &lines);
    return lines;
  }
  std::string file(int64_t step, const std::string& name) {
    return kPath + "/step-000000" + std::to_string(step) + "/" + name;
  }
};

int mode_of(const std::string& path) {
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

// The manifest of `json` (without its digest) as a file would have it.
std::string manifest_text(Json json) {
  json.set("sha256", base::sha256_hex(to_text(json)));
  return to_text(json);
}

}  // namespace

TEST_CASE("on the disk: the newest is found, old ones go, all is private") {
  const std::string path = test::temporary_folder() + "/out/checkpoints/";
  CheckpointDir dir(file_system(), path, "run A");
  CHECK_FALSE(dir.newest([](const std::string&) {}));
  dir.prepare(1 << 20, 2);
  CHECK(file_system().list(path).empty());
  CHECK(mode_of(path) == 0700);
  for (const int64_t step : {20, 40, 60}) {
    save_step(dir, file_system(), step);
    CHECK(newest_step(file_system(), path) == step);
  }
  CHECK(file_system().list(path) == Names{"step-00000040", "step-00000060"});
  CHECK(file_system().list(path + "step-00000060") ==
        Names{"adapter.safetensors", "manifest.json", "state.json"});
  CHECK(mode_of(path + "step-00000060") == 0700);
  CHECK(mode_of(path + "step-00000060/manifest.json") == 0600);
}

TEST_CASE("a bit flipped anywhere in a checkpoint is found, and the one before used") {
  Run run;
  for (const std::string name : {"adapter.safetensors", "state.json", "manifest.json"}) {
    std::string& bytes = run.disk.bytes(run.file(40, name));
    for (size_t bit = 0; bit < 8 * bytes.size(); bit += name == "manifest.json" ? 1 : 97) {
      const std::string good = bytes;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      const int64_t step = newest_step(run.disk);
      // White space of the manifest may turn into other white space, without any harm.
      if (step != 20)
        CHECK((step == 40 && to_text(parse_json(bytes)) == to_text(parse_json(good))));
      bytes = good;
    }
  }
  CHECK(run.notices().empty());
  run.disk.bytes(run.file(40, "adapter.safetensors"))[7] ^= 1;
  CHECK(run.notices() ==
        Names{"checkpoint 40 is damaged (adapter.safetensors: SHA-256 differs), using 20"});
  run.disk.bytes(run.file(20, "state.json"))[0] ^= 1;
  CHECK(run.notices() ==
        Names{"checkpoint 40 is damaged (adapter.safetensors: SHA-256 differs), and there is no "
              "older one",
              "checkpoint 20 is damaged (state.json: SHA-256 differs), and there is no older one"});
  CHECK(newest_step(run.disk) == 0);
}

TEST_CASE("short, empty and missing files are found") {
  const auto notice_after = [](const std::function<void(Run&)>& damage) {
    Run run;
    damage(run);
    CHECK(newest_step(run.disk) == 20);
    const Names lines = run.notices();
    return lines.size() == 1 ? lines[0] : "not one notice";
  };
  CHECK(notice_after([](Run& r) { r.disk.bytes(r.file(40, "state.json")).pop_back(); }) ==
        "checkpoint 40 is damaged (state.json: got 10 bytes, need 11), using 20");
  CHECK(notice_after([](Run& r) { r.disk.bytes(r.file(40, "adapter.safetensors")).clear(); }) ==
        "checkpoint 40 is damaged (adapter.safetensors: got 0 bytes, need 1502), using 20");
  CHECK(notice_after([](Run& r) { r.disk.bytes(r.file(40, "state.json")) += "x"; }) ==
        "checkpoint 40 is damaged (state.json: got 12 bytes, need 11), using 20");
  CHECK(notice_after([](Run& r) { r.disk.remove(r.file(40, "state.json")); }) ==
        "checkpoint 40 is damaged (state.json: missing), using 20");
  CHECK(notice_after([](Run& r) { r.disk.remove(r.file(40, "manifest.json")); }) ==
        "checkpoint 40 is damaged (manifest.json: missing), using 20");
  CHECK_THAT(notice_after([](Run& r) { r.disk.bytes(r.file(40, "manifest.json")).clear(); }),
             Catch::StartsWith("checkpoint 40 is damaged (manifest.json: "));
  CHECK_THAT(notice_after([](Run& r) { r.disk.bytes(r.file(40, "manifest.json")).resize(200); }),
             Catch::StartsWith("checkpoint 40 is damaged (manifest.json: "));
  CHECK_THAT(notice_after(
                 [](Run& r) { r.disk.rename(kPath + "/step-00000040", kPath + "/step-00000099"); }),
             Catch::StartsWith("checkpoint 99 is damaged (manifest.json: of step 40)"));
}

TEST_CASE("leftovers, stale steps of other runs and strange names are passed over") {
  Run run;
  CheckpointDir other(run.disk, kPath, "run\x1b B");
  save_step(other, run.disk, 60);
  run.disk.make_directory(kPath + "/.tmp-80-1", 0700);
  for (const std::string name :
       {"latest", "step-9", "step-000000x0", "step-000000400", "step--0000001"}) {
    run.disk.make_directory(kPath + "/" + name, 0700);
  }
  CHECK(newest_step(run.disk) == 40);
  CHECK(run.notices() == Names{".tmp-80-1 is left of a save that did not end: ignored",
                               "checkpoint 60 is of another run (run\\x1b B): ignored"});
}

TEST_CASE("counting keeps whole ones of this run alone") {
  Run run;
  CheckpointDir other(run.disk, kPath, "run B");
  save_step(other, run.disk, 30, 1);
  run.disk.bytes(run.file(40, "state.json"))[0] ^= 1;
  // A new process, which has verified nothing yet.
  CheckpointDir again(run.disk, kPath, "run A");
  save_step(again, run.disk, 50, 2);
  CHECK(run.disk.list(kPath) ==
        Names{"step-00000020", "step-00000030", "step-00000040", "step-00000050"});
  save_step(again, run.disk, 70, 2);
  CHECK(run.disk.list(kPath) == Names{"step-00000030", "step-00000050", "step-00000070"});
  save_step(again, run.disk, 80, 1);
  CHECK(run.disk.list(kPath) == Names{"step-00000030", "step-00000080"});
  // One that cannot be told to be ours is not ours to remove.
  run.disk.remove(run.file(80, "manifest.json"));
  CheckpointDir third(run.disk, kPath, "run A");
  save_step(third, run.disk, 90, 1);
  CHECK(run.disk.list(kPath) == Names{"step-00000030", "step-00000080", "step-00000090"});
}

TEST_CASE("a step that is there already") {
  Run run;
  bool called = false;
  const auto mark = [&](const std::string&) { called = true; };
  run.dir.save(40, kIdentity, mark, 2);
  CHECK_FALSE(called);
  CHECK_THAT(test::error_of([&] {
               run.dir.save(40, Json::Object{{"lr", 2.0}}, mark, 2);
             }),
             Catch::EndsWith("this run has saved this step with another identity"));
  // Damaged: replaced. Of another run: moved out of the way.
  run.disk.bytes(run.file(40, "state.json"))[0] ^= 1;
  save_step(run.dir, run.disk, 40);
  CHECK(run.disk.list(kPath) == Names{"step-00000020", "step-00000040"});
  CHECK(newest_step(run.disk) == 40);
  CheckpointDir other(run.disk, kPath, "run B");
  save_step(other, run.disk, 40);
  CHECK(run.disk.list(kPath) == Names{"step-00000020", "step-00000040", "step-00000040.1"});
  save_step(run.dir, run.disk, 40);
  CHECK(run.disk.list(kPath) ==
        Names{"step-00000020", "step-00000040", "step-00000040.1", "step-00000040.2"});
  CHECK(newest_step(run.disk) == 40);
}

TEST_CASE("leftovers of dead processes are removed, those of live ones stay") {
  Run run;
  const pid_t dead = fork();
  if (dead == 0) _exit(0);
  REQUIRE(dead > 0);
  const std::string of_dead = ".tmp-60-" + std::to_string(dead);
  const std::string of_us = ".tmp-60-" + std::to_string(getpid());
  for (const std::string& name : {of_dead, of_us, of_dead + "-old"}) {
    run.disk.make_directory(kPath + "/" + name, 0700);
    write_file(run.disk, kPath + "/" + name + "/adapter.safetensors", "half", false);
  }
  // Still a zombie: its number is in use.
  run.dir.prepare(2000, 2);
  CHECK(run.disk.kind(kPath + "/" + of_dead) == PathKind::directory);
  CHECK(run.disk.kind(kPath + "/" + of_us) == PathKind::missing);
  REQUIRE(waitpid(dead, nullptr, 0) == dead);
  save_step(run.dir, run.disk, 60);
  CHECK(run.disk.kind(kPath + "/" + of_dead) == PathKind::missing);
  CHECK(run.disk.kind(kPath + "/" + of_dead + "-old") == PathKind::missing);
}

TEST_CASE("a newer format is told, not passed over") {
  Run run;
  const auto rewrite = [&](Json json) {
    run.disk.bytes(run.file(40, "manifest.json")) = manifest_text(std::move(json));
    return test::error_of([&] { run.dir.newest([](const std::string&) {}); });
  };
  CHECK(rewrite(Json::Object{{"version", 2}, {"run_id", "run A"}}) ==
        run.file(40, "manifest.json") + ": newer format than this program can read");
  CHECK(rewrite(Json::Object{{"version", 2}, {"run_id", "run B"}}) == "no error");
  // It stays whatever this program does.
  CHECK(rewrite(Json::Object{{"version", 2}, {"run_id", "run A"}}) != "no error");
  CheckpointDir again(run.disk, kPath, "run A");
  save_step(again, run.disk, 60, 1);
  CHECK(run.disk.list(kPath) == Names{"step-00000040", "step-00000060"});
}

TEST_CASE("a hostile manifest is refused by the key") {
  const std::string sha(64, 'a');
  const auto problem = [&](const std::string& files, const std::string& rest = R"("step":40)") {
    const Json json = parse_json(R"({"version":1,"run_id":"run A","identity":null,"files":)" +
                                 files + "," + rest + "}");
    return test::error_of([&] { parse_checkpoint_manifest(json); });
  };
  const auto named = [&](const std::string& name) {
    return R"([{"name":")" + name + R"(","bytes":1,"sha256":")" + sha + R"("}])";
  };
  CHECK(problem(named("a")) == "no error");
  for (const std::string name :
       {"../a", "/etc/passwd", "a/b", "..", "", "a\\\\b", "a\\u0000b", "manifest.json", "C:a"}) {
    CHECK_THAT(problem(named(name)), Catch::StartsWith("key name: got "));
  }
  const std::string one = named("a").substr(1, named("a").size() - 2);
  CHECK(problem("[" + one + "," + one + "]") == "key name: got a, need each name once");
  CHECK(problem(R"([{"name":"a","bytes":-1,"sha256":""}])") ==
        "key bytes: got -1, need an integer from 0 to 2^63-1");
  CHECK_THAT(problem(R"([{"name":"a","bytes":1e3,"sha256":""}])"), Catch::StartsWith("key bytes"));
  CHECK_THAT(problem(R"([{"name":"a","bytes":1,"sha256":"ABC"}])"),
             Catch::StartsWith("key sha256"));
  CHECK_THAT(problem(R"([{"name":"a","bytes":1}])"), Catch::StartsWith("key sha256: got nothing"));
  CHECK_THAT(problem("[3]"), Catch::StartsWith("key files: got integer"));
  CHECK_THAT(problem("{}"), Catch::StartsWith("key files: got object"));
  CHECK_THAT(problem("[]", R"("step":18446744073709551615)"),
             Catch::StartsWith("key step: got 1844"));
  CHECK_THAT(problem("[]", R"("step":100000000)"), Catch::StartsWith("key step: got 100000000"));
  std::string many = one;
  for (int i = 0; i < 1000; ++i) many += "," + one;
  CHECK_THAT(problem("[" + many + "]"), Catch::StartsWith("key files: got 1001"));
  CHECK_THAT(test::error_of([&] { read_checkpoint_manifest(std::string(100'000, '[')); }),
             Catch::Contains("JSON error"));
  CHECK_THAT(test::error_of([] { read_checkpoint_manifest("[]"); }), Catch::Contains("object"));
  CHECK_THAT(test::error_of([] { read_checkpoint_manifest("{}"); }), Catch::Contains("sha256"));
}

TEST_CASE("prepare shows what a save will need") {
  test::MemoryDisk disk(10'000);
  CheckpointDir dir(disk, kPath, "run A");
  CHECK(test::error_of([&] { dir.prepare(4000, 2); }) ==
        kPath + ": no room for 3 checkpoints of 4000 bytes: got 10000 bytes free, need 12000");
  dir.prepare(3000, 2);
  save_step(dir, disk, 10);
  save_step(dir, disk, 20);
  // What is there counts: a run that goes on needs no more than it did.
  CHECK_NOTHROW(dir.prepare(3000, 2));
  CHECK(disk.list(kPath) == Names{"step-00000010", "step-00000020"});
  CHECK_THROWS_AS(dir.prepare(disk.free_bytes("/") + 1, 1), Error);
}

TEST_CASE("a disk that does not give back what it took is found out, before an old one goes") {
  Run run;
  std::string rotten;
  test::HookedFileSystem fs(run.disk, [&](const std::string& path) {
    if (!rotten.empty() && path.ends_with(rotten) && run.disk.kind(path) == PathKind::file) {
      run.disk.bytes(path).back() ^= 1;
      rotten.clear();
    }
  });
  CheckpointDir dir(fs, kPath, "run A");
  rotten = "-old/probe";
  CHECK_THAT(test::error_of([&] { dir.prepare(2000, 1); }),
             Catch::EndsWith("reads back otherwise than it was written"));
  CHECK(run.disk.list(kPath) == Names{"step-00000020", "step-00000040"});
  rotten = "/step-00000060/state.json";
  CHECK_THAT(test::error_of([&] { save_step(dir, fs, 60, 1); }),
             Catch::EndsWith("does not read back as written: state.json: SHA-256 differs"));
  CHECK(newest_step(run.disk) == 40);
  CHECK(run.disk.list(kPath).size() == 3);
}

TEST_CASE("only files make a checkpoint") {
  Run run;
  const auto problem = [&](const std::function<void(const std::string&)>& write) {
    return test::error_of([&] { run.dir.save(60, kIdentity, write, 2); });
  };
  CHECK_THAT(
      problem([&](const std::string& f) { write_file(run.disk, f + "/manifest.json", "", true); }),
      Catch::EndsWith("manifest.json: is no file of a checkpoint"));
  CHECK(newest_step(run.disk) == 40);
  CHECK(run.disk.list(kPath) == Names{"step-00000020", "step-00000040"});
  CHECK_THROWS_AS(run.dir.save(
                      60, kIdentity, [](const std::string&) { throw std::bad_alloc(); }, 2),
                  std::bad_alloc);
  CHECK(run.disk.list(kPath) == Names{"step-00000020", "step-00000040"});
}

}  // namespace nalar::io
