#pragma once

#include <c10/util/Exception.h>
#include <nalar/error.h>

#include <new>
#include <string>

namespace nalar::nn {

// fn(), with LibTorch's exceptions as ours: they end at the module's border. `hint` is for want of
// memory.
template <typename F>
auto guarded(const char* hint, F&& fn) {
  try {
    return fn();
  } catch (const c10::OutOfMemoryError&) {
    throw Error(ErrorKind::os, "out of memory on the device", hint);
  } catch (const c10::Error& e) {
    throw Error(ErrorKind::internal, std::string("LibTorch: ") + e.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::os, "out of memory", hint);
  }
}

}  // namespace nalar::nn
