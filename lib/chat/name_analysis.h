#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chat/ast.h"
#include "chat/symbols.h"
#include "chat/tree_walk.h"

namespace nalar::chat {

// Notes which names the code of one frame loads and stores.
class Analyzer {
 public:
  explicit Analyzer(Symbols& symbols) : symbols_(&symbols) {}

  void visit(const ast::ExprPtr& expr) {
    for_names(expr, [this](ast::Name& name) { symbols_->load(name.name); });
  }
  void visit(std::vector<ast::Stmt>& body) {
    for (ast::Stmt& stmt : body) std::visit([this](auto& node) { visit(node); }, stmt.node);
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
    for (const ast::ExprPtr& value : node.values) visit(value);
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

// Whether a body uses loop, caller, kwargs or varargs before it assigns them.
class UseFinder {
 public:
  explicit UseFinder(std::set<std::string> names) : names_(std::move(names)) {}
  bool found(const std::string& name) const { return found_.count(name) > 0; }
  bool has_scoped_block() const { return has_scoped_block_; }

  void visit(std::vector<ast::Stmt>& body) {
    for (ast::Stmt& stmt : body) std::visit([this](auto& node) { visit(node); }, stmt.node);
  }

 private:
  void visit(const ast::ExprPtr& expr) {
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
    for (const ast::ExprPtr& value : node.values) visit(value);
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

}  // namespace nalar::chat
