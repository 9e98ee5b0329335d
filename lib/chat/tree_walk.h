#pragma once

#include <functional>

#include "chat/ast.h"

namespace nalar::chat {

// Every name in an expression; the expression may be absent.
void for_names(const ast::ExprPtr& expr, const std::function<void(ast::Name&)>& visit);
// Every single target of an assignment.
void for_parts(ast::Target& target, const std::function<void(ast::Target&)>& visit);

}  // namespace nalar::chat
