#pragma once

#include <nalar/json.h>

#include <string_view>

namespace nalar::eval {

// What a Python literal stands for, as ast.literal_eval reads it: strings, numbers, True, False,
// None, lists and tuples of them. A template that prints a list gives such a text. Errors:
// bad_data.
Json parse_python_literal(std::string_view text);

}  // namespace nalar::eval
