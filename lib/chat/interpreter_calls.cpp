// Loops and macros: what runs a body more than once.
#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"
#include "chat/interpreter.h"
#include "chat/interpreter_scopes.h"
#include "chat/loop.h"
#include "chat/operators.h"

namespace nalar::chat {

// ---- loops

Value Interpreter::filtered(const ast::For& node, const Value& iterable, Activation& vars) {
  capture(vars);
  auto inner = std::make_shared<Activation>(node.test_slots, &vars);
  std::shared_ptr<Iterator> source;
  return make_generator(runtime_, iterable,
                        [this, &node, iterable, inner, source](Value& out) mutable {
                          if (!source) {
                            enter(node.test_frame, *inner);
                            source = iterate(runtime_, iterable);
                          }
                          for (Value item; source->next(item);) {
                            budget_.step();
                            assign(node.test_target, item, *inner);
                            if (!is_true(node.test, *inner)) continue;
                            out = read(node.test_target, *inner);
                            return true;
                          }
                          return false;
                        });
}

Interpreter::Flow Interpreter::execute(const ast::For& node, Activation& vars) {
  const Value iterable = evaluate(*node.iterable, vars);
  if (!node.recursive) return run_loop(node, {iterable}, vars);
  capture(vars);
  out_->add(call_loop(node, vars, iterable, 0).text());
  return Flow::normal;
}

Value Interpreter::call_loop(const ast::For& node, Activation& outer, const Value& iterable,
                             int64_t depth) {
  Capture capture(*this);
  Call call(*this, node.slots, &outer);
  run_loop(node, {iterable, &outer, depth}, call.vars());
  return capture.finish();
}

Interpreter::Flow Interpreter::run_loop(const ast::For& node, const LoopSource& source,
                                        Activation& vars) {
  Loop::Recursion recursion;
  if (node.recursive) recursion = {this, &node, source.outer};
  // The test belongs to the function around a recursive loop.
  const Value iterable =
      node.test ? filtered(node, source.iterable, source.outer != nullptr ? *source.outer : vars)
                : source.iterable;
  const auto loop = std::make_shared<Loop>(runtime_, iterable, source.depth, recursion);
  bool nothing_done = true;
  for (Value item; loop->next(item);) {
    budget_.step();
    assign(node.target, item, vars);
    if (node.loop_slot >= 0) vars.values[static_cast<size_t>(node.loop_slot)] = loop;
    enter(node.frame, vars);
    const Flow flow = execute(node.body, vars);
    if (flow == Flow::break_loop) break;
    // As jinja2 compiles it, the else branch also runs when every item was left by continue or
    // break.
    if (flow == Flow::normal) nothing_done = false;
  }
  leave(node.frame, vars);
  if (!nothing_done || node.otherwise.empty()) return Flow::normal;
  enter(node.else_frame, vars);
  const Flow flow = execute(node.otherwise, vars);
  leave(node.else_frame, vars);
  return flow;
}

// ---- macros

Value Interpreter::call_function(const ast::Function& function, Activation* outer,
                                 Arguments arguments) {
  Capture capture(*this);
  Call call(*this, function.slots, outer);
  bind_parameters(function, std::move(arguments), call.vars());
  enter(function.frame, call.vars());
  fill_defaults(function, call.vars());
  execute(function.body, call.vars());
  return capture.finish();
}

void Interpreter::bind_parameters(const ast::Function& function, Arguments arguments,
                                  Activation& vars) {
  auto& keywords = arguments.keywords;
  const auto slot_at = [&vars](int slot) -> Value& {
    return vars.values[static_cast<size_t>(slot)];
  };
  // The keyword's value, which is then used up, or missing.
  const auto take_keyword = [&keywords](std::string_view name, Value& to) {
    const auto it = std::find_if(keywords.begin(), keywords.end(),
                                 [name](const auto& keyword) { return keyword.first == name; });
    if (it == keywords.end()) return;
    to = std::move(it->second);
    keywords.erase(it);
  };
  const size_t n = function.parameters.size();
  for (size_t i = 0; i < n; ++i) {
    const ast::Parameter& parameter = function.parameters[i];
    if (i < arguments.positional.size()) {
      slot_at(parameter.slot) = arguments.positional[i];
    } else {
      take_keyword(parameter.name, slot_at(parameter.slot));
    }
  }
  if (function.caller_slot >= 0) {
    Value& caller = slot_at(function.caller_slot);
    take_keyword("caller", caller);
    if (caller.is_missing() || caller.is_none()) caller = Undefined{"no caller defined"};
  }
  if (function.kwargs_slot >= 0) {
    Dict rest;
    for (auto& [name, value] : keywords) rest.set(Value::made(name), std::move(value));
    slot_at(function.kwargs_slot) = make_dict(budget_, std::move(rest));
  } else if (!keywords.empty()) {
    fail(fmt::format("macro '{}' takes no keyword argument '{}'", base::escaped(function.name, 60),
                     base::escaped(keywords[0].first, 60)));
  }
  if (function.varargs_slot >= 0) {
    std::vector<Value> rest;
    for (size_t i = n; i < arguments.positional.size(); ++i) {
      rest.push_back(arguments.positional[i]);
    }
    slot_at(function.varargs_slot) = make_tuple(budget_, std::move(rest));
  } else if (arguments.positional.size() > n) {
    fail(fmt::format("macro '{}' takes not more than {} argument(s)",
                     base::escaped(function.name, 60), n));
  }
}

void Interpreter::fill_defaults(const ast::Function& function, Activation& vars) {
  for (const ast::Parameter& parameter : function.parameters) {
    Value& value = vars.values[static_cast<size_t>(parameter.slot)];
    if (!value.is_missing()) continue;
    if (parameter.fallback) {
      Value fallback = evaluate(*parameter.fallback, vars);
      vars.values[static_cast<size_t>(parameter.slot)] = std::move(fallback);
    } else {
      value = Undefined{fmt::format("parameter {} was not provided", quoted(parameter.name))};
    }
  }
}

}  // namespace nalar::chat
