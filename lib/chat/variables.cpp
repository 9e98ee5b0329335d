#include "chat/variables.h"

#include <nalar/error.h>

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "chat/operators.h"

namespace nalar::chat {
namespace {

// A role is chosen by the program, not by who writes the messages. Some templates make control
// tokens of it
// ('<|' + role + '|>'), so that these names count as the template's own text.
bool is_known_role(std::string_view role) {
  constexpr std::string_view kRoles[] = {"system", "user", "assistant", "tool", "developer"};
  return std::find(std::begin(kRoles), std::end(kRoles), role) != std::end(kRoles);
}

class Converter {
 public:
  Converter(Budget& budget, Origin origin) : budget_(budget), origin_(origin) {}

  Value convert(const Json& json) {
    switch (json.kind()) {
      case Json::Kind::null:
        return None{};
      case Json::Kind::boolean:
        return json.as_bool();
      case Json::Kind::integer:
      case Json::Kind::unsigned_integer:
        return integer(json);
      case Json::Kind::number:
        return json.as_double();
      case Json::Kind::string:
        return text(json.as_string(), origin_);
      case Json::Kind::array: {
        const auto level = budget_.call();
        std::vector<Value> items;
        for (const Json& item : json.as_array()) items.push_back(convert(item));
        return make_list(budget_, std::move(items));
      }
      case Json::Kind::object:
        break;
    }
    return make_dict(budget_, members(json));
  }

  Dict members(const Json& object) {
    const auto level = budget_.call();
    Dict dict;
    for (const auto& [name, value] : object.as_object()) {
      const bool role = name == "role" && value.is_string() && is_known_role(value.as_string());
      dict.set(text(name, origin_), role ? text(value.as_string(), kTemplate) : convert(value));
    }
    return dict;
  }

 private:
  static Value integer(const Json& json) {
    try {
      return json.as_int64();
    } catch (const Error& error) {
      fail(error.what());
    }
  }

  Value text(const std::string& bytes, Origin origin) {
    budget_.text_size(bytes.size());
    return Text(base::to_valid_utf8(bytes), origin);
  }

  Budget& budget_;
  Origin origin_;
};

}  // namespace

Dict make_variables(Budget& budget, const Json& tokens, const Json& given) {
  Dict out;
  if (tokens.is_object()) out = Converter(budget, kTemplate).members(tokens);
  Converter converter(budget, kMessage);
  const Dict variables = converter.members(given);
  for (const auto& [name, value] : variables.items()) {
    const Value* token = out.find(name.text().view());
    if (token == nullptr || !equal(*token, value)) out.set(name, value);
  }
  return out;
}

}  // namespace nalar::chat
