#include "option_set.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace nalar::apps {
namespace {

std::string spelled(const CLI::Option& option, const char* value) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (value[0] != '\0') text += fmt::format(" {}", value);
  return text;
}

std::string text_of(const Json& value, const std::string& key) {
  if (value.is_string()) return value.as_string();
  if (value.is_number() || value.is_bool()) return to_text(value);
  throw Error(ErrorKind::config,
              fmt::format("{}: got {}, need a single value", key, value.kind_name()));
}

std::vector<std::string> texts_of(const Json& value, const std::string& key) {
  if (!value.is_array()) return {text_of(value, key)};
  std::vector<std::string> all;
  for (const Json& item : value.as_array()) all.push_back(text_of(item, key));
  return all;
}

bool fits(SettingKind kind, const Json& value) {
  switch (kind) {
    case SettingKind::flag:
      return value.is_bool();
    case SettingKind::number:
      return value.is_number();
    case SettingKind::text:
      return value.is_string();
    case SettingKind::texts:
      return value.is_string() || value.is_array();
  }
  return false;
}

const char* need(SettingKind kind) {
  switch (kind) {
    case SettingKind::flag:
      return "true or false";
    case SettingKind::number:
      return "a number";
    case SettingKind::text:
      return "a text";
    case SettingKind::texts:
      return "a text or a list of them";
  }
  return "";
}

}  // namespace

Json OptionSet::number_json(float value) {
  // The shortest decimal of the float, not the digits of its double.
  double widened = value;
  const std::string text = fmt::format("{}", value);
  std::from_chars(text.data(), text.data() + text.size(), widened);
  return widened;
}

Setting& OptionSet::add(const OptionText& option, SettingKind kind) {
  CLI::Option* const made =
      kind == SettingKind::flag
          ? app_.add_flag(option.names)
          : app_.add_option(option.names, [](const CLI::results_t&) { return true; });
  made->multi_option_policy(kind == SettingKind::texts ? CLI::MultiOptionPolicy::TakeAll
                                                       : CLI::MultiOptionPolicy::TakeLast);
  auto setting = std::make_unique<Setting>();
  setting->names = made->get_lnames();
  setting->spelled = spelled(*made, option.value);
  setting->help = option.help;
  setting->group = group_;
  setting->kind = kind;
  settings_.push_back(std::move(setting));
  options_.push_back(made);
  return *settings_.back();
}

void OptionSet::positional(const char* name, std::optional<std::string>& target, const char* help) {
  // CLI11 has no argument that is called "-".
  const std::string own = std::string_view(name) == "-" ? "dash" : name;
  app_.add_option(own, [&target](const CLI::results_t& values) {
    target = values.back();
    return true;
  });
  positionals_.emplace_back(name, help);
}

void OptionSet::positionals(const char* name, std::vector<std::string>& target, const char* help) {
  constexpr int kMany = 1'000'000;
  CLI::Option* const made = app_.add_option(name, [&target](const CLI::results_t& values) {
    target = values;
    return true;
  });
  made->expected(1, kMany)->allow_extra_args();
  made->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  positionals_.emplace_back(name, help);
}

void OptionSet::optional_number(const OptionText& option, std::optional<int>& target,
                                Range<int> range, int without) {
  Setting& setting = add_number<int>(option, target, range);
  options_.back()->expected(0, 1);
  setting.set = [&target, without, parse = setting.set](const std::vector<std::string>& values) {
    if (values.empty() || values.back().empty()) {
      target = without;
    } else {
      parse(values);
    }
  };
  setting.get = [] { return Json(); };
  command_line_only();
}

void OptionSet::flag(const OptionText& option, bool& target) {
  Setting& setting = add(option, SettingKind::flag);
  const std::string name = "--" + setting.names.front();
  setting.set = [&target, name](const std::vector<std::string>& values) {
    if (values.back() != "true" && values.back() != "false") {
      throw Error(ErrorKind::usage,
                  fmt::format("{}: got \"{}\", need no value", name, printable(values.back(), 60)));
    }
    target = values.back() == "true";
  };
  setting.get = [&target] { return Json(target); };
}

void OptionSet::text(const OptionText& option, std::optional<std::string>& target) {
  Setting& setting = add(option, SettingKind::text);
  setting.set = [&target](const std::vector<std::string>& values) { target = values.back(); };
  setting.get = [&target] { return target ? Json(*target) : Json(); };
}

void OptionSet::texts(const OptionText& option, std::vector<std::string>& target) {
  Setting& setting = add(option, SettingKind::texts);
  setting.set = [&target](const std::vector<std::string>& values) { target = values; };
  setting.get = [&target] {
    return target.empty() ? Json() : Json(Json::Array(target.begin(), target.end()));
  };
}

void OptionSet::choice(const OptionText& option, std::string& target,
                       std::vector<std::string> words) {
  Setting& setting = add(option, SettingKind::text);
  const std::string name = "--" + setting.names.front();
  setting.set = [&target, words = std::move(words), name](const std::vector<std::string>& values) {
    if (std::find(words.begin(), words.end(), values.back()) == words.end()) {
      throw Error(ErrorKind::usage,
                  fmt::format("{}: got \"{}\", need {}", name, printable(values.back(), 60),
                              fmt::join(words, " or ")));
    }
    target = values.back();
  };
  setting.get = [&target] { return Json(target); };
}

void OptionSet::not_yet(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    app_.add_option(name,
                    [name](const CLI::results_t&) -> bool {
                      throw Error(ErrorKind::usage, fmt::format("{} is not there yet", name));
                    })
        ->expected(0, 1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

void OptionSet::apply_command_line() {
  for (size_t i = 0; i < settings_.size(); ++i) {
    if (options_[i]->count() == 0) continue;
    settings_[i]->set(options_[i]->results());
    settings_[i]->origin = kCommandLine;
  }
}

Setting* OptionSet::find(std::string_view name) const {
  for (const auto& setting : settings_) {
    const auto& names = setting->names;
    if (std::find(names.begin(), names.end(), name) != names.end()) return setting.get();
  }
  return nullptr;
}

const std::string& OptionSet::origin(std::string_view name) const { return find(name)->origin; }

void OptionSet::apply_config(const Json& table, const std::string& file) {
  for (const auto& [key, value] : table.as_object()) {
    const std::string place = fmt::format("{}.{}", app_.get_name(), printable(key));
    Setting* const setting = find(key);
    if (setting == nullptr || !setting->in_config) {
      throw Error(ErrorKind::config, fmt::format("unknown key (key {}): need an option of nalar {}",
                                                 place, app_.get_name()));
    }
    if (!fits(setting->kind, value)) {
      throw Error(ErrorKind::config, fmt::format("wrong type (key {}): got {}, need {}", place,
                                                 value.kind_name(), need(setting->kind)));
    }
    if (!setting->origin.empty()) continue;
    try {
      setting->set(texts_of(value, place));
    } catch (const Error& e) {
      throw Error(ErrorKind::config, fmt::format("(key {}) {}", place, e.what()), e.hint());
    }
    setting->origin = file;
  }
}

}  // namespace nalar::apps
