#pragma once

#include <nalar/json.h>

#include "chat/value.h"

namespace nalar::chat {

// The variables of a rendering: those that a template always has (its tokens' texts, of the
// template's origin) and over them the caller's, which are a message's. A token's text stays the
// template's when the caller repeats it. REQUIRES `given` to be an object. Failure: numbers beyond
// 64 bits, too deep, too long.
Dict make_variables(Budget& budget, const Json& tokens, const Json& given);

}  // namespace nalar::chat
