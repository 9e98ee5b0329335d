#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/ast.h"
#include "chat/objects.h"
#include "chat/runtime.h"

namespace nalar::chat {

// The variables of one running function of the template.
struct Activation {
  Activation(int slots, Activation* outer_one)
      : values(static_cast<size_t>(slots)), outer(outer_one) {}

  std::vector<Value> values;
  Activation* outer;
  bool captured = false;  // something that may outlive the call refers to it
};

// Renders one template once. Throws Failure or Refused; position() then tells where.
class Interpreter {
 public:
  Interpreter(Runtime& runtime, const Dict& variables)
      : runtime_(runtime), budget_(runtime.budget()), variables_(variables) {}

  Text run(const ast::Template& tree);
  // The byte of the source that was worked on last.
  size_t position() const { return position_; }

  // For the objects that call back: macros, and loops that are called.
  Value call_function(const ast::Function& function, Activation* outer, Arguments arguments);
  Value call_loop(const ast::For& loop, Activation& outer, const Value& iterable, int64_t depth);

 private:
  enum class Flow { normal, break_loop, continue_loop };
  // Collects the output while it lives.
  class Capture;
  // An activation for the length of a call.
  class Call;

  // ---- statements (interpreter.cpp)
  Flow execute(const std::vector<ast::Stmt>& body, Activation& vars);
  Flow execute(const ast::Output& node, Activation& vars);
  Flow execute(const ast::Assign& node, Activation& vars);
  Flow execute(const ast::AssignBlock& node, Activation& vars);
  Flow execute(const ast::For& node, Activation& vars);
  Flow execute(const ast::If& node, Activation& vars);
  Flow execute(const ast::Macro& node, Activation& vars);
  Flow execute(const ast::CallBlock& node, Activation& vars);
  Flow execute(const ast::FilterBlock& node, Activation& vars);
  Flow execute(const ast::With& node, Activation& vars);
  Flow execute(const ast::Autoescape& node, Activation& vars);
  Flow execute(const ast::NamedBlock& node, Activation& vars);
  Flow execute(const ast::LoopControl& node, Activation& vars);

  struct LoopSource {
    const Value& iterable;
    Activation* outer = nullptr;  // of a recursive loop: where it was written
    int64_t depth = 0;
  };
  Flow run_loop(const ast::For& node, const LoopSource& source, Activation& vars);
  Value filtered(const ast::For& node, const Value& iterable, Activation& vars);
  void bind_parameters(const ast::Function& function, Arguments arguments, Activation& vars);
  void fill_defaults(const ast::Function& function, Activation& vars);
  void enter(const ast::Frame& frame, Activation& vars);
  static void leave(const ast::Frame& frame, Activation& vars);
  void assign(const ast::Target& target, const Value& value, Activation& vars);
  Value read(const ast::Target& target, Activation& vars);
  void export_names(const std::vector<std::pair<std::string, ast::Place>>& names, Activation& vars);

  // ---- expressions (evaluate.cpp)
  Value evaluate(const ast::Expr& expr, Activation& vars);
  Value evaluate(const ast::Constant& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Name& node, size_t offset, Activation& vars);
  Value evaluate(const ast::ListLiteral& node, size_t offset, Activation& vars);
  Value evaluate(const ast::TupleLiteral& node, size_t offset, Activation& vars);
  Value evaluate(const ast::DictLiteral& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Unary& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Arithmetic& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Concatenation& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Logical& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Compare& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Conditional& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Attribute& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Subscript& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Slice& node, size_t offset, Activation& vars);
  Value evaluate(const ast::CallExpr& node, size_t offset, Activation& vars);
  Value evaluate(const ast::Apply& node, size_t offset, Activation& vars);
  std::vector<Value> evaluate_all(const std::vector<ast::ExprPtr>& list, Activation& vars);
  void add_arguments(const ast::CallArguments& from, Arguments& to, Activation& vars);
  bool is_true(const ast::ExprPtr& expr, Activation& vars);
  // A chain of filters over the text of a block.
  Value filter_text(const ast::ExprPtr& filter, const Value& text, Activation& vars);

  static Value& slot(const ast::Place& place, Activation& vars);
  // A variable by its name: of the template, of the caller, or a global function.
  Value look_up(const std::string& name);
  void capture(Activation& vars);

  Runtime& runtime_;
  Budget& budget_;
  const Dict& variables_;
  std::unordered_map<std::string, Value> exported_;
  std::unordered_map<std::string, Value> block_variables_;  // of a scoped block
  std::vector<std::unique_ptr<Activation>> kept_;
  TextBuilder* out_ = nullptr;
  Value block_text_;  // what a block's filter is applied to
  Value caller_;      // what a call block passes on
  size_t position_ = 0;
};

}  // namespace nalar::chat
