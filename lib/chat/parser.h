#pragma once

#include <string_view>

#include "chat/ast.h"
#include "chat/lexer.h"

namespace nalar::chat {

// A normalized source as a tree, its variables not yet resolved. Nothing in it is deeper than
// `max_depth` statements or brackets. Throws SourceError.
ast::Template parse(std::string_view source, int max_depth, const LexerOptions& options = {});

}  // namespace nalar::chat
