#include "data/columns.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace nalar::data {
namespace {

constexpr std::array<std::string_view, 15> kFields = {
    "messages",    "conversations", "prompt", "completion", "text",
    "instruction", "input",         "output", "system",     "history",
    "tools",       "chosen",        "labels", "rejected",   "input_ids"};

bool is_count(std::string_view text) {
  return !text.empty() && text.size() < 7 && text[0] != '0' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Columns::Columns(std::string_view text) {
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == item.size()) {
      throw Error(ErrorKind::usage,
                  fmt::format("--columns: got \"{}\", need FIELD=COLUMN", base::escaped(item)));
    }
    const std::string_view ours = item.substr(0, equals);
    if (std::find(kFields.begin(), kFields.end(), ours) == kFields.end()) {
      throw Error(ErrorKind::usage,
                  fmt::format("--columns: {} is no field of a row: need one of {}",
                              base::escaped(ours), fmt::join(kFields, ", ")));
    }
    for (const auto& known : sources_) {
      if (known.first == ours)
        throw Error(ErrorKind::usage, fmt::format("--columns: {} is given twice", ours));
    }
    sources_.emplace_back(ours, item.substr(equals + 1));
  }
  counted_ = !sources_.empty() && std::all_of(sources_.begin(), sources_.end(),
                                              [](const auto& s) { return is_count(s.second); });
}

Json Columns::rename(Json fields) const {
  if (empty()) return fields;
  Json renamed{Json::Object{}};
  for (const auto& [ours, theirs] : sources_) {
    const Json* value = fields.find(theirs);
    if (value == nullptr) {
      bad_field(base::escaped(theirs),
                fmt::format("not there (--columns), has {}", field_list(fields)));
    }
    renamed.set(ours, *value);
  }
  for (auto& [name, value] : fields.as_object()) {
    const bool taken = std::any_of(sources_.begin(), sources_.end(), [&](const auto& s) {
      return s.second == name || s.first == name;
    });
    if (!taken) renamed.set(name, std::move(value));
  }
  return renamed;
}

void Columns::check(const std::vector<std::string>& header) const {
  Json fields{Json::Object{}};
  for (const std::string& name : header) fields.set(name, nullptr);
  rename(std::move(fields));
}

std::string field_list(const Json& fields) {
  std::string list;
  for (const auto& member : fields.as_object()) {
    if (list.size() > 200) return list + ", …";
    list += (list.empty() ? "" : ", ") + base::escaped(member.first, 40);
  }
  return list.empty() ? "no fields" : list;
}

}  // namespace nalar::data
