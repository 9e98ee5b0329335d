#include "io/mapped_file.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <mutex>

#include "base/utf8.h"
#include "io/file_descriptor.h"

namespace nalar::io {
namespace {

// What the SIGBUS handler reads: fixed places, because a handler may take no lock and no memory. A
// slot is free while `begin` is 0; `begin` is stored last when it is taken and cleared first when
// it is given back.
struct Slot {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<const char*> line{nullptr};
  std::atomic<size_t> line_size{0};
};
constexpr size_t kSlots = 2048;
std::array<Slot, kSlots> slots;
std::mutex slots_mutex;

void on_sigbus(int, siginfo_t* info, void*) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (const Slot& slot : slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= slot.end.load()) continue;
    [[maybe_unused]] const ssize_t ignored = ::write(2, slot.line.load(), slot.line_size.load());
    _exit(static_cast<int>(ErrorKind::io));
  }
  // Not ours: the fault happens again on return, with the default answer.
  signal(SIGBUS, SIG_DFL);
}

void install_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
  });
}

class Mapping final : public MappedFile {
 public:
  Mapping(void* data, size_t size, const std::string& path)
      : data_(static_cast<std::byte*>(data)),
        size_(size),
        line_(fmt::format("nalar: {}: file became shorter while it was being read\n",
                          base::escaped(path))) {
    if (size_ > 0) slot_ = take_slot();
  }

  ~Mapping() override {
    if (slot_ != nullptr) slot_->begin.store(0, std::memory_order_release);
    if (size_ > 0) munmap(data_, size_);
  }

  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  std::span<const std::byte> bytes() const override { return {data_, size_}; }

  void release_pages(std::span<const std::byte> part) const override {
    static const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto first = reinterpret_cast<uintptr_t>(part.data());
    const uintptr_t begin = (first + page - 1) / page * page;
    const uintptr_t end = (first + part.size()) / page * page;
    if (begin >= end) return;
    // A private mapping that is only read: dropped pages come back from the file.
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }

 private:
  Slot* take_slot() {
    install_handler();
    const std::lock_guard lock(slots_mutex);
    for (Slot& slot : slots) {
      if (slot.begin.load() != 0) continue;
      slot.end.store(reinterpret_cast<uintptr_t>(data_) + size_);
      slot.line.store(line_.data());
      slot.line_size.store(line_.size());
      slot.begin.store(reinterpret_cast<uintptr_t>(data_), std::memory_order_release);
      return &slot;
    }
    munmap(data_, size_);
    throw Error(ErrorKind::os, fmt::format("too many files are open (limit {})", kSlots));
  }

  std::byte* data_;
  size_t size_;
  std::string line_;
  Slot* slot_ = nullptr;
};

}  // namespace

std::unique_ptr<MappedFile> map_file(const std::string& path, uint64_t max_bytes) {
  const FileDescriptor file = open_regular(path);
  const auto size = static_cast<uint64_t>(file.stat(path).st_size);
  if (size > max_bytes) {
    throw Error(ErrorKind::bad_data,
                fmt::format("file too large: {} bytes, limit {}", size, max_bytes))
        .in_file(path);
  }
  if (size == 0) return std::make_unique<Mapping>(nullptr, 0, path);
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) throw_errno(errno, path, "cannot be mapped");
  return std::make_unique<Mapping>(data, size, path);
}

}  // namespace nalar::io
