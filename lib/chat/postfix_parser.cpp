// What follows a value: attributes, subscripts, calls, filters and tests.
#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "chat/expression_nodes.h"
#include "chat/expression_parser.h"
#include "chat/runtime.h"

namespace nalar::chat {

using ast::ExprPtr;

ExprPtr ExpressionParser::postfix(ExprPtr node) {
  while (true) {
    if (is_symbol(".") || is_symbol("[")) {
      node = subscript(std::move(node));
    } else if (is_symbol("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::filters_and_tests(ExprPtr node) {
  while (true) {
    if (is_symbol("|")) {
      node = filters(std::move(node));
    } else if (is_name("is")) {
      node = test(std::move(node));
    } else if (is_symbol("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::subscript(ExprPtr node) {
  const size_t offset = current().offset;
  const int below = node->height;
  if (skip_symbol(".")) {
    if (current().type == TokenType::name) {
      const std::string& name = current().value;
      if (name.size() > 4 && name.compare(0, 2, "__") == 0 &&
          name.compare(name.size() - 2, 2, "__") == 0) {
        fail_here(fmt::format("the attribute {} is not available", base::escaped(name, 60)));
      }
      return make(offset, below, ast::Attribute{std::move(node), take().value});
    }
    if (current().type != TokenType::integer) unexpected("a name or number");
    ExprPtr key = primary();
    return make(offset, below, ast::Subscript{std::move(node), std::move(key)});
  }
  expect_symbol("[");
  node = subscribed(std::move(node));
  expect_symbol("]");
  return node;
}

// What stands between [ and ].
ExprPtr ExpressionParser::subscribed(ExprPtr object) {
  const size_t offset = current().offset;
  const int object_height = object->height;
  std::vector<ExprPtr> keys;
  if (!is_symbol(":")) {
    if (is_symbol("]")) {
      ExprPtr key = make(offset, 0, ast::TupleLiteral{});
      return make(offset, object_height, ast::Subscript{std::move(object), std::move(key)});
    }
    keys.push_back(expression());
    while (skip_symbol(",")) {
      if (is_symbol("]")) unexpected("an expression");
      keys.push_back(expression());
    }
    if (keys.size() > 1) {
      const int below = height_of(keys);
      ExprPtr key = make(offset, below, ast::TupleLiteral{std::move(keys)});
      return make(offset, std::max(object_height, below + 1),
                  ast::Subscript{std::move(object), std::move(key)});
    }
    if (!is_symbol(":")) {
      const int below = std::max(object_height, keys[0]->height);
      return make(offset, below, ast::Subscript{std::move(object), std::move(keys[0])});
    }
  }
  ast::Slice slice;
  if (!keys.empty()) slice.start = std::move(keys[0]);
  expect_symbol(":");
  if (!is_symbol(":") && !is_symbol("]")) slice.stop = expression();
  if (skip_symbol(":") && !is_symbol("]")) slice.step = expression();
  slice.object = std::move(object);
  const int below = std::max(
      {object_height, height_of(slice.start), height_of(slice.stop), height_of(slice.step)});
  return make(offset, below, std::move(slice));
}

std::string ExpressionParser::dotted_name(std::string_view what) {
  std::string name = expect(TokenType::name, what).value;
  while (skip_symbol(".")) name += "." + expect(TokenType::name, what).value;
  return name;
}

void ExpressionParser::check_known(const ast::Apply& apply, size_t offset) {
  if (apply.builtin != nullptr || soft_) return;
  unknown_.push_back({offset, fmt::format("no {} named {}", apply.is_test ? "test" : "filter",
                                          quoted(apply.name.substr(0, 100)))});
}

ExprPtr ExpressionParser::filters(ExprPtr input, bool starts_inline) {
  while (starts_inline || is_symbol("|")) {
    if (!starts_inline) take();
    starts_inline = false;
    const size_t offset = current().offset;
    ast::Apply apply{};
    apply.is_test = false;
    apply.name = dotted_name("a filter's name");
    apply.builtin = find_filter(apply.name);
    check_known(apply, offset);
    int below = height_of(input);
    if (is_symbol("(")) apply.arguments = call_arguments(below);
    apply.input = std::move(input);
    input = make(offset, below, std::move(apply));
  }
  return input;
}

ExprPtr ExpressionParser::test(ExprPtr node) {
  take();
  const bool negated = skip_name("not");
  const size_t offset = current().offset;
  ast::Apply apply{};
  apply.is_test = true;
  apply.name = dotted_name("a test's name");
  apply.builtin = find_test(apply.name);
  check_known(apply, offset);
  int below = node->height;
  const TokenType next = current().type;
  const bool is_operand = next == TokenType::name || next == TokenType::string ||
                          next == TokenType::integer || next == TokenType::number ||
                          is_symbol("[") || is_symbol("{");
  if (is_symbol("(")) {
    apply.arguments = call_arguments(below);
  } else if (is_operand && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) fail_here("you cannot chain multiple tests with is");
    ExprPtr argument = postfix(primary());
    below = std::max(below, argument->height);
    apply.arguments.positional.push_back(std::move(argument));
  }
  apply.input = std::move(node);
  ExprPtr out = make(offset, below, std::move(apply));
  if (!negated) return out;
  const int height = out->height;
  return make(offset, height, ast::Unary{'!', std::move(out)});
}

ExprPtr ExpressionParser::call(ExprPtr callee) {
  const size_t offset = current().offset;
  int below = callee->height;
  ast::CallArguments arguments = call_arguments(below);
  return make(offset, below, ast::CallExpr{std::move(callee), std::move(arguments)});
}

ast::CallArguments ExpressionParser::call_arguments(int& height) {
  const auto ensure = [this](bool valid) {
    if (!valid) fail_here("invalid syntax for function call expression");
  };
  const auto measured = [&height](ExprPtr expr) {
    height = std::max(height, expr->height);
    return expr;
  };
  expect_symbol("(");
  ast::CallArguments out;
  for (bool first = true; !is_symbol(")"); first = false) {
    if (!first) {
      expect_symbol(",");
      if (is_symbol(")")) break;
    }
    if (skip_symbol("*")) {
      ensure(!out.star && !out.double_star);
      out.star = measured(expression());
    } else if (skip_symbol("**")) {
      ensure(!out.double_star);
      out.double_star = measured(expression());
    } else if (current().type == TokenType::name && ahead().type == TokenType::symbol &&
               ahead().value == "=") {
      ensure(!out.double_star);
      std::string name = take().value;
      take();
      for (const auto& [other, value] : out.keywords) {
        if (other == name) fail_here("keyword argument repeated: " + base::escaped(name, 60));
      }
      out.keywords.emplace_back(std::move(name), measured(expression()));
    } else {
      ensure(!out.star && !out.double_star && out.keywords.empty());
      out.positional.push_back(measured(expression()));
    }
  }
  expect_symbol(")");
  return out;
}

}  // namespace nalar::chat
