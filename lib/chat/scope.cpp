#include "chat/scope.h"

#include <functional>
#include <set>
#include <string>

#include "chat/lexer.h"
#include "chat/symbols.h"

namespace nalar::chat {
namespace {

using ast::Expr;
using ast::ExprPtr;
using ast::Stmt;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

// Calls visit(child) for every expression directly below one.
template <class Visit>
void for_arguments(ast::CallArguments& arguments, const Visit& visit) {
  for (ExprPtr& e : arguments.positional) visit(e);
  for (auto& [name, e] : arguments.keywords) visit(e);
  visit(arguments.star);
  visit(arguments.double_star);
}

template <class Visit>
void for_children(Expr& expr, const Visit& visit) {
  const auto all = [&visit](std::vector<ExprPtr>& list) {
    for (ExprPtr& e : list) visit(e);
  };
  std::visit(Overloaded{[](ast::Constant&) {}, [](ast::Name&) {},
                        [&](ast::ListLiteral& n) { all(n.items); },
                        [&](ast::TupleLiteral& n) { all(n.items); },
                        [&](ast::DictLiteral& n) {
                          for (auto& [key, value] : n.items) {
                            visit(key);
                            visit(value);
                          }
                        },
                        [&](ast::Unary& n) { visit(n.operand); },
                        [&](ast::Arithmetic& n) {
                          visit(n.first);
                          for (auto& [op, e] : n.rest) visit(e);
                        },
                        [&](ast::Concatenation& n) { all(n.parts); },
                        [&](ast::Logical& n) { all(n.parts); },
                        [&](ast::Compare& n) {
                          visit(n.first);
                          for (auto& [op, e] : n.rest) visit(e);
                        },
                        [&](ast::Conditional& n) {
                          visit(n.test);
                          visit(n.then);
                          visit(n.otherwise);
                        },
                        [&](ast::Attribute& n) { visit(n.object); },
                        [&](ast::Subscript& n) {
                          visit(n.object);
                          visit(n.key);
                        },
                        [&](ast::Slice& n) {
                          visit(n.object);
                          visit(n.start);
                          visit(n.stop);
                          visit(n.step);
                        },
                        [&](ast::CallExpr& n) {
                          visit(n.callee);
                          for_arguments(n.arguments, visit);
                        },
                        [&](ast::Apply& n) {
                          visit(n.input);
                          for_arguments(n.arguments, visit);
                        }},
             expr.node);
}

void for_names(const ExprPtr& expr, const std::function<void(ast::Name&)>& visit) {
  if (!expr) return;
  if (auto* name = std::get_if<ast::Name>(&expr->node)) return visit(*name);
  for_children(*expr, [&visit](ExprPtr& child) { for_names(child, visit); });
}

void for_parts(ast::Target& target, const std::function<void(ast::Target&)>& visit) {
  if (target.parts.empty()) return visit(target);
  for (ast::Target& part : target.parts) for_parts(part, visit);
}

// ---- which names a frame loads and stores

class Analyzer {
 public:
  explicit Analyzer(Symbols& symbols) : symbols_(&symbols) {}

  void visit(const ExprPtr& expr) {
    for_names(expr, [this](ast::Name& name) { symbols_->load(name.name); });
  }
  void visit(std::vector<Stmt>& body) {
    for (Stmt& stmt : body) std::visit([this](auto& node) { visit(node); }, stmt.node);
  }
  void parameters(ast::Target& target) {
    for_parts(target, [this](ast::Target& part) { symbols_->declare_parameter(part.name); });
  }

 private:
  void store(ast::Target& target) {
    for_parts(target, [this](ast::Target& part) {
      if (part.attribute.empty()) {
        symbols_->store(part.name);
      } else {
        symbols_->load(part.name);
      }
    });
  }

  void visit(ast::Output& node) { visit(node.value); }
  void visit(ast::Assign& node) {
    visit(node.value);
    store(node.target);
  }
  void visit(ast::AssignBlock& node) { store(node.target); }
  void visit(ast::For& node) { visit(node.iterable); }
  void visit(ast::Macro& node) { symbols_->store(node.function.name); }
  void visit(ast::CallBlock& node) { visit(node.call); }
  void visit(ast::FilterBlock& node) { visit(node.filter); }
  void visit(ast::With& node) {
    for (const ExprPtr& value : node.values) visit(value);
  }
  void visit(ast::Autoescape&) {}
  void visit(ast::NamedBlock&) {}
  void visit(ast::LoopControl&) {}

  void visit(ast::If& node) {
    visit(node.branches[0].test);
    Symbols& original = *symbols_;
    std::vector<Symbols> copies(3, original);
    symbols_ = &copies[0];
    visit(node.branches[0].body);
    symbols_ = &copies[1];
    for (size_t i = 1; i < node.branches.size(); ++i) visit_elif(node.branches[i]);
    symbols_ = &copies[2];
    visit(node.otherwise);
    symbols_ = &original;
    original.join_branches(copies);
  }

  void visit_elif(ast::If::Branch& branch) {
    visit(branch.test);
    Symbols& original = *symbols_;
    std::vector<Symbols> copies(1, original);
    symbols_ = &copies[0];
    visit(branch.body);
    symbols_ = &original;
    original.join_branches(copies);
  }

  Symbols* symbols_;
};

// ---- whether a body uses loop, caller, kwargs or varargs before it assigns them

class UseFinder {
 public:
  explicit UseFinder(std::set<std::string> names) : names_(std::move(names)) {}
  bool found(const std::string& name) const { return found_.count(name) > 0; }
  bool has_scoped_block() const { return has_scoped_block_; }

  void visit(std::vector<Stmt>& body) {
    for (Stmt& stmt : body) std::visit([this](auto& node) { visit(node); }, stmt.node);
  }

 private:
  void visit(const ExprPtr& expr) {
    for_names(expr, [this](ast::Name& name) {
      if (names_.count(name.name) > 0) found_.insert(name.name);
    });
  }
  void forget(const std::string& name) { names_.erase(name); }
  void forget(ast::Target& target) {
    for_parts(target, [this](ast::Target& part) {
      if (part.attribute.empty()) forget(part.name);
    });
  }
  void visit(ast::Function& function) {
    for (ast::Parameter& parameter : function.parameters) forget(parameter.name);
    for (ast::Parameter& parameter : function.parameters) visit(parameter.fallback);
    visit(function.body);
  }
  void visit(ast::Output& node) { visit(node.value); }
  void visit(ast::Assign& node) {
    forget(node.target);
    visit(node.value);
  }
  void visit(ast::AssignBlock& node) {
    forget(node.target);
    visit(node.filter);
    visit(node.body);
  }
  void visit(ast::For& node) {
    forget(node.target);
    visit(node.iterable);
    visit(node.body);
    visit(node.otherwise);
    visit(node.test);
  }
  void visit(ast::If& node) {
    for (ast::If::Branch& branch : node.branches) {
      visit(branch.test);
      visit(branch.body);
    }
    visit(node.otherwise);
  }
  void visit(ast::Macro& node) { visit(node.function); }
  void visit(ast::CallBlock& node) {
    visit(node.call);
    visit(node.function);
  }
  void visit(ast::FilterBlock& node) {
    visit(node.body);
    visit(node.filter);
  }
  void visit(ast::With& node) {
    for (ast::Target& target : node.targets) forget(target);
    for (const ExprPtr& value : node.values) visit(value);
    visit(node.body);
  }
  void visit(ast::Autoescape& node) {
    visit(node.value);
    visit(node.body);
  }
  void visit(ast::NamedBlock& node) { has_scoped_block_ = has_scoped_block_ || node.scoped; }
  void visit(ast::LoopControl&) {}

  std::set<std::string> names_, found_;
  bool has_scoped_block_ = false;
};

// ---- places

// Walks the tree frame by frame, as the compiler writes its code.
class Resolver {
 public:
  void run(ast::Template& tree) {
    FunctionScope function(nullptr);
    Symbols symbols(nullptr, function);
    Analyzer(symbols).visit(tree.body);
    walk(tree.body, symbols, true);
    tree.frame = symbols.frame();
    tree.slots = function.slots();
  }

 private:
  void place(const ExprPtr& expr, const Symbols& symbols) {
    for_names(expr, [&](ast::Name& name) { name.place = symbols.place_of(name.name); });
  }
  void place(ast::Target& target, const Symbols& symbols) {
    for_parts(target, [&](ast::Target& part) { part.place = symbols.place_of(part.name); });
  }

  void walk(std::vector<Stmt>& body, Symbols& symbols, bool top_level) {
    for (Stmt& stmt : body) {
      std::visit([&](auto& node) { walk(node, symbols, top_level); }, stmt.node);
    }
  }

  static std::vector<std::pair<std::string, ast::Place>> exports(ast::Target& target,
                                                                 bool top_level) {
    std::vector<std::pair<std::string, ast::Place>> out;
    if (!top_level) return out;
    for_parts(target, [&out](ast::Target& part) {
      if (part.attribute.empty()) out.emplace_back(part.name, part.place);
    });
    return out;
  }

  void walk(ast::Output& node, Symbols& symbols, bool) { place(node.value, symbols); }

  void walk(ast::Assign& node, Symbols& symbols, bool top_level) {
    place(node.value, symbols);
    place(node.target, symbols);
    node.exported = exports(node.target, top_level);
  }

  void walk(ast::AssignBlock& node, Symbols& symbols, bool top_level) {
    Symbols inner(&symbols, symbols.function());
    Analyzer analyzer(inner);
    analyzer.visit(node.body);
    analyzer.visit(node.filter);
    walk(node.body, inner, false);
    place(node.filter, inner);
    place(node.target, symbols);
    node.frame = inner.frame();
    node.exported = exports(node.target, top_level);
  }

  void walk(ast::For& node, Symbols& symbols, bool) {
    place(node.iterable, symbols);
    if (node.test) walk_test(node, symbols);
    FunctionScope own(&symbols.function());
    FunctionScope& function = node.recursive ? own : symbols.function();
    Symbols loop(&symbols, function);
    UseFinder uses({"loop"});
    uses.visit(node.body);
    if (node.recursive || uses.found("loop") || uses.has_scoped_block()) {
      node.loop_slot = loop.declare_parameter("loop");
    }
    Analyzer analyzer(loop);
    analyzer.parameters(node.target);
    analyzer.visit(node.body);
    walk(node.body, loop, false);
    place(node.target, loop);
    node.frame = loop.frame();

    Symbols otherwise(&symbols, function);
    Analyzer(otherwise).visit(node.otherwise);
    walk(node.otherwise, otherwise, false);
    node.else_frame = otherwise.frame();
    node.slots = own.slots();
  }

  void walk_test(ast::For& node, Symbols& symbols) {
    FunctionScope function(&symbols.function());
    Symbols inner(&symbols, function);
    node.test_target = node.target;
    Analyzer analyzer(inner);
    analyzer.parameters(node.test_target);
    analyzer.visit(node.test);
    place(node.test, inner);
    place(node.test_target, inner);
    node.test_frame = inner.frame();
    node.test_slots = function.slots();
  }

  void walk(ast::If& node, Symbols& symbols, bool top_level) {
    for (ast::If::Branch& branch : node.branches) {
      place(branch.test, symbols);
      walk(branch.body, symbols, top_level);
    }
    walk(node.otherwise, symbols, top_level);
  }

  void walk(ast::Function& node, Symbols& symbols) {
    FunctionScope function(&symbols.function());
    Symbols inner(&symbols, function);
    std::set<std::string> special = {"caller", "kwargs", "varargs"};
    UseFinder all_uses(special);
    all_uses.visit(node.body);
    for (ast::Parameter& parameter : node.parameters) {
      parameter.slot = inner.declare_parameter(parameter.name);
      special.erase(parameter.name);
      if (parameter.name == "caller" && !parameter.fallback && all_uses.found("caller")) {
        throw SourceError{parameter.offset, "the special \"caller\" argument needs a default"};
      }
    }
    Analyzer analyzer(inner);
    for (ast::Parameter& parameter : node.parameters) analyzer.visit(parameter.fallback);
    analyzer.visit(node.body);
    UseFinder uses(special);
    uses.visit(node.body);
    if (uses.found("caller")) node.caller_slot = inner.declare_parameter("caller");
    if (uses.found("kwargs")) node.kwargs_slot = inner.declare_parameter("kwargs");
    if (uses.found("varargs")) node.varargs_slot = inner.declare_parameter("varargs");
    for (ast::Parameter& parameter : node.parameters) place(parameter.fallback, inner);
    walk(node.body, inner, false);
    node.frame = inner.frame();
    node.slots = function.slots();
  }

  void walk(ast::Macro& node, Symbols& symbols, bool top_level) {
    walk(node.function, symbols);
    node.place = symbols.place_of(node.function.name);
    node.exported = top_level;
  }

  void walk(ast::CallBlock& node, Symbols& symbols, bool) {
    walk(node.function, symbols);
    place(node.call, symbols);
  }

  void walk(ast::FilterBlock& node, Symbols& symbols, bool) {
    Symbols inner(&symbols, symbols.function());
    Analyzer analyzer(inner);
    analyzer.visit(node.body);
    analyzer.visit(node.filter);
    walk(node.body, inner, false);
    place(node.filter, inner);
    node.frame = inner.frame();
  }

  void walk(ast::With& node, Symbols& symbols, bool) {
    Symbols inner(&symbols, symbols.function());
    Analyzer analyzer(inner);
    for (ast::Target& target : node.targets) analyzer.parameters(target);
    analyzer.visit(node.body);
    for (const ExprPtr& value : node.values) place(value, symbols);
    for (ast::Target& target : node.targets) place(target, inner);
    walk(node.body, inner, false);
    node.frame = inner.frame();
  }

  void walk(ast::Autoescape& node, Symbols& symbols, bool) {
    Symbols inner(&symbols, symbols.function());
    Analyzer analyzer(inner);
    analyzer.visit(node.value);
    analyzer.visit(node.body);
    place(node.value, inner);
    walk(node.body, inner, false);
    node.frame = inner.frame();
  }

  void walk(ast::NamedBlock& node, Symbols& symbols, bool) {
    FunctionScope function(nullptr);
    Symbols inner(nullptr, function);
    Analyzer(inner).visit(node.body);
    walk(node.body, inner, false);
    node.frame = inner.frame();
    node.slots = function.slots();
    if (node.scoped) node.visible = symbols.visible_stores();
  }

  void walk(ast::LoopControl&, Symbols&, bool) {}
};

}  // namespace

void resolve(ast::Template& tree) { Resolver().run(tree); }

}  // namespace nalar::chat
