#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "chat/ast.h"
#include "chat/expression_parser.h"

// How the two halves of the expression parser make their nodes.
namespace nalar::chat {

inline int height_of(const ast::ExprPtr& expr) { return expr ? expr->height : 0; }

inline int height_of(const std::vector<ast::ExprPtr>& list) {
  int height = 0;
  for (const ast::ExprPtr& expr : list) height = std::max(height, expr->height);
  return height;
}

template <class Op>
int height_of(const std::vector<std::pair<Op, ast::ExprPtr>>& list) {
  int height = 0;
  for (const auto& [op, expr] : list) height = std::max(height, expr->height);
  return height;
}

template <class Node>
ast::ExprPtr ExpressionParser::make(size_t offset, int below, Node node) const {
  // Chains (a.b.c, a|b|c) grow high without brackets.
  if (below + 1 > 4 * max_depth_) throw SourceError{offset, "template too deep"};
  return std::make_unique<ast::Expr>(ast::Expr{offset, below + 1, std::move(node)});
}

}  // namespace nalar::chat
