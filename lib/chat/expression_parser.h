#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/ast.h"
#include "chat/lexer.h"

namespace nalar::chat {

// The part of the parser that reads expressions: one function for each level of jinja2's grammar,
// weakest binding first. The statement parser is built on it.
class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, int max_depth)
      : tokens_(std::move(tokens)), max_depth_(max_depth) {}

  ast::ExprPtr expression(bool with_conditional = true);
  struct TupleRules {
    bool with_conditional = true;
    bool parentheses = false;  // an empty tuple is allowed
  };
  ast::ExprPtr tuple(const TupleRules& rules);
  ast::ExprPtr primary();
  // `| name(…)` as often as it comes; `input` may be null.
  ast::ExprPtr filters(ast::ExprPtr input, bool starts_inline = false);

 protected:
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take();
  bool is_symbol(std::string_view symbol) const;
  bool is_name(std::string_view name) const;
  bool skip_symbol(std::string_view symbol);
  bool skip_name(std::string_view name);
  Token expect(TokenType type, std::string_view what);
  void expect_symbol(std::string_view symbol);
  void expect_name(std::string_view name);
  bool at_tuple_end() const;
  [[noreturn]] void fail_here(const std::string& message) const;
  [[noreturn]] void unexpected(std::string_view wanted) const;

  // One level of brackets or statements, while it lives.
  class Level {
   public:
    explicit Level(ExpressionParser& parser);
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    ExpressionParser& parser_;
  };

  // Unknown filters and tests are allowed inside of an if, where the code may never be reached.
  // Elsewhere they are collected here.
  bool soft_ = false;
  std::vector<SourceError> unknown_;

 private:
  ast::ExprPtr conditional();
  ast::ExprPtr either();
  ast::ExprPtr both();
  ast::ExprPtr negation();
  ast::ExprPtr comparison();
  ast::ExprPtr sum();
  ast::ExprPtr concatenation();
  ast::ExprPtr product();
  ast::ExprPtr power();
  ast::ExprPtr unary(bool with_filters = true);
  ast::ExprPtr postfix(ast::ExprPtr node);
  ast::ExprPtr filters_and_tests(ast::ExprPtr node);
  ast::ExprPtr subscript(ast::ExprPtr node);
  ast::ExprPtr subscribed(ast::ExprPtr object);
  ast::ExprPtr test(ast::ExprPtr node);
  ast::ExprPtr call(ast::ExprPtr callee);
  ast::ExprPtr list();
  ast::ExprPtr dict();
  ast::CallArguments call_arguments(int& height);
  std::string dotted_name(std::string_view what);
  void check_known(const ast::Apply& apply, size_t offset);
  template <class Node>
  ast::ExprPtr make(size_t offset, int below, Node node) const;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int max_depth_;
  int depth_ = 0;
};

}  // namespace nalar::chat
