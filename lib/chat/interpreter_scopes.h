#pragma once

#include <memory>
#include <utility>

#include "chat/interpreter.h"

namespace nalar::chat {

class Interpreter::Capture {
 public:
  explicit Capture(Interpreter& interpreter)
      : interpreter_(interpreter),
        before_(std::exchange(interpreter.out_, &text_)),
        text_(interpreter.budget_) {}
  ~Capture() { interpreter_.out_ = before_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  Value finish() { return text_.finish(); }
  TextBuilder& text() { return text_; }

 private:
  Interpreter& interpreter_;
  TextBuilder* before_;
  TextBuilder text_;
};

class Interpreter::Call {
 public:
  Call(Interpreter& interpreter, int slots, Activation* outer)
      : interpreter_(interpreter),
        level_(interpreter.budget_.call()),
        vars_(std::make_unique<Activation>(slots, outer)) {
    interpreter.budget_.step(1 + slots / 4);
  }
  ~Call() {
    if (vars_->captured) interpreter_.kept_.push_back(std::move(vars_));
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  Activation& vars() { return *vars_; }

 private:
  Interpreter& interpreter_;
  Budget::Level level_;
  std::unique_ptr<Activation> vars_;
};

}  // namespace nalar::chat
