#include "chat/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <set>

#include "base/utf8.h"
#include "chat/expression_parser.h"

namespace nalar::chat {
namespace {

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  ast::Template parse() {
    ast::Template out;
    out.body = body({});
    if (!unknown_.empty()) throw unknown_.front();
    return out;
  }

 private:
  using Ends = std::initializer_list<std::string_view>;

  // Statements up to one of the end tags, whose name is then current; up to the end when there are
  // none.
  ast::Body body(Ends ends) {
    const Level level(*this);
    ast::Body out;
    while (current().type != TokenType::end) {
      const size_t offset = current().offset;
      switch (current().type) {
        case TokenType::data:
          add_text(out, take());
          break;
        case TokenType::variable_begin:
          take();
          out.push_back({offset, ast::Output{tuple({})}});
          expect(TokenType::variable_end, "'}}'");
          break;
        default:
          expect(TokenType::block_begin, "a tag");
          if (std::any_of(ends.begin(), ends.end(), [this](auto name) { return is_name(name); })) {
            return out;
          }
          statement(out);
          expect(TokenType::block_end, "'%}'");
      }
    }
    if (ends.size() > 0)
      fail_here(fmt::format("unexpected end of template, expected {{% {} %}}", *(ends.end() - 1)));
    return out;
  }

  static void add_text(ast::Body& out, Token token) {
    auto constant = std::make_unique<ast::Expr>(
        ast::Expr{token.offset, 1, ast::Constant{Value::made(std::move(token.value))}});
    out.push_back({token.offset, ast::Output{std::move(constant)}});
  }

  // The rest of an opening tag, and what follows up to an end tag.
  ast::Body block(Ends ends) {
    skip_symbol(":");
    expect(TokenType::block_end, "'%}'");
    return body(ends);
  }
  // The same in a frame of its own, where jinja2 looks for unknown filters at once.
  ast::Body inner_block(Ends ends) {
    const bool soft = std::exchange(soft_, false);
    ast::Body out = block(ends);
    soft_ = soft;
    return out;
  }

  void statement(ast::Body& out) {
    if (current().type != TokenType::name) unexpected("a tag's name");
    const Token tag = take();
    const auto add = [&](auto node) { out.push_back({tag.offset, std::move(node)}); };
    if (tag.value == "for") return add(for_loop());
    if (tag.value == "if") return add(if_chain());
    if (tag.value == "set") return set(out, tag.offset);
    if (tag.value == "macro") return add(macro());
    if (tag.value == "call") return add(call_block());
    if (tag.value == "generation") return add(generation());
    if (tag.value == "filter") return add(filter_block());
    if (tag.value == "with") return add(with());
    if (tag.value == "autoescape") return add(autoescape());
    if (tag.value == "block") return add(named_block());
    if (tag.value == "print") return print(out, tag.offset);
    if (tag.value == "break" || tag.value == "continue") {
      if (!in_loop_) throw SourceError{tag.offset, "'" + tag.value + "' outside loop"};
      return add(ast::LoopControl{tag.value == "break"});
    }
    for (const std::string_view name : {"include", "import", "from", "extends"}) {
      if (tag.value == name)
        throw SourceError{tag.offset, fmt::format("the tag {} is not available", name)};
    }
    throw SourceError{tag.offset, fmt::format("encountered unknown tag {}",
                                              base::escaped("'" + tag.value + "'", 60))};
  }

  // ---- targets

  ast::Target name_target(bool stores = true) {
    Token token = expect(TokenType::name, "a name");
    check_assignable(token, stores);
    return {token.offset, std::move(token.value), {}, {}};
  }

  void check_assignable(const Token& token, bool stores) {
    for (const std::string_view constant : {"true", "false", "True", "False", "none", "None"}) {
      if (token.value == constant) throw SourceError{token.offset, "can't assign to 'const'"};
    }
    if (stores && token.value == "loop" && loops_ > 0) {
      throw SourceError{token.offset, "can't assign to special loop variable in for-loop target"};
    }
  }

  ast::Target single_target(bool with_namespace) {
    const Level level(*this);
    if (skip_symbol("(")) {
      ast::Target inner = target(with_namespace);
      expect_symbol(")");
      return inner;
    }
    if (current().type != TokenType::name) unexpected("a name to assign to");
    if (with_namespace && ahead().type == TokenType::symbol && ahead().value == ".") {
      Token token = take();
      take();
      return {token.offset, std::move(token.value), expect(TokenType::name, "a name").value, {}};
    }
    return name_target();
  }

  ast::Target target(bool with_namespace) {
    const size_t offset = current().offset;
    std::vector<ast::Target> parts;
    bool is_tuple = false;
    while (true) {
      if (!parts.empty()) expect_symbol(",");
      if (!parts.empty() && at_tuple_end()) break;
      parts.push_back(single_target(with_namespace));
      if (!is_symbol(",")) break;
      is_tuple = true;
    }
    if (!is_tuple) return std::move(parts[0]);
    return {offset, {}, {}, std::move(parts)};
  }

  // ---- tags

  ast::For for_loop() {
    ast::For out;
    ++loops_;
    const bool in_loop = in_loop_;
    out.target = target(false);
    expect_name("in");
    out.iterable = tuple({.with_conditional = false});
    const bool soft = std::exchange(soft_, false);
    if (skip_name("if")) out.test = expression();
    out.recursive = skip_name("recursive");
    in_loop_ = true;
    out.body = block({"else", "endfor"});
    in_loop_ = out.recursive ? false : in_loop;
    if (skip_name("else")) out.otherwise = block({"endfor"});
    take();
    in_loop_ = in_loop;
    soft_ = soft;
    --loops_;
    return out;
  }

  ast::If if_chain() {
    ast::If out;
    const bool soft = std::exchange(soft_, true);
    while (true) {
      ast::ExprPtr test = tuple({.with_conditional = false});
      ast::Body inside = block({"elif", "else", "endif"});
      out.branches.push_back({std::move(test), std::move(inside)});
      if (!skip_name("elif")) break;
    }
    if (skip_name("else")) out.otherwise = block({"endif"});
    take();
    soft_ = soft;
    return out;
  }

  void set(ast::Body& out, size_t offset) {
    ast::Target to = target(true);
    if (skip_symbol("=")) {
      out.push_back({offset, ast::Assign{std::move(to), tuple({}), {}}});
      return;
    }
    const bool soft = std::exchange(soft_, false);
    ast::AssignBlock node{std::move(to), filters(nullptr), {}};
    soft_ = soft;
    node.body = inner_block({"endset"});
    take();
    out.push_back({offset, std::move(node)});
  }

  void signature(ast::Function& function) {
    expect_symbol("(");
    std::set<std::string> names;
    for (bool first = true; !is_symbol(")"); first = false) {
      if (!first) expect_symbol(",");
      const ast::Target name = name_target(false);
      ast::Parameter parameter{name.offset, name.name, nullptr};
      if (!names.insert(parameter.name).second)
        fail_here("duplicate argument " + base::escaped(parameter.name, 60));
      if (skip_symbol("=")) {
        parameter.fallback = expression();
      } else if (!function.parameters.empty() && function.parameters.back().fallback) {
        fail_here("non-default argument follows default argument");
      }
      function.parameters.push_back(std::move(parameter));
    }
    expect_symbol(")");
  }

  // The body of a macro or call block: a function, which no break leaves.
  ast::Body function_body(std::string_view end) {
    const bool in_loop = std::exchange(in_loop_, false);
    ast::Body out = inner_block({end});
    take();
    in_loop_ = in_loop;
    return out;
  }

  ast::Macro macro() {
    ast::Macro out;
    out.function.name = name_target(false).name;
    const bool soft = std::exchange(soft_, false);
    signature(out.function);
    soft_ = soft;
    out.function.body = function_body("endmacro");
    return out;
  }

  ast::CallBlock call_block() {
    ast::CallBlock out;
    if (is_symbol("(")) signature(out.function);
    const size_t offset = current().offset;
    out.call = expression();
    if (!std::holds_alternative<ast::CallExpr>(out.call->node))
      throw SourceError{offset, "expected call"};
    out.function.body = function_body("endcall");
    return out;
  }

  ast::CallBlock generation() {
    ast::CallBlock out;
    out.function.body = function_body("endgeneration");
    return out;
  }

  ast::FilterBlock filter_block() {
    const bool soft = std::exchange(soft_, false);
    ast::FilterBlock out{filters(nullptr, true), {}};
    soft_ = soft;
    out.body = inner_block({"endfilter"});
    take();
    return out;
  }

  ast::With with() {
    ast::With out;
    while (current().type != TokenType::block_end) {
      if (!out.targets.empty()) expect_symbol(",");
      out.targets.push_back(target(false));
      expect_symbol("=");
      out.values.push_back(expression());
    }
    out.body = inner_block({"endwith"});
    take();
    return out;
  }

  ast::Autoescape autoescape() {
    ast::Autoescape out{expression(), {}};
    out.body = inner_block({"endautoescape"});
    take();
    return out;
  }

  ast::NamedBlock named_block() {
    ast::NamedBlock out{};
    Token name = expect(TokenType::name, "a block's name");
    out.name = std::move(name.value);
    if (!block_names_.insert(out.name).second) {
      throw SourceError{name.offset,
                        fmt::format("block '{}' defined twice", base::escaped(out.name, 60))};
    }
    out.scoped = skip_name("scoped");
    out.required = skip_name("required");
    const bool in_loop = std::exchange(in_loop_, false);
    out.body = inner_block({"endblock"});
    in_loop_ = in_loop;
    take();
    skip_name(out.name);
    return out;
  }

  void print(ast::Body& out, size_t offset) {
    for (bool first = true; current().type != TokenType::block_end; first = false) {
      if (!first) expect_symbol(",");
      out.push_back({offset, ast::Output{expression()}});
    }
  }

  int loops_ = 0;
  bool in_loop_ = false;
  std::set<std::string> block_names_;
};

}  // namespace

ast::Template parse(std::string_view source, int max_depth, const LexerOptions& options) {
  return Parser(tokenize(source, options), max_depth).parse();
}

}  // namespace nalar::chat
