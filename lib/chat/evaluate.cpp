#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"
#include "chat/interpreter.h"
#include "chat/operators.h"

namespace nalar::chat {

Value Interpreter::evaluate(const ast::Expr& expr, Activation& vars) {
  const auto level = budget_.nest();
  budget_.step();
  position_ = expr.offset;
  return std::visit([&](const auto& node) { return evaluate(node, expr.offset, vars); }, expr.node);
}

std::vector<Value> Interpreter::evaluate_all(const std::vector<ast::ExprPtr>& list,
                                             Activation& vars) {
  std::vector<Value> out;
  out.reserve(list.size());
  for (const ast::ExprPtr& expr : list) out.push_back(evaluate(*expr, vars));
  return out;
}

bool Interpreter::is_true(const ast::ExprPtr& expr, Activation& vars) {
  return truthy(runtime_, evaluate(*expr, vars));
}

Value Interpreter::filter_text(const ast::ExprPtr& filter, const Value& text, Activation& vars) {
  // The innermost filter of the chain takes it; what that one's arguments do may change
  // block_text_.
  const Value before = std::exchange(block_text_, text);
  Value out = evaluate(*filter, vars);
  block_text_ = before;
  return out;
}

Value Interpreter::evaluate(const ast::Constant& node, size_t, Activation&) { return node.value; }

Value Interpreter::evaluate(const ast::Name& node, size_t, Activation& vars) {
  const Value& value = slot(node.place, vars);
  if (!value.is_missing()) return value;
  return Undefined{fmt::format("'{}' is undefined", base::escaped(node.name, 100))};
}

Value Interpreter::evaluate(const ast::ListLiteral& node, size_t, Activation& vars) {
  return make_list(budget_, evaluate_all(node.items, vars));
}

Value Interpreter::evaluate(const ast::TupleLiteral& node, size_t, Activation& vars) {
  return make_tuple(budget_, evaluate_all(node.items, vars));
}

Value Interpreter::evaluate(const ast::DictLiteral& node, size_t offset, Activation& vars) {
  Dict dict;
  for (const auto& [key_expr, value_expr] : node.items) {
    Value key = evaluate(*key_expr, vars);
    Value value = evaluate(*value_expr, vars);
    position_ = offset;
    dict.set(std::move(key), std::move(value));
  }
  return make_dict(budget_, std::move(dict));
}

Value Interpreter::evaluate(const ast::Unary& node, size_t offset, Activation& vars) {
  const Value operand = evaluate(*node.operand, vars);
  position_ = offset;
  if (node.op == '!') return !truthy(runtime_, operand);
  return node.op == '-' ? negate(operand) : plus(operand);
}

Value Interpreter::evaluate(const ast::Arithmetic& node, size_t offset, Activation& vars) {
  Value value = evaluate(*node.first, vars);
  for (const auto& [op, operand] : node.rest) {
    const Value right = evaluate(*operand, vars);
    position_ = offset;
    value = apply(runtime_, op, value, right);
  }
  return value;
}

Value Interpreter::evaluate(const ast::Concatenation& node, size_t offset, Activation& vars) {
  TextBuilder out(budget_);
  for (const ast::ExprPtr& part : node.parts) {
    const Value value = evaluate(*part, vars);
    position_ = offset;
    out.add(str_of(runtime_, value).text());
  }
  return out.finish();
}

Value Interpreter::evaluate(const ast::Logical& node, size_t, Activation& vars) {
  Value value;
  for (const ast::ExprPtr& part : node.parts) {
    value = evaluate(*part, vars);
    if (&part != &node.parts.back() && truthy(runtime_, value) == node.is_or) break;
  }
  return value;
}

Value Interpreter::evaluate(const ast::Compare& node, size_t offset, Activation& vars) {
  Value left = evaluate(*node.first, vars);
  for (const auto& [op, operand] : node.rest) {
    Value right = evaluate(*operand, vars);
    position_ = offset;
    if (!compare(runtime_, op, left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::evaluate(const ast::Conditional& node, size_t, Activation& vars) {
  if (is_true(node.test, vars)) return evaluate(*node.then, vars);
  if (node.otherwise) return evaluate(*node.otherwise, vars);
  return Undefined{"the inline if-expression evaluated to false and no else section was defined"};
}

Value Interpreter::evaluate(const ast::Attribute& node, size_t offset, Activation& vars) {
  const Value object = evaluate(*node.object, vars);
  position_ = offset;
  return get_attribute(runtime_, object, node.name);
}

Value Interpreter::evaluate(const ast::Subscript& node, size_t offset, Activation& vars) {
  const Value object = evaluate(*node.object, vars);
  const Value key = evaluate(*node.key, vars);
  position_ = offset;
  return get_item(runtime_, object, key);
}

Value Interpreter::evaluate(const ast::Slice& node, size_t offset, Activation& vars) {
  const auto bound = [&](const ast::ExprPtr& expr) {
    return expr ? evaluate(*expr, vars) : Value(None{});
  };
  const Value object = evaluate(*node.object, vars);
  SliceBounds bounds;
  bounds.start = bound(node.start);
  bounds.stop = bound(node.stop);
  bounds.step = bound(node.step);
  position_ = offset;
  return get_slice(runtime_, object, bounds);
}

void Interpreter::add_arguments(const ast::CallArguments& from, Arguments& to, Activation& vars) {
  for (const ast::ExprPtr& expr : from.positional) to.positional.push_back(evaluate(*expr, vars));
  if (from.star) {
    for (Value& value : to_vector(runtime_, evaluate(*from.star, vars))) {
      to.positional.push_back(std::move(value));
    }
  }
  for (const auto& [name, expr] : from.keywords)
    to.keywords.emplace_back(name, evaluate(*expr, vars));
  if (!from.double_star) return;
  const Value more = evaluate(*from.double_star, vars);
  if (!more.is_dict()) fail("argument after ** must be a mapping");
  for (const auto& [key, value] : more.dict().items()) {
    const std::string_view name = need_text(key, "a keyword").view();
    for (const auto& [other, unused] : to.keywords) {
      budget_.step();
      if (other == name)
        fail(fmt::format("got multiple values for keyword argument '{}'", base::escaped(name, 60)));
    }
    to.keywords.emplace_back(name, value);
  }
}

Value Interpreter::evaluate(const ast::CallExpr& node, size_t offset, Activation& vars) {
  const Value caller = std::exchange(caller_, Value());
  const Value callee = evaluate(*node.callee, vars);
  Arguments arguments;
  add_arguments(node.arguments, arguments, vars);
  if (!caller.is_missing()) arguments.keywords.emplace_back("caller", caller);
  position_ = offset;
  return runtime_.call(callee, std::move(arguments));
}

Value Interpreter::evaluate(const ast::Apply& node, size_t offset, Activation& vars) {
  Arguments arguments;
  arguments.positional.push_back(node.input ? evaluate(*node.input, vars) : block_text_);
  add_arguments(node.arguments, arguments, vars);
  position_ = offset;
  if (node.builtin == nullptr) {
    fail(fmt::format("no {} named {}", node.is_test ? "test" : "filter",
                     quoted(node.name.substr(0, 100))));
  }
  Value out = invoke(runtime_, *node.builtin, std::move(arguments));
  position_ = offset;
  return out;
}

}  // namespace nalar::chat
