#include "chat/expression_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/utf8.h"
#include "chat/builtins/numbers.h"
#include "chat/expression_nodes.h"
#include "chat/runtime.h"

namespace nalar::chat {
namespace {

using ast::ExprPtr;

std::string describe(const Token& token) {
  switch (token.type) {
    case TokenType::data:
      return "text";
    case TokenType::variable_begin:
      return "{{";
    case TokenType::variable_end:
      return "}}";
    case TokenType::block_begin:
      return "{%";
    case TokenType::block_end:
      return "%}";
    case TokenType::end:
      return "the end of the template";
    default:
      return "'" + base::escaped(token.value, 60) + "'";
  }
}

}  // namespace

ExpressionParser::Level::Level(ExpressionParser& parser) : parser_(parser) {
  if (parser.depth_ >= parser.max_depth_) parser.fail_here("template too deep");
  ++parser.depth_;
}

// ---- tokens

Token ExpressionParser::take() {
  Token token = std::move(tokens_[at_]);
  if (at_ + 1 < tokens_.size()) {
    ++at_;
  } else {
    tokens_[at_] = token;  // the end stays
  }
  return token;
}

bool ExpressionParser::is_symbol(std::string_view symbol) const {
  return current().type == TokenType::symbol && current().value == symbol;
}
bool ExpressionParser::is_name(std::string_view name) const {
  return current().type == TokenType::name && current().value == name;
}
bool ExpressionParser::skip_symbol(std::string_view symbol) {
  if (!is_symbol(symbol)) return false;
  take();
  return true;
}
bool ExpressionParser::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  take();
  return true;
}

void ExpressionParser::fail_here(const std::string& message) const {
  throw SourceError{current().offset, message};
}
void ExpressionParser::unexpected(std::string_view wanted) const {
  fail_here(fmt::format("expected {}, got {}", wanted, describe(current())));
}

Token ExpressionParser::expect(TokenType type, std::string_view what) {
  if (current().type != type) unexpected(what);
  return take();
}
void ExpressionParser::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) unexpected(fmt::format("'{}'", symbol));
}
void ExpressionParser::expect_name(std::string_view name) {
  if (!skip_name(name)) unexpected(fmt::format("'{}'", name));
}

// ---- expressions

ExprPtr ExpressionParser::expression(bool with_conditional) {
  const Level level(*this);
  return with_conditional ? conditional() : either();
}

ExprPtr ExpressionParser::conditional() {
  size_t offset = current().offset;
  const size_t n_unknown = unknown_.size();
  ExprPtr value = either();
  while (is_name("if")) {
    take();
    ExprPtr test = either();
    ExprPtr otherwise;
    if (skip_name("else")) {
      const Level level(*this);
      otherwise = conditional();
    }
    const int below = std::max({test->height, value->height, height_of(otherwise)});
    value = make(offset, below,
                 ast::Conditional{std::move(test), std::move(value), std::move(otherwise)});
    unknown_.resize(n_unknown);
    offset = current().offset;
  }
  return value;
}

ExprPtr ExpressionParser::either() {
  const size_t offset = current().offset;
  std::vector<ExprPtr> parts;
  parts.push_back(both());
  while (skip_name("or")) parts.push_back(both());
  if (parts.size() == 1) return std::move(parts[0]);
  const int below = height_of(parts);
  return make(offset, below, ast::Logical{true, std::move(parts)});
}

ExprPtr ExpressionParser::both() {
  const size_t offset = current().offset;
  std::vector<ExprPtr> parts;
  parts.push_back(negation());
  while (skip_name("and")) parts.push_back(negation());
  if (parts.size() == 1) return std::move(parts[0]);
  const int below = height_of(parts);
  return make(offset, below, ast::Logical{false, std::move(parts)});
}

ExprPtr ExpressionParser::negation() {
  if (!is_name("not")) return comparison();
  const Level level(*this);
  const size_t offset = take().offset;
  ExprPtr operand = negation();
  const int below = operand->height;
  return make(offset, below, ast::Unary{'!', std::move(operand)});
}

ExprPtr ExpressionParser::comparison() {
  constexpr std::pair<std::string_view, Comparison> kSymbols[] = {
      {"==", Comparison::equal},  {"!=", Comparison::not_equal},
      {"<", Comparison::less},    {"<=", Comparison::less_equal},
      {">", Comparison::greater}, {">=", Comparison::greater_equal}};
  const size_t offset = current().offset;
  ExprPtr first = sum();
  std::vector<std::pair<Comparison, ExprPtr>> rest;
  while (true) {
    const auto symbol = std::find_if(std::begin(kSymbols), std::end(kSymbols),
                                     [this](const auto& s) { return is_symbol(s.first); });
    if (symbol != std::end(kSymbols)) {
      take();
      rest.emplace_back(symbol->second, sum());
    } else if (skip_name("in")) {
      rest.emplace_back(Comparison::in, sum());
    } else if (is_name("not") && ahead().type == TokenType::name && ahead().value == "in") {
      take();
      take();
      rest.emplace_back(Comparison::not_in, sum());
    } else {
      break;
    }
  }
  if (rest.empty()) return first;
  const int below = std::max(first->height, height_of(rest));
  return make(offset, below, ast::Compare{std::move(first), std::move(rest)});
}

ExprPtr ExpressionParser::sum() {
  const size_t offset = current().offset;
  ExprPtr first = concatenation();
  std::vector<std::pair<Operator, ExprPtr>> rest;
  while (is_symbol("+") || is_symbol("-")) {
    const Operator op = take().value == "+" ? Operator::add : Operator::subtract;
    rest.emplace_back(op, concatenation());
  }
  if (rest.empty()) return first;
  const int below = std::max(first->height, height_of(rest));
  return make(offset, below, ast::Arithmetic{std::move(first), std::move(rest)});
}

ExprPtr ExpressionParser::concatenation() {
  const size_t offset = current().offset;
  std::vector<ExprPtr> parts;
  parts.push_back(product());
  while (skip_symbol("~")) parts.push_back(product());
  if (parts.size() == 1) return std::move(parts[0]);
  const int below = height_of(parts);
  return make(offset, below, ast::Concatenation{std::move(parts)});
}

ExprPtr ExpressionParser::product() {
  constexpr std::pair<std::string_view, Operator> kSymbols[] = {{"*", Operator::multiply},
                                                                {"/", Operator::divide},
                                                                {"//", Operator::floor_divide},
                                                                {"%", Operator::modulo}};
  const size_t offset = current().offset;
  ExprPtr first = power();
  std::vector<std::pair<Operator, ExprPtr>> rest;
  while (true) {
    const auto symbol = std::find_if(std::begin(kSymbols), std::end(kSymbols),
                                     [this](const auto& s) { return is_symbol(s.first); });
    if (symbol == std::end(kSymbols)) break;
    take();
    rest.emplace_back(symbol->second, power());
  }
  if (rest.empty()) return first;
  const int below = std::max(first->height, height_of(rest));
  return make(offset, below, ast::Arithmetic{std::move(first), std::move(rest)});
}

ExprPtr ExpressionParser::power() {
  const size_t offset = current().offset;
  ExprPtr first = unary();
  std::vector<std::pair<Operator, ExprPtr>> rest;
  while (skip_symbol("**")) rest.emplace_back(Operator::power, unary());
  if (rest.empty()) return first;
  const int below = std::max(first->height, height_of(rest));
  return make(offset, below, ast::Arithmetic{std::move(first), std::move(rest)});
}

ExprPtr ExpressionParser::unary(bool with_filters) {
  const size_t offset = current().offset;
  ExprPtr node;
  if (is_symbol("-") || is_symbol("+")) {
    const Level level(*this);
    const char op = take().value[0];
    ExprPtr operand = unary(false);
    const int below = operand->height;
    node = make(offset, below, ast::Unary{op, std::move(operand)});
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filters ? filters_and_tests(std::move(node)) : std::move(node);
}

ExprPtr ExpressionParser::primary() {
  const Token& token = current();
  const size_t offset = token.offset;
  switch (token.type) {
    case TokenType::name: {
      std::string name = take().value;
      if (name == "true" || name == "True") return make(offset, 0, ast::Constant{true});
      if (name == "false" || name == "False") return make(offset, 0, ast::Constant{false});
      if (name == "none" || name == "None") return make(offset, 0, ast::Constant{None{}});
      return make(offset, 0, ast::Name{std::move(name)});
    }
    case TokenType::string: {
      std::string text;
      while (current().type == TokenType::string) text += take().value;
      return make(offset, 0, ast::Constant{Value::made(std::move(text))});
    }
    case TokenType::integer:
      try {
        const auto value = parse_python_int(token.value, 0);
        if (!value) unexpected("a number");
        take();
        return make(offset, 0, ast::Constant{*value});
      } catch (const Failure& failure) {
        throw SourceError{offset, failure.what()};
      }
    case TokenType::number:
      return make(offset, 0, ast::Constant{parse_python_float(take().value).value_or(0)});
    default:
      break;
  }
  if (skip_symbol("(")) {
    const Level level(*this);
    ExprPtr node = tuple({.parentheses = true});
    expect_symbol(")");
    return node;
  }
  if (is_symbol("[")) return list();
  if (is_symbol("{")) return dict();
  unexpected("an expression");
}

bool ExpressionParser::at_tuple_end() const {
  return current().type == TokenType::variable_end || current().type == TokenType::block_end ||
         is_symbol(")");
}

ExprPtr ExpressionParser::tuple(const TupleRules& rules) {
  const size_t offset = current().offset;
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) expect_symbol(",");
    if (at_tuple_end()) break;
    items.push_back(expression(rules.with_conditional));
    if (!is_symbol(",")) break;
    is_tuple = true;
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (!is_tuple && !rules.parentheses) unexpected("an expression");
  const int below = height_of(items);
  return make(offset, below, ast::TupleLiteral{std::move(items)});
}

ExprPtr ExpressionParser::list() {
  const size_t offset = current().offset;
  expect_symbol("[");
  std::vector<ExprPtr> items;
  while (!is_symbol("]")) {
    if (!items.empty()) expect_symbol(",");
    if (is_symbol("]")) break;
    items.push_back(expression());
  }
  expect_symbol("]");
  const int below = height_of(items);
  return make(offset, below, ast::ListLiteral{std::move(items)});
}

ExprPtr ExpressionParser::dict() {
  const size_t offset = current().offset;
  expect_symbol("{");
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
  int below = 0;
  while (!is_symbol("}")) {
    if (!items.empty()) expect_symbol(",");
    if (is_symbol("}")) break;
    ExprPtr key = expression();
    expect_symbol(":");
    ExprPtr value = expression();
    below = std::max({below, key->height, value->height});
    items.emplace_back(std::move(key), std::move(value));
  }
  expect_symbol("}");
  return make(offset, below, ast::DictLiteral{std::move(items)});
}

}  // namespace nalar::chat
