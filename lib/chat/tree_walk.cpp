#include "chat/tree_walk.h"

#include <vector>

namespace nalar::chat {
namespace {

using ast::Expr;
using ast::ExprPtr;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// Calls visit(child) for every expression directly below one.
template <class Visit>
void for_arguments(ast::CallArguments& arguments, const Visit& visit) {
  for (ExprPtr& e : arguments.positional) visit(e);
  for (auto& [name, e] : arguments.keywords) visit(e);
  visit(arguments.star);
  visit(arguments.double_star);
}

template <class Visit>
void for_children(Expr& expr, const Visit& visit) {
  const auto all = [&visit](std::vector<ExprPtr>& list) {
    for (ExprPtr& e : list) visit(e);
  };
  std::visit(Overloaded{[](ast::Constant&) {}, [](ast::Name&) {},
                        [&](ast::ListLiteral& n) { all(n.items); },
                        [&](ast::TupleLiteral& n) { all(n.items); },
                        [&](ast::DictLiteral& n) {
                          for (auto& [key, value] : n.items) {
                            visit(key);
                            visit(value);
                          }
                        },
                        [&](ast::Unary& n) { visit(n.operand); },
                        [&](ast::Arithmetic& n) {
                          visit(n.first);
                          for (auto& [op, e] : n.rest) visit(e);
                        },
                        [&](ast::Concatenation& n) { all(n.parts); },
                        [&](ast::Logical& n) { all(n.parts); },
                        [&](ast::Compare& n) {
                          visit(n.first);
                          for (auto& [op, e] : n.rest) visit(e);
                        },
                        [&](ast::Conditional& n) {
                          visit(n.test);
                          visit(n.then);
                          visit(n.otherwise);
                        },
                        [&](ast::Attribute& n) { visit(n.object); },
                        [&](ast::Subscript& n) {
                          visit(n.object);
                          visit(n.key);
                        },
                        [&](ast::Slice& n) {
                          visit(n.object);
                          visit(n.start);
                          visit(n.stop);
                          visit(n.step);
                        },
                        [&](ast::CallExpr& n) {
                          visit(n.callee);
                          for_arguments(n.arguments, visit);
                        },
                        [&](ast::Apply& n) {
                          visit(n.input);
                          for_arguments(n.arguments, visit);
                        }},
             expr.node);
}

}  // namespace

void for_names(const ast::ExprPtr& expr, const std::function<void(ast::Name&)>& visit) {
  if (!expr) return;
  if (auto* name = std::get_if<ast::Name>(&expr->node)) return visit(*name);
  for_children(*expr, [&visit](ExprPtr& child) { for_names(child, visit); });
}

void for_parts(ast::Target& target, const std::function<void(ast::Target&)>& visit) {
  if (target.parts.empty()) return visit(target);
  for (ast::Target& part : target.parts) for_parts(part, visit);
}

}  // namespace nalar::chat
