#include "model/module_pattern.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>

#include "model/config_value.h"

namespace nalar::model {
namespace {

using Kind = ModulePattern::Kind;
using Step = ModulePattern::Step;
using Program = std::vector<Step>;
using Set = std::bitset<256>;

constexpr size_t kMaxPattern = 4096;
constexpr size_t kMaxSteps = 1 << 14;
constexpr int kMaxDepth = 64;

struct Unsupported {};

bool is_word(unsigned char c) { return std::isalnum(c) || c == '_'; }

Set set_of(bool (*holds)(unsigned char)) {
  Set set;
  for (int c = 0; c < 128; ++c) set[static_cast<size_t>(c)] = holds(static_cast<unsigned char>(c));
  return set;
}

Program& append(Program& program, const Program& more) {
  if (program.size() + more.size() > kMaxSteps) throw Unsupported();
  program.insert(program.end(), more.begin(), more.end());
  return program;
}

int length(const Program& program) { return static_cast<int>(program.size()); }

Program either(const Program& a, const Program& b) {
  Program all = {{Kind::split, {}, 1, length(a) + 2}};
  append(all, a).push_back({Kind::jump, {}, length(b) + 1});
  return append(all, b);
}

Program maybe(const Program& a) {
  Program all = {{Kind::split, {}, 1, length(a) + 1}};
  return append(all, a);
}

Program any_times(const Program& a) {
  Program all = {{Kind::split, {}, 1, length(a) + 2}};
  append(all, a).push_back({Kind::jump, {}, -length(a) - 1});
  return all;
}

Program repeated(const Program& a, int least, std::optional<int> most) {
  Program all;
  for (int i = 0; i < least; ++i) append(all, a);
  if (!most) return append(all, any_times(a));
  for (int i = least; i < *most; ++i) append(all, maybe(a));
  return all;
}

// Recursive descent; throws Unsupported.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Program parse() {
    Program all = alternatives();
    if (!text_.empty()) throw Unsupported();
    return all;
  }

 private:
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  char next() {
    if (text_.empty()) throw Unsupported();
    const char c = text_.front();
    text_.remove_prefix(1);
    return c;
  }
  std::optional<int> number() {
    int value = 0;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (error == std::errc::invalid_argument) return std::nullopt;
    if (error != std::errc() || value < 0 || value > 1000) throw Unsupported();
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return value;
  }

  Program alternatives() {
    if (++depth_ > kMaxDepth) throw Unsupported();
    Program all = sequence();
    while (take('|')) all = either(all, sequence());
    --depth_;
    return all;
  }

  Program sequence() {
    Program all;
    while (!text_.empty() && text_.front() != '|' && text_.front() != ')') {
      append(all, repetition(atom()));
    }
    return all;
  }

  Program repetition(Program a) {
    if (take('*')) {
      a = any_times(a);
    } else if (take('+')) {
      a = repeated(a, 1, std::nullopt);
    } else if (take('?')) {
      a = maybe(a);
    } else if (take('{')) {
      const std::optional<int> least = number();
      const bool range = take(',');
      const std::optional<int> most = range ? number() : least;
      if ((!least && !most) || !take('}')) throw Unsupported();
      a = repeated(a, least.value_or(0), most);
    } else {
      return a;
    }
    take('?');  // how much is taken first does not change whether it matches
    if (!text_.empty() && std::string_view("*+{").find(text_.front()) != std::string_view::npos) {
      throw Unsupported();
    }
    return a;
  }

  Program atom() {
    const char c = next();
    switch (c) {
      case '(': {
        if (take('?') && !take(':')) throw Unsupported();
        Program group = alternatives();
        if (!take(')')) throw Unsupported();
        return group;
      }
      case '[':
        return {{Kind::character, bracket()}};
      case '.':
        return {{Kind::character, Set().set()}};
      case '^':
        return {{Kind::begin}};
      case '$':
        return {{Kind::end}};
      case '\\':
        if (take('b')) return {{Kind::boundary}};
        return {{Kind::character, escape()}};
      case '*':
      case '+':
      case '?':
      case '{':
        throw Unsupported();
      default:
        return {{Kind::character, one(c)}};
    }
  }

  static Set one(char c) { return Set().set(static_cast<unsigned char>(c)); }

  // After a backslash.
  Set escape() {
    const char c = next();
    if (c == 'd') return set_of([](unsigned char x) { return std::isdigit(x) != 0; });
    if (c == 'w') return set_of(is_word);
    if (c == 's') return set_of([](unsigned char x) { return std::isspace(x) != 0; });
    if (std::isalnum(static_cast<unsigned char>(c))) throw Unsupported();
    return one(c);
  }

  // After "[".
  Set bracket() {
    const bool negated = take('^');
    Set set;
    do {
      const char first = next();
      if (first == '\\') {
        set |= escape();
        continue;
      }
      char last = first;
      if (text_.size() >= 2 && text_[0] == '-' && text_[1] != ']') {
        take('-');
        last = next();
        if (last < first || last == '\\') throw Unsupported();
      }
      for (int c = static_cast<unsigned char>(first); c <= static_cast<unsigned char>(last); ++c) {
        set.set(static_cast<size_t>(c));
      }
    } while (!take(']'));
    return negated ? ~set : set;
  }

  std::string_view text_;
  int depth_ = 0;
};

// The steps that wait for a character, at one place of a name.
class Front {
 public:
  Front(const Program& steps, std::string_view name) : steps_(steps), name_(name) {}

  void clear() {
    waiting_.clear();
    seen_.assign(steps_.size() + 1, false);
  }
  // Step `at` and all that follow it without a character, before name[position].
  void add(int at, size_t position) {
    todo_.push_back(at);
    while (!todo_.empty()) {
      const int i = todo_.back();
      todo_.pop_back();
      if (seen_[static_cast<size_t>(i)]) continue;
      seen_[static_cast<size_t>(i)] = true;
      if (static_cast<size_t>(i) == steps_.size()) continue;
      const Step& step = steps_[static_cast<size_t>(i)];
      if (step.kind == Kind::character) {
        waiting_.push_back(i);
      } else if (holds(step.kind, position)) {
        todo_.push_back(i + step.to);
        if (step.kind == Kind::split) todo_.push_back(i + step.other);
      }
    }
  }
  const std::vector<int>& waiting() const { return waiting_; }
  bool at_end() const { return seen_.back(); }

 private:
  bool holds(Kind kind, size_t position) const {
    const auto word_at = [&](size_t i) { return i < name_.size() && is_word(name_[i]); };
    if (kind == Kind::begin) return position == 0;
    if (kind == Kind::end) return position == name_.size();
    if (kind == Kind::boundary) {
      return word_at(position) != (position > 0 && word_at(position - 1));
    }
    return true;
  }

  const Program& steps_;
  std::string_view name_;
  std::vector<bool> seen_;
  std::vector<int> waiting_, todo_;
};

}  // namespace

ModulePattern::ModulePattern(std::string_view key, std::string_view pattern) {
  try {
    if (pattern.size() > kMaxPattern) throw Unsupported();
    steps_ = Parser(pattern).parse();
  } catch (const Unsupported&) {
    fail_unsupported(key, pattern);
  }
}

bool ModulePattern::matches(std::string_view name) const {
  Front fronts[2] = {{steps_, name}, {steps_, name}};
  fronts[0].clear();
  fronts[0].add(0, 0);
  for (size_t i = 0; i < name.size(); ++i) {
    const Front& now = fronts[i % 2];
    Front& next = fronts[(i + 1) % 2];
    next.clear();
    for (const int at : now.waiting()) {
      if (steps_[static_cast<size_t>(at)].set[static_cast<unsigned char>(name[i])]) {
        next.add(at + 1, i + 1);
      }
    }
  }
  return fronts[name.size() % 2].at_end();
}

}  // namespace nalar::model
