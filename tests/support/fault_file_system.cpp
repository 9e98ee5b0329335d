#include "support/fault_file_system.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace nalar::test {
namespace {

using io::PathKind;

[[noreturn]] void fail(ErrorKind kind, const std::string& path, const std::string& what) {
  throw Error(kind, what).in_file(path);
}

std::pair<std::string, std::string> split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

class MemoryMapping final : public io::MappedFile {
 public:
  explicit MemoryMapping(std::string bytes) : bytes_(std::move(bytes)) {}
  std::span<const std::byte> bytes() const override { return std::as_bytes(std::span(bytes_)); }
  void release_pages(std::span<const std::byte>) const override {}

 private:
  std::string bytes_;
};

class MemoryInput final : public io::InputFile {
 public:
  explicit MemoryInput(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  size_t read(std::span<std::byte> into) override {
    // Short reads, as the system may give them.
    const size_t n = std::min({into.size(), bytes_.size() - at_, size_t{1000}});
    if (n > 0) std::memcpy(into.data(), bytes_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

}  // namespace

class MemoryOutput final : public io::OutputFile {
 public:
  MemoryOutput(MemoryDisk& disk, std::string path, bool is_new)
      : disk_(disk), path_(std::move(path)), node_(*disk.find(path_)), remove_(is_new) {}
  ~MemoryOutput() override {
    if (remove_) disk_.take_away(path_, false);
  }

  void write(std::span<const std::byte> bytes) override {
    const uint64_t free = disk_.free_bytes("/");
    const size_t n = static_cast<size_t>(std::min<uint64_t>(free, bytes.size()));
    node().now.append(reinterpret_cast<const char*>(bytes.data()), n);
    if (n < bytes.size()) fail(ErrorKind::io, path_, "cannot be written: no space");
  }
  void overwrite(uint64_t offset, std::span<const std::byte> bytes) override {
    node().now.replace(offset, bytes.size(), reinterpret_cast<const char*>(bytes.data()),
                       bytes.size());
  }
  const std::string& path() const override { return path_; }
  void sync() override { node().synced = node().now; }
  void close() override { remove_ = false; }

 private:
  MemoryDisk::Node& node() { return disk_.nodes_[node_]; }

  MemoryDisk& disk_;
  std::string path_;
  size_t node_;
  bool remove_;
};

MemoryDisk::MemoryDisk(uint64_t capacity) : capacity_(capacity) {
  nodes_.emplace_back().directory = true;
}

std::optional<size_t> MemoryDisk::find(const std::string& path) const {
  size_t at = 0;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) continue;
    const auto found = nodes_[at].names.find(name);
    if (found == nodes_[at].names.end()) return std::nullopt;
    at = found->second;
  }
  return at;
}

MemoryDisk::Node& MemoryDisk::existing(const std::string& path, bool directory) {
  const auto at = find(path);
  if (!at) fail(ErrorKind::no_input, path, "no such file");
  if (nodes_[*at].directory != directory) fail(ErrorKind::no_input, path, "not of that kind");
  return nodes_[*at];
}

MemoryDisk::Node& MemoryDisk::parent_of(const std::string& path) {
  return existing(split(path).first, true);
}

void MemoryDisk::apply(std::map<std::string, size_t>& names, const Change& change) {
  if (!change.gone.empty()) names.erase(change.gone);
  if (!change.name.empty()) names[change.name] = change.node;
}

size_t MemoryDisk::add(const std::string& path, Node node) {
  if (find(path)) fail(ErrorKind::cannot_create, path, "exists");
  Change change{"", split(path).second, nodes_.size()};
  Node& parent = parent_of(path);
  apply(parent.names, change);
  parent.changes.push_back(std::move(change));
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

void MemoryDisk::take_away(const std::string& path, bool directory) {
  const Node& node = existing(path, directory);
  if (!node.names.empty()) fail(ErrorKind::cannot_create, path, "not empty");
  Node& parent = parent_of(path);
  Change change{split(path).second, "", 0};
  apply(parent.names, change);
  parent.changes.push_back(std::move(change));
}

uint64_t MemoryDisk::used(size_t node) const {
  uint64_t bytes = nodes_[node].now.size();
  for (const auto& [name, child] : nodes_[node].names) bytes += used(child);
  return bytes;
}

io::PathKind MemoryDisk::kind(const std::string& path) {
  const auto at = find(path);
  if (!at) return PathKind::missing;
  return nodes_[*at].directory ? PathKind::directory : PathKind::file;
}

std::unique_ptr<io::MappedFile> MemoryDisk::map(const std::string& path, uint64_t max_bytes) {
  const std::string& bytes = existing(path, false).now;
  if (bytes.size() > max_bytes) fail(ErrorKind::bad_data, path, "file too large");
  return std::make_unique<MemoryMapping>(bytes);
}

std::unique_ptr<io::InputFile> MemoryDisk::open(const std::string& path) {
  return std::make_unique<MemoryInput>(existing(path, false).now);
}

std::vector<std::string> MemoryDisk::list(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& [name, node] : existing(directory, true).names) names.push_back(name);
  return names;
}

std::unique_ptr<io::OutputFile> MemoryDisk::create(const std::string& path, int mode) {
  Node node;
  node.mode = mode;
  add(path, std::move(node));
  return std::make_unique<MemoryOutput>(*this, path, true);
}

std::unique_ptr<io::OutputFile> MemoryDisk::append(const std::string& path, uint64_t offset) {
  Node& node = existing(path, false);
  if (node.now.size() < offset) fail(ErrorKind::bad_data, path, "file is short");
  node.now.resize(static_cast<size_t>(offset));
  return std::make_unique<MemoryOutput>(*this, path, false);
}

void MemoryDisk::make_directory(const std::string& path, int mode) {
  Node node;
  node.directory = true;
  node.mode = mode;
  add(path, std::move(node));
}

void MemoryDisk::rename(const std::string& from, const std::string& to) {
  const auto node = find(from);
  if (!node) fail(ErrorKind::cannot_create, from, "no such file");
  if (const auto old = find(to); old && !nodes_[*old].names.empty()) {
    fail(ErrorKind::cannot_create, to, "not empty");
  }
  Node& source = parent_of(from);
  Node& target = parent_of(to);
  const Change gone{split(from).second, "", 0};
  Change change{&source == &target ? gone.gone : "", split(to).second, *node};
  if (&source != &target) {
    apply(source.names, gone);
    source.changes.push_back(gone);
  }
  apply(target.names, change);
  target.changes.push_back(std::move(change));
}

void MemoryDisk::remove(const std::string& path) { take_away(path, false); }

void MemoryDisk::remove_directory(const std::string& path) { take_away(path, true); }

void MemoryDisk::sync_file(const std::string& path) {
  Node& node = existing(path, false);
  node.synced = node.now;
}

void MemoryDisk::sync_directory(const std::string& directory) {
  Node& node = existing(directory, true);
  node.synced_names = node.names;
  node.changes.clear();
}

uint64_t MemoryDisk::free_bytes(const std::string&) {
  return capacity_ - std::min(capacity_, used(0));
}

std::unique_ptr<io::FolderLock> MemoryDisk::lock(const std::string& directory) {
  class Lock final : public io::FolderLock {
   public:
    Lock(std::shared_ptr<std::set<std::string>> locked, std::string path)
        : locked_(std::move(locked)), path_(std::move(path)) {}
    ~Lock() override { locked_->erase(path_); }

   private:
    std::shared_ptr<std::set<std::string>> locked_;
    std::string path_;
  };
  existing(directory, true);
  if (!locked_->insert(directory).second) return nullptr;
  return std::make_unique<Lock>(locked_, directory);
}

std::string& MemoryDisk::bytes(const std::string& path) { return existing(path, false).now; }

int MemoryDisk::mode(const std::string& path) { return nodes_[find(path).value()].mode; }

MemoryDisk MemoryDisk::after_power_loss(const Choose& choose) const {
  MemoryDisk disk = *this;
  disk.locked_ = std::make_shared<std::set<std::string>>();
  disk.settle(0, choose);
  return disk;
}

void MemoryDisk::settle(size_t at, const Choose& choose) {
  Node& node = nodes_[at];
  if (!node.directory) {
    if (node.now != node.synced) {
      const std::string kept = node.synced.substr(0, std::min(node.now.size(), node.synced.size()));
      const std::string zeros(node.now.size() - kept.size(), '\0');
      const std::string found[] = {node.synced, node.now, node.now.substr(0, node.now.size() / 2),
                                   kept + zeros};
      node.now = found[choose(4)];
    }
    node.synced = node.now;
    return;
  }
  node.names = node.synced_names;
  for (const Change& change : node.changes) {
    if (choose(2) == 1) apply(node.names, change);
  }
  node.changes.clear();
  node.synced_names = node.names;
  for (const auto& [name, child] : node.names) settle(child, choose);
}

int for_each_choice(int limit, const std::function<void(const MemoryDisk::Choose&)>& body) {
  // An odometer: what was chosen each time, of how many. The digits turn from the back.
  std::vector<std::pair<int, int>> digits;
  for (int n = 1;; ++n) {
    size_t at = 0;
    body([&](int choices) {
      if (at == digits.size()) digits.emplace_back(0, choices);
      return digits[at++].first;
    });
    while (!digits.empty() && digits.back().first + 1 == digits.back().second) digits.pop_back();
    if (digits.empty() || n == limit) return n;
    ++digits.back().first;
  }
}

namespace {

class HookedInput final : public io::InputFile {
 public:
  HookedInput(std::unique_ptr<io::InputFile> file, std::function<void()> hook)
      : file_(std::move(file)), hook_(std::move(hook)) {}
  uint64_t size() const override { return file_->size(); }
  size_t read(std::span<std::byte> bytes) override {
    hook_();
    return file_->read(bytes);
  }

 private:
  std::unique_ptr<io::InputFile> file_;
  std::function<void()> hook_;
};

class HookedOutput final : public io::OutputFile {
 public:
  HookedOutput(std::unique_ptr<io::OutputFile> file, std::function<void()> hook)
      : file_(std::move(file)), hook_(std::move(hook)) {}
  void write(std::span<const std::byte> bytes) override {
    hook_();
    file_->write(bytes);
  }
  void overwrite(uint64_t offset, std::span<const std::byte> bytes) override {
    hook_();
    file_->overwrite(offset, bytes);
  }
  const std::string& path() const override { return file_->path(); }
  void sync() override {
    hook_();
    file_->sync();
  }
  void close() override {
    hook_();
    file_->close();
  }

 private:
  std::unique_ptr<io::OutputFile> file_;
  std::function<void()> hook_;
};

}  // namespace

std::unique_ptr<io::InputFile> HookedFileSystem::open(const std::string& path) {
  return std::make_unique<HookedInput>(at(path).open(path), [this, path] { hook_(path); });
}

std::unique_ptr<io::OutputFile> HookedFileSystem::create(const std::string& path, int mode) {
  return std::make_unique<HookedOutput>(at(path).create(path, mode), [this, path] { hook_(path); });
}

std::unique_ptr<io::OutputFile> HookedFileSystem::append(const std::string& path, uint64_t offset) {
  return std::make_unique<HookedOutput>(at(path).append(path, offset),
                                        [this, path] { hook_(path); });
}

void NthCallFails::operator()(const std::string& path) {
  ++calls_;
  if (calls_ == n_ || (calls_ > n_ && for_good_))
    throw Error(ErrorKind::io, "injected").in_file(path);
}

int fail_each_call(const MemoryDisk& before, const std::function<void(io::FileSystem&)>& work,
                   const std::function<void(MemoryDisk& after, const Fault&)>& check) {
  for (int n = 1;; ++n) {
    for (const bool for_good : {false, true}) {
      MemoryDisk disk = before;
      NthCallFails fails(n, for_good);
      HookedFileSystem hooked(disk, std::ref(fails));
      Fault fault{n, for_good, std::nullopt};
      try {
        work(hooked);
      } catch (const Error& error) {
        if (!fails.failed()) throw;
        fault.error = error;
      }
      if (!fails.failed()) return n - 1;
      check(disk, fault);
    }
  }
}

}  // namespace nalar::test
