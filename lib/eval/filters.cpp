#include "eval/filters.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "chat/unicode.h"
#include "eval/object_reader.h"

namespace nalar::eval {
namespace {

using Kind = FilterStep::Kind;

constexpr std::pair<std::string_view, Kind> kKinds[] = {
    {"regex", Kind::regex},         {"take_first", Kind::take_first},
    {"lowercase", Kind::lowercase}, {"uppercase", Kind::uppercase},
    {"strip", Kind::strip},         {"remove_whitespace", Kind::strip},
    {"number", Kind::number}};

template <typename Append>
std::string mapped(std::string_view text, const Append& append) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto c = base::decode_utf8(text, at);
    append(out, c.code);
    at += static_cast<size_t>(c.length);
  }
  return out;
}

// What findall gives for a match: the group, the first that is not empty of several, or all of it.
std::optional<std::string_view> picked(const PythonRegex::Match& match) {
  if (match.size() <= 2) return match.back();
  const auto group =
      std::find_if(match.begin() + 1, match.end(), [](std::string_view g) { return !g.empty(); });
  if (group == match.end()) return std::nullopt;
  return *group;
}

std::string by_regex(const FilterStep& step, std::string_view answer) {
  const auto matches = step.pattern->find_all(answer);
  const auto n = static_cast<int64_t>(matches.size());
  const int64_t at = step.group_select < 0 ? n + step.group_select : step.group_select;
  if (at < 0 || at >= n) return step.fallback;
  const auto text = picked(matches[static_cast<size_t>(at)]);
  return text ? std::string(stripped(*text)) : step.fallback;
}

std::string last_number(const FilterStep& step, std::string_view answer) {
  static const PythonRegex kNumber(R"(-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)");
  const auto matches = kNumber.find_all(answer);
  if (matches.empty()) return step.fallback;
  std::string out(matches.back().front());
  std::erase(out, ',');
  return out;
}

FilterStep read_step(ObjectReader reader) {
  FilterStep step;
  const std::string function = reader.text("function", "");
  const auto known = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const auto& k) { return k.first == function; });
  if (known == std::end(kKinds)) {
    reader.wrong("function", fmt::format("\"{}\"", base::escaped(function, 40)),
                 "regex, take_first, lowercase, uppercase, strip or number");
  }
  step.kind = known->second;
  if (step.kind == Kind::regex) {
    const std::string pattern = reader.text("regex_pattern", R"(#### (\-?[0-9\.\,]+))");
    try {
      step.pattern.emplace(pattern);
    } catch (const Error& error) {
      reader.wrong("regex_pattern", error.what(), "a regular expression");
    }
    step.group_select = static_cast<int>(reader.integer("group_select", 0, -1000, 1000));
  }
  if (step.kind == Kind::regex || step.kind == Kind::number) {
    step.fallback = reader.text("fallback", step.fallback);
  }
  reader.end();
  return step;
}

}  // namespace

std::string_view stripped(std::string_view text) {
  size_t begin = text.size(), end = 0;
  for (size_t at = 0; at < text.size();) {
    const auto c = base::decode_utf8(text, at);
    const size_t next = at + static_cast<size_t>(c.length);
    if (!chat::unicode::is_space(c.code)) {
      begin = std::min(begin, at);
      end = next;
    }
    at = next;
  }
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

std::string lowered(std::string_view text) { return mapped(text, chat::unicode::append_lower); }
std::string uppered(std::string_view text) { return mapped(text, chat::unicode::append_upper); }

std::string FilterChain::apply(std::string_view answer) const {
  std::string text(answer);
  for (const FilterStep& step : steps) {
    switch (step.kind) {
      case Kind::regex:
        text = by_regex(step, text);
        break;
      case Kind::take_first:
        break;
      case Kind::lowercase:
        text = lowered(text);
        break;
      case Kind::uppercase:
        text = uppered(text);
        break;
      case Kind::strip:
        text = stripped(text);
        break;
      case Kind::number:
        text = last_number(step, text);
        break;
    }
  }
  return text;
}

std::vector<FilterChain> read_filters(const Json& list) {
  std::vector<FilterChain> out;
  for (const Json& entry : list.as_array()) {
    const std::string prefix = fmt::format("filter_list[{}].", out.size());
    ObjectReader reader(entry, prefix);
    FilterChain& chain = out.emplace_back();
    chain.name = reader.text("name", "none");
    if (const Json::Array* steps = reader.list("filter")) {
      for (const Json& step : *steps) {
        chain.steps.push_back(read_step(
            ObjectReader(step, fmt::format("{}filter[{}].", prefix, chain.steps.size()))));
      }
    }
    reader.end();
  }
  return out;
}

}  // namespace nalar::eval
