#pragma once

#include <nalar/export.h>

#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace nalar::base {

// A fixed number of threads that run one function together; the caller is thread 0. Waiting threads
// spin for some ten microseconds, then sleep. Functions must not throw. One caller at a time.
class NALAR_MODULE_API ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return size_; }

  // fn(thread) on every thread; returns when all are done.
  template <typename F>
  void run(F&& fn) {
    using Fn = std::remove_reference_t<F>;
    run_erased([](void* object, int thread) { (*static_cast<Fn*>(object))(thread); },
               const_cast<std::remove_const_t<Fn>*>(&fn));
  }

  // Inside run(), called by every thread: all wait for the last.
  void barrier() noexcept;

 private:
  using Call = void (*)(void*, int);
  void run_erased(Call call, void* object);
  void work(int thread);

  int size_;
  std::vector<std::thread> workers_;
  Call call_ = nullptr;
  void* object_ = nullptr;
  bool stop_ = false;
  alignas(64) std::atomic<uint32_t> generation_{0};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
};

// As pool.run(), for functions that may throw: the error of the first thread that has one is thrown
// when all are done.
template <typename F>
void run_all(ThreadPool& pool, F&& fn) {
  std::vector<std::exception_ptr> errors(static_cast<size_t>(pool.size()));
  pool.run([&](int thread) {
    try {
      fn(thread);
    } catch (...) {
      errors[static_cast<size_t>(thread)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

// The part of n items that thread t of `threads` takes, in units of `unit` items.
struct Range {
  int64_t begin, end;
};
inline Range share(int64_t n, int t, int threads, int64_t unit = 1) {
  const int64_t units = (n + unit - 1) / unit;
  const auto at = [&](int i) { return units * i / threads * unit; };
  const int64_t b = at(t), e = at(t + 1);
  return {b < n ? b : n, e < n ? e : n};
}

}  // namespace nalar::base
