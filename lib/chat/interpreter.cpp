#include "chat/interpreter.h"

#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"
#include "chat/interpreter_scopes.h"
#include "chat/operators.h"

namespace nalar::chat {
namespace {

class MacroObject : public Object {
 public:
  MacroObject(Interpreter& interpreter, const ast::Function& function, Activation* outer)
      : interpreter_(interpreter), function_(function), outer_(outer) {}

  std::string_view type_name() const override { return "Macro"; }
  bool is_callable() const override { return true; }
  std::string print(Runtime&) const override {
    return fmt::format("<Macro {}>", function_.name.empty() ? "anonymous" : quoted(function_.name));
  }
  Value attribute(Runtime& runtime, std::string_view name) override {
    if (name == "name") return function_.name.empty() ? Value(None{}) : Value::made(function_.name);
    if (name == "catch_kwargs") return function_.kwargs_slot >= 0;
    if (name == "catch_varargs") return function_.varargs_slot >= 0;
    if (name == "caller") return function_.caller_slot >= 0;
    if (name != "arguments") return {};
    std::vector<Value> names;
    for (const ast::Parameter& p : function_.parameters) names.push_back(Value::made(p.name));
    return make_tuple(runtime.budget(), std::move(names));
  }
  Value call(Runtime&, Arguments arguments) override {
    return interpreter_.call_function(function_, outer_, std::move(arguments));
  }

 private:
  Interpreter& interpreter_;
  const ast::Function& function_;
  Activation* outer_;
};

}  // namespace

Text Interpreter::run(const ast::Template& tree) {
  Capture capture(*this);
  Call call(*this, tree.slots, nullptr);
  enter(tree.frame, call.vars());
  execute(tree.body, call.vars());
  return capture.text().finish();
}

// ---- frames and variables

Value& Interpreter::slot(const ast::Place& place, Activation& vars) {
  Activation* at = &vars;
  for (int i = 0; i < place.hops; ++i) at = at->outer;
  return at->values[static_cast<size_t>(place.slot)];
}

void Interpreter::capture(Activation& vars) {
  for (Activation* at = &vars; at != nullptr && !at->captured; at = at->outer) at->captured = true;
}

Value Interpreter::look_up(const std::string& name) {
  for (const auto* scope : {&block_variables_, &exported_}) {
    const auto it = scope->find(name);
    if (it != scope->end()) return it->second;
  }
  if (const Value* found = variables_.find(name)) return *found;
  return find_global(name);
}

void Interpreter::enter(const ast::Frame& frame, Activation& vars) {
  budget_.step(static_cast<int64_t>(frame.loads.size()));
  for (const ast::Load& load : frame.loads) {
    Value& to = vars.values[static_cast<size_t>(load.slot)];
    switch (load.from) {
      case ast::Load::From::parameter:
        break;
      case ast::Load::From::context:
        to = look_up(load.name);
        break;
      case ast::Load::From::outer:
        to = slot(load.outer, vars);
        break;
      case ast::Load::From::nothing:
        to = Value();
        break;
    }
  }
}

void Interpreter::leave(const ast::Frame& frame, Activation& vars) {
  for (const ast::Load& load : frame.loads) vars.values[static_cast<size_t>(load.slot)] = Value();
}

void Interpreter::assign(const ast::Target& target, const Value& value, Activation& vars) {
  if (target.parts.empty()) {
    Value& to = slot(target.place, vars);
    if (target.attribute.empty()) {
      to = value;
      return;
    }
    auto* ns = to.object_as<Namespace>();
    if (ns == nullptr) fail("cannot assign attribute on non-namespace object");
    ns->set(target.attribute, value);
    return;
  }
  const auto iterator = iterate(runtime_, value);
  std::vector<Value> items;
  for (Value item; items.size() <= target.parts.size() && iterator->next(item);) {
    budget_.step();
    items.push_back(std::move(item));
  }
  if (items.size() != target.parts.size()) {
    fail(fmt::format("{} values to unpack (expected {})",
                     items.size() < target.parts.size() ? "not enough" : "too many",
                     target.parts.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i], vars);
}

Value Interpreter::read(const ast::Target& target, Activation& vars) {
  if (target.parts.empty()) return slot(target.place, vars);
  std::vector<Value> items;
  for (const ast::Target& part : target.parts) items.push_back(read(part, vars));
  return make_tuple(budget_, std::move(items));
}

void Interpreter::export_names(const std::vector<std::pair<std::string, ast::Place>>& names,
                               Activation& vars) {
  for (const auto& [name, place] : names) exported_[name] = slot(place, vars);
}

// ---- statements

Interpreter::Flow Interpreter::execute(const std::vector<ast::Stmt>& body, Activation& vars) {
  const auto level = budget_.nest();
  for (const ast::Stmt& stmt : body) {
    budget_.step();
    position_ = stmt.offset;
    const Flow flow = std::visit([&](const auto& node) { return execute(node, vars); }, stmt.node);
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::Output& node, Activation& vars) {
  const Value value = evaluate(*node.value, vars);
  out_->add(str_of(runtime_, value).text());
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::Assign& node, Activation& vars) {
  assign(node.target, evaluate(*node.value, vars), vars);
  export_names(node.exported, vars);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::AssignBlock& node, Activation& vars) {
  enter(node.frame, vars);
  Value text;
  {
    Capture capture(*this);
    const Flow flow = execute(node.body, vars);
    if (flow != Flow::normal) return flow;
    text = capture.finish();
  }
  if (node.filter) text = filter_text(node.filter, text, vars);
  assign(node.target, text, vars);
  export_names(node.exported, vars);
  leave(node.frame, vars);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::If& node, Activation& vars) {
  for (const ast::If::Branch& branch : node.branches) {
    if (is_true(branch.test, vars)) return execute(branch.body, vars);
  }
  return execute(node.otherwise, vars);
}

Interpreter::Flow Interpreter::execute(const ast::Macro& node, Activation& vars) {
  capture(vars);
  const Value macro = std::make_shared<MacroObject>(*this, node.function, &vars);
  slot(node.place, vars) = macro;
  if (node.exported) exported_[node.function.name] = macro;
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::CallBlock& node, Activation& vars) {
  Value text;
  if (node.call) {
    Interpreter::capture(vars);
    caller_ = std::make_shared<MacroObject>(*this, node.function, &vars);
    text = evaluate(*node.call, vars);
  } else {  // {% generation %}
    TextBuilder marked(budget_);
    marked.add(call_function(node.function, &vars, {}).text());
    marked.mark(0, kGeneration);
    text = marked.finish();
  }
  out_->add(need_text(text, "what a block prints"));
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::FilterBlock& node, Activation& vars) {
  enter(node.frame, vars);
  Value text;
  {
    Capture capture(*this);
    const Flow flow = execute(node.body, vars);
    if (flow != Flow::normal) return flow;
    text = capture.finish();
  }
  out_->add(need_text(filter_text(node.filter, text, vars), "what a block prints"));
  leave(node.frame, vars);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::With& node, Activation& vars) {
  enter(node.frame, vars);
  for (size_t i = 0; i < node.targets.size(); ++i) {
    assign(node.targets[i], evaluate(*node.values[i], vars), vars);
  }
  const Flow flow = execute(node.body, vars);
  leave(node.frame, vars);
  return flow;
}

Interpreter::Flow Interpreter::execute(const ast::Autoescape& node, Activation& vars) {
  enter(node.frame, vars);
  if (is_true(node.value, vars)) fail("autoescape is not available");
  const Flow flow = execute(node.body, vars);
  leave(node.frame, vars);
  return flow;
}

Interpreter::Flow Interpreter::execute(const ast::NamedBlock& node, Activation& vars) {
  if (node.required)
    fail(fmt::format("required block '{}' not found", base::escaped(node.name, 60)));
  auto outer_variables = block_variables_;
  for (const auto& [name, place] : node.visible) {
    const Value& value = slot(place, vars);
    if (!value.is_missing()) block_variables_[name] = value;
  }
  Call call(*this, node.slots, nullptr);
  enter(node.frame, call.vars());
  execute(node.body, call.vars());
  block_variables_ = std::move(outer_variables);
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const ast::LoopControl& node, Activation&) {
  return node.is_break ? Flow::break_loop : Flow::continue_loop;
}

}  // namespace nalar::chat
