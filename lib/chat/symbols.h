#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chat/ast.h"

namespace nalar::chat {

// A function of the compiled template (the template itself, a macro, a recursive loop …) has its
// own slots. Frames of one level share the slot of a name, as they share the variable in jinja2's
// Python code.
class FunctionScope {
 public:
  explicit FunctionScope(FunctionScope* outer) : outer_(outer) {}
  FunctionScope* outer() const { return outer_; }
  int slots() const { return static_cast<int>(slots_.size()); }
  int slot_of(int level, const std::string& name);
  // How many functions outward `target` is.
  int hops_to(const FunctionScope* target) const;

 private:
  FunctionScope* outer_;
  std::map<std::pair<int, std::string>, int> slots_;
};

// The names that one frame knows.
class Symbols {
 public:
  Symbols(const Symbols* parent, FunctionScope& function)
      : parent_(parent), function_(&function), level_(parent == nullptr ? 0 : parent->level_ + 1) {}

  FunctionScope& function() const { return *function_; }
  void load(const std::string& name);
  void store(const std::string& name);
  int declare_parameter(const std::string& name);
  // What the branches of an if did to copies of this frame.
  void join_branches(const std::vector<Symbols>& branches);

  // Where a name that was loaded or stored is, as seen from this frame's function.
  ast::Place place_of(const std::string& name) const;
  ast::Frame frame() const;
  // The names that this and the outer frames assign.
  std::vector<std::pair<std::string, ast::Place>> visible_stores() const;

 private:
  struct Reference {
    const FunctionScope* function;
    int slot;
  };
  struct LoadRule {
    ast::Load::From from;
    std::string name;
    Reference outer{nullptr, -1};
  };
  std::optional<Reference> find(const std::string& name) const;
  int define(const std::string& name, LoadRule rule);
  ast::Place place(const Reference& reference) const;

  const Symbols* parent_;
  FunctionScope* function_;
  int level_;
  std::map<std::string, int> slots_;
  std::map<int, LoadRule> loads_;
  std::set<std::string> stores_;
};

}  // namespace nalar::chat
