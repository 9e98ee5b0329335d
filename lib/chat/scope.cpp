#include "chat/scope.h"

#include <set>
#include <string>

#include "chat/lexer.h"
#include "chat/name_analysis.h"
#include "chat/symbols.h"
#include "chat/tree_walk.h"

namespace nalar::chat {
namespace {

using ast::ExprPtr;
using ast::Stmt;

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
