#include "chat/symbols.h"

namespace nalar::chat {

int FunctionScope::slot_of(int level, const std::string& name) {
  return slots_.emplace(std::make_pair(level, name), slots()).first->second;
}

int FunctionScope::hops_to(const FunctionScope* target) const {
  int hops = 0;
  for (const FunctionScope* scope = this; scope != nullptr && scope != target;
       scope = scope->outer_) {
    ++hops;
  }
  return hops;
}

std::optional<Symbols::Reference> Symbols::find(const std::string& name) const {
  for (const Symbols* frame = this; frame != nullptr; frame = frame->parent_) {
    const auto it = frame->slots_.find(name);
    if (it != frame->slots_.end()) return Reference{frame->function_, it->second};
  }
  return std::nullopt;
}

int Symbols::define(const std::string& name, LoadRule rule) {
  const int slot = function_->slot_of(level_, name);
  slots_[name] = slot;
  loads_[slot] = std::move(rule);
  return slot;
}

void Symbols::load(const std::string& name) {
  if (!find(name)) define(name, {ast::Load::From::context, name});
}

void Symbols::store(const std::string& name) {
  stores_.insert(name);
  if (slots_.count(name) > 0) return;
  if (parent_ != nullptr) {
    if (const auto outer = parent_->find(name)) {
      define(name, {ast::Load::From::outer, name, *outer});
      return;
    }
  }
  define(name, {ast::Load::From::nothing, name});
}

int Symbols::declare_parameter(const std::string& name) {
  stores_.insert(name);
  return define(name, {ast::Load::From::parameter, name});
}

void Symbols::join_branches(const std::vector<Symbols>& branches) {
  std::set<std::string> stored;
  for (const Symbols& branch : branches) {
    for (const std::string& name : branch.stores_) {
      if (stores_.count(name) == 0) stored.insert(name);
    }
  }
  for (const Symbols& branch : branches) {
    for (const auto& [name, slot] : branch.slots_) slots_[name] = slot;
    for (const auto& [slot, rule] : branch.loads_) loads_[slot] = rule;
    stores_.insert(branch.stores_.begin(), branch.stores_.end());
  }
  // What only some branches assign has its outside value where they did not run.
  for (const std::string& name : stored) {
    const auto here = find(name);
    const auto outer = parent_ == nullptr ? std::nullopt : parent_->find(name);
    loads_[here->slot] = outer ? LoadRule{ast::Load::From::outer, name, *outer}
                               : LoadRule{ast::Load::From::context, name};
  }
}

ast::Place Symbols::place(const Reference& reference) const {
  return {function_->hops_to(reference.function), reference.slot};
}

ast::Place Symbols::place_of(const std::string& name) const {
  const auto reference = find(name);
  return reference ? place(*reference) : ast::Place{};
}

ast::Frame Symbols::frame() const {
  ast::Frame frame;
  for (const auto& [slot, rule] : loads_) {
    const ast::Place outer = rule.outer.function == nullptr ? ast::Place{} : place(rule.outer);
    frame.loads.push_back({rule.from, slot, rule.name, outer});
  }
  return frame;
}

std::vector<std::pair<std::string, ast::Place>> Symbols::visible_stores() const {
  std::map<std::string, ast::Place> out;
  for (const Symbols* frame = this; frame != nullptr; frame = frame->parent_) {
    for (const std::string& name : frame->stores_) out.emplace(name, place_of(name));
  }
  return {out.begin(), out.end()};
}

}  // namespace nalar::chat
