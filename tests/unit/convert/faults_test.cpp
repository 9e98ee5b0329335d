#include <algorithm>
#include <functional>
#include <map>

#include "convert/gguf_form.h"
#include "convert/hf_form.h"
#include "convert/output.h"
#include "convert_support.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/fault_file_system.h"

namespace nalar::convert::test {
namespace {

using io::PathKind;
using nalar::test::Fault;
using nalar::test::MemoryDisk;

constexpr int64_t kPart = 6000;  // bytes of tensors: several files of each set

// One of the things that convert makes, and where.
struct Work {
  std::string name;
  std::string out;  // what is there when all of it is
  std::function<void(io::FileSystem&)> run;
};

// Every form of one model, and of an adapter for it.
class Works {
 public:
  Works()
      : model_(open_model(golden_model("llama-bias"))),
        gguf_(gguf_form(*model_)),
        hf_(hf_form(*model_)),
        adapter_(engine::test::full_adapter(*model_, 7)),
        gguf_adapter_(model::gguf_adapter(adapter_->lora(), *model_)) {
    for (const std::optional<int64_t> split : {std::optional<int64_t>(), std::optional(kPart)}) {
      const std::string word = split ? " in parts" : "";
      add("GGUF" + word, split ? "/m-00001-of-" : "/m.gguf", [=, this](io::FileSystem& files) {
        TensorOutput output = tensor_output();
        write_gguf_files(files, "/m.gguf", gguf_, split, output);
      });
      add("folder" + word, "/hf", [=, this](io::FileSystem& files) {
        TensorOutput output = tensor_output();
        write_hf_folder(files, "/hf", hf_, split, output);
      });
    }
    add("PEFT folder", "/peft", [this](io::FileSystem& files) {
      write_peft_folder(files, "/peft", adapter_->lora(), *model_);
    });
    add("adapter's GGUF", "/lora.gguf",
        [this](io::FileSystem& files) { write_gguf_adapter(files, "/lora.gguf", gguf_adapter_); });
  }
  const std::vector<Work>& all() const { return list_; }

 private:
  TensorOutput tensor_output() const { return {model_->files(), 1, control_, 0}; }
  void add(std::string name, std::string out, std::function<void(io::FileSystem&)> run) {
    list_.push_back({std::move(name), std::move(out), std::move(run)});
  }

  std::shared_ptr<const Model> model_;
  GgufForm gguf_;
  HfForm hf_;
  std::shared_ptr<const Adapter> adapter_;
  model::GgufAdapter gguf_adapter_;
  ConvertControl control_;
  std::vector<Work> list_;
};

// All files below "/", with what is in them.
using Content = std::map<std::string, std::string>;
Content content_of(MemoryDisk& disk, const std::string& folder = "") {
  Content content;
  for (const std::string& name : disk.list(folder + "/")) {
    const std::string path = folder + "/" + name;
    if (disk.kind(path) == PathKind::directory) {
      content.merge(content_of(disk, path));
      content[path] = "a folder";
    } else {
      content[path] = disk.bytes(path);
    }
  }
  return content;
}

// A disk with something of the user's on it.
MemoryDisk some_disk() {
  MemoryDisk disk;
  const auto file = disk.create("/notes", 0600);
  file->write(std::as_bytes(std::span("mine", 4)));
  file->close();
  return disk;
}

bool is_there(const Content& content, const std::string& out) {
  return std::any_of(content.begin(), content.end(),
                     [&](const auto& file) { return file.first.starts_with(out); });
}

}  // namespace

TEST_CASE("whichever call fails, a result is whole or absent and nothing else is left") {
  const Works works;
  for (const Work& work : works.all()) {
    MemoryDisk before = some_disk(), done = before;
    work.run(done);
    const Content nothing = content_of(before), all = content_of(done);
    REQUIRE(is_there(all, work.out));
    const int calls =
        nalar::test::fail_each_call(before, work.run, [&](MemoryDisk& after, const Fault& fault) {
          INFO(work.name << ", call " << fault.call << (fault.for_good ? " and all after it" : ""));
          REQUIRE(fault.error);
          CHECK(fault.error->kind() == ErrorKind::io);
          const Content now = content_of(after);
          CHECK(now.at("/notes") == "mine");
          if (is_there(now, work.out)) {
            // What was made may be told to be unsure: its folder could not be synced.
            for (const auto& [path, bytes] : all) CHECK(now.at(path) == bytes);
          }
          // What cannot be removed either stays until the next time.
          if (!fault.for_good) CHECK((now == nothing || now == all));
        });
    CHECK(calls > 10);
  }
}

TEST_CASE("what a disk that failed for good left is no hindrance, and goes the next time") {
  const Works works;
  for (const Work& work : works.all()) {
    // Of a set, parts may have got their names: they are not written over.
    if (work.name.ends_with("GGUF in parts")) continue;
    MemoryDisk done = some_disk();
    work.run(done);
    const Content all = content_of(done);
    nalar::test::fail_each_call(some_disk(), work.run, [&](MemoryDisk& after, const Fault& fault) {
      INFO(work.name << ", call " << fault.call << (fault.for_good ? " and all after it" : ""));
      if (!is_there(content_of(after), work.out)) work.run(after);
      CHECK(content_of(after) == all);
    });
  }
}

TEST_CASE("a disk that is full at any byte keeps what it had") {
  const Works works;
  for (const Work& work : works.all()) {
    MemoryDisk done;
    work.run(done);
    uint64_t size = 0;
    for (const auto& [path, bytes] : content_of(done)) {
      if (done.kind(path) == PathKind::file) size += bytes.size();
    }
    for (uint64_t room = 0; room < size; room += size / 40 + 1) {
      INFO(work.name << ", room for " << room << " of " << size);
      MemoryDisk disk(room);
      CHECK(nalar::test::error_of([&] { work.run(disk); }).ends_with("no space"));
      CHECK(content_of(disk).empty());
    }
  }
}

TEST_CASE("losing power at any call leaves a whole GGUF file, a whole folder, or none") {
  const Works works;
  for (const Work& work : works.all()) {
    if (work.name.ends_with("in parts")) continue;  // the same calls, many more of them
    std::vector<MemoryDisk> moments;
    MemoryDisk disk;
    nalar::test::HookedFileSystem hooked(disk,
                                         [&](const std::string&) { moments.push_back(disk); });
    work.run(hooked);
    const Content all = content_of(disk);
    for (const MemoryDisk& moment : moments) {
      nalar::test::for_each_choice(50, [&](const MemoryDisk::Choose& choose) {
        MemoryDisk found = moment.after_power_loss(choose);
        const Content now = content_of(found);
        if (!is_there(now, work.out)) return;
        for (const auto& [path, bytes] : all) REQUIRE(now.at(path) == bytes);
      });
    }
  }
}

}  // namespace nalar::convert::test
