#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "chat/builtins/builtin.h"
#include "chat/operators.h"
#include "chat/value.h"

namespace nalar::chat::ast {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<Stmt>;

// Where a variable lives: how many functions outward, and which slot there. Filled in by resolve().
struct Place {
  int hops = 0;
  int slot = -1;
};

// ---- expressions

struct Constant {
  Value value;
};
struct Name {
  std::string name;
  Place place = {};
};
struct ListLiteral {
  std::vector<ExprPtr> items;
};
struct TupleLiteral {
  std::vector<ExprPtr> items;
};
struct DictLiteral {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;
};
struct Unary {
  char op;  // - + or ! for not
  ExprPtr operand;
};
// first op operand op operand …, from left to right.
struct Arithmetic {
  ExprPtr first;
  std::vector<std::pair<Operator, ExprPtr>> rest;
};
struct Concatenation {  // ~
  std::vector<ExprPtr> parts;
};
struct Logical {  // and, or
  bool is_or;
  std::vector<ExprPtr> parts;
};
struct Compare {
  ExprPtr first;
  std::vector<std::pair<Comparison, ExprPtr>> rest;
};
struct Conditional {
  ExprPtr test, then;
  ExprPtr otherwise;  // may be absent
};
struct Attribute {
  ExprPtr object;
  std::string name;
};
struct Subscript {
  ExprPtr object, key;
};
struct Slice {
  ExprPtr object;
  ExprPtr start, stop, step;  // may be absent
};
struct CallArguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> keywords;
  ExprPtr star, double_star;  // may be absent
};
struct CallExpr {
  ExprPtr callee;
  CallArguments arguments;
};
// x | name(…) or x is name(…). An unknown name is an error only when it is reached inside of an if.
struct Apply {
  bool is_test;
  ExprPtr input;  // absent: the text of the block that is filtered
  std::string name;
  const Builtin* builtin;
  CallArguments arguments;
};

struct Expr {
  size_t offset;
  int height;  // levels of expressions below, and this one
  std::variant<Constant, Name, ListLiteral, TupleLiteral, DictLiteral, Unary, Arithmetic,
               Concatenation, Logical, Compare, Conditional, Attribute, Subscript, Slice, CallExpr,
               Apply>
      node;
};

// ---- statements

// What is assigned to: a name, namespace.attribute, or several of them.
struct Target {
  size_t offset;
  std::string name;       // empty: `parts` are unpacked into
  std::string attribute;  // not empty: of a namespace
  std::vector<Target> parts;
  Place place = {};
};

// How the variables of a frame start out, as jinja2's compiler has it. Filled in by resolve().
struct Load {
  enum class From { parameter, context, outer, nothing };
  From from;
  int slot;
  std::string name;  // in the context
  Place outer;
};
struct Frame {
  std::vector<Load> loads;
};

struct Output {
  ExprPtr value;
};
struct Assign {
  Target target;
  ExprPtr value;
  std::vector<std::pair<std::string, Place>> exported;  // variables of the template itself
};
struct AssignBlock {
  Target target;
  ExprPtr filter;  // may be absent
  std::vector<Stmt> body;
  Frame frame = {};
  std::vector<std::pair<std::string, Place>> exported = {};
};
struct For {
  Target target;
  ExprPtr iterable;
  ExprPtr test;  // may be absent
  bool recursive;
  std::vector<Stmt> body, otherwise;
  Frame frame = {}, test_frame = {}, else_frame = {};
  int loop_slot = -1;       // -1: the body does not use `loop`
  int slots = 0;            // of a recursive loop, which is a function of its own
  Target test_target = {};  // the target as the test sees it
  int test_slots = 0;
};
struct If {
  struct Branch {
    ExprPtr test;
    std::vector<Stmt> body;
  };
  std::vector<Branch> branches;
  std::vector<Stmt> otherwise;
};
struct Parameter {
  size_t offset;
  std::string name;
  ExprPtr fallback;  // may be absent
  int slot = -1;
};
struct Function {
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<Stmt> body;
  Frame frame = {};
  int slots = 0;
  int caller_slot = -1, kwargs_slot = -1, varargs_slot = -1;  // -1: not used
};
struct Macro {
  Function function;
  Place place = {};
  bool exported = false;
};
struct CallBlock {
  Function function;  // the caller
  ExprPtr call;       // absent: {% generation %}
};
struct FilterBlock {
  ExprPtr filter;
  std::vector<Stmt> body;
  Frame frame = {};
};
struct With {
  std::vector<Target> targets;
  std::vector<ExprPtr> values;
  std::vector<Stmt> body;
  Frame frame = {};
};
struct Autoescape {
  ExprPtr value;
  std::vector<Stmt> body;
  Frame frame = {};
};
// {% block %}: rendered in place, but it sees only the variables of the template itself.
struct NamedBlock {
  std::string name;
  bool scoped, required;
  std::vector<Stmt> body;
  Frame frame = {};
  int slots = 0;
  std::vector<std::pair<std::string, Place>> visible = {};  // further ones, if it is scoped
};
struct LoopControl {
  bool is_break;
};

struct Stmt {
  size_t offset;
  std::variant<Output, Assign, AssignBlock, For, If, Macro, CallBlock, FilterBlock, With,
               Autoescape, NamedBlock, LoopControl>
      node;
};

struct Template {
  std::vector<Stmt> body;
  Frame frame = {};
  int slots = 0;
};

}  // namespace nalar::chat::ast
