#pragma once

#include "chat/ast.h"

namespace nalar::chat {

// Gives every name of a parsed template its place, by the rules of jinja2's compiler
// (jinja2/idtracking.py): which frames exist, which names a frame takes from outside when it is
// entered, and which only it sees.
void resolve(ast::Template& tree);

}  // namespace nalar::chat
