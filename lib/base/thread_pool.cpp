#include "base/thread_pool.h"

#include <immintrin.h>

#include <system_error>

#include <nalar/error.h>

namespace nalar::base {
namespace {

// About 20 µs: longer than a stage of a layer differs between threads, shorter than a wake-up hurts.
constexpr int kSpins = 1000;

void wait_while(std::atomic<uint32_t>& value, uint32_t old) noexcept {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    _mm_pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) : size_(threads) {
  try {
    for (int t = 1; t < size_; ++t) workers_.emplace_back([this, t] { work(t); });
  } catch (const std::system_error&) {
    size_ = static_cast<int>(workers_.size()) + 1;  // what could be started is stopped
    stop_ = true;
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (auto& w : workers_) w.join();
    throw Error(ErrorKind::os, "cannot start a thread", "fewer threads: -t N");
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (auto& w : workers_) w.join();
}

void ThreadPool::work(int thread) {
  for (uint32_t seen = 0;; ++seen) {
    wait_while(generation_, seen);
    if (stop_) return;
    call_(object_, thread);
    barrier();
  }
}

void ThreadPool::run_erased(Call call, void* object) {
  call_ = call;
  object_ = object;
  generation_.fetch_add(1, std::memory_order_release);
  if (size_ > 1) generation_.notify_all();
  call(object, 0);
  barrier();
}

void ThreadPool::barrier() noexcept {
  if (size_ == 1) return;
  const uint32_t phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == size_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.fetch_add(1, std::memory_order_release);
    phase_.notify_all();
  } else {
    wait_while(phase_, phase);
  }
}

}  // namespace nalar::base
