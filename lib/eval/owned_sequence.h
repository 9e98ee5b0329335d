#pragma once

#include <nalar/engine.h>

#include <utility>

namespace nalar::eval {

// A sequence of an engine that is released when it goes. Borrows the engine.
class OwnedSequence {
 public:
  OwnedSequence(Engine& engine, SequenceId id) : engine_(&engine), id_(id) {}
  ~OwnedSequence() {
    if (engine_ != nullptr) engine_->release(id_);
  }
  OwnedSequence(OwnedSequence&& other) noexcept
      : engine_(std::exchange(other.engine_, nullptr)), id_(other.id_) {}
  OwnedSequence& operator=(OwnedSequence&& other) noexcept {
    std::swap(engine_, other.engine_);
    std::swap(id_, other.id_);
    return *this;
  }

  SequenceId id() const { return id_; }

 private:
  Engine* engine_;
  SequenceId id_;
};

}  // namespace nalar::eval
