#include "eval/personal_data.h"

#include <algorithm>
#include <string>

#include "eval/python_regex.h"

namespace nalar::eval {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int count_digits(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), is_digit));
}

bool is_card(std::string_view text) {
  const int n = count_digits(text);
  // All alike pass the sum, too: 0000 0000 0000 0000.
  const char first = text.front();
  const bool alike =
      std::all_of(text.begin(), text.end(), [&](char c) { return !is_digit(c) || c == first; });
  // 2 to 6 are what payment cards begin with.
  return n >= 12 && n <= 19 && first >= '2' && first <= '6' && !alike && passes_luhn(text);
}

// E.164 has at most 15 digits; fewer than 8 are mostly something else.
bool is_phone(std::string_view text) {
  const int n = count_digits(text);
  return n >= 8 && n <= 15;
}

// Letters and digits both: words and plain numbers are no tokens.
bool is_mixed(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return std::any_of(text.begin(), text.end(), is_digit) &&
         std::any_of(text.begin(), text.end(), letter);
}

bool always(std::string_view /*text*/) { return true; }

// Not beside these, so that nothing is cut out of a longer number or word.
constexpr const char* kKeyForms =
    R"((?<![\w-])(?:)"
    R"((?:AKIA|ASIA)[0-9A-Z]{16})"                       // AWS
    R"(|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})"  // GitHub
    R"(|glpat-[\w-]{20,})"                               // GitLab
    R"(|xox[abprs]-[A-Za-z0-9-]{10,})"                   // Slack
    R"(|[sr]k_(?:live|test)_[A-Za-z0-9]{16,})"           // Stripe
    R"(|sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,})"      // OpenAI and alike, Hugging Face
    R"(|AIza[0-9A-Za-z_-]{35})"                          // Google
    R"(|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})"          // JSON Web Token
    R"()(?![\w-]))"
    R"(|-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----)";
// "password: …", "api_key=…"
constexpr const char* kNamedKey =
    R"((?i)(?<![a-z])(?:api[_-]?key|secret[_-]?key|access[_-]?token|auth[_-]?token|password|passwd))"
    R"(["']?\s*[:=]\s*["']?([\w+/.~!@#$%^&*-]{8,}))";
constexpr const char* kEmail =
    R"((?<![\w.+%-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@)"
    R"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w-]))";
constexpr const char* kIban =
    R"((?<!\w)[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w))";
constexpr const char* kCard = R"((?<![\w.,-])[0-9](?:[ -]?[0-9]){11,18}(?![\w-]))";
constexpr const char* kIpv4 = R"((?<![\w.])(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3})"
                              R"((?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?!\.?\w))";
constexpr const char* kIpv6 =
    R"((?<![\w:.])(?:(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4})"
    R"(|(?=[A-Fa-f:]*[0-9])(?=(?:[0-9A-Fa-f:]*[0-9A-Fa-f]){4})(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6})(?![\w:]))";
// With a country's code; or with the zero or the brackets of an area's, and separated in groups or
// not.
constexpr const char* kPhone =
    R"((?<![\w.,+-])(?:\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){1,4})"
    R"(|\(0?[0-9]{2,4}\)[ -]?[0-9]{3,4}[ -]?[0-9]{3,5})"
    R"(|0[1-9][0-9]{1,3}[ -]?[0-9]{3,4}[ -]?[0-9]{3,5}|[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4})(?![\w-]))";

}  // namespace

struct PersonalDataFinder::Pattern {
  PersonalKind kind;
  PythonRegex regex;
  bool (*holds)(std::string_view);
};

PersonalDataFinder::PersonalDataFinder() {
  const auto add = [this](PersonalKind kind, const char* pattern, bool (*holds)(std::string_view)) {
    patterns_.push_back({kind, PythonRegex(pattern), holds});
  };
  add(PersonalKind::key, kKeyForms, always);
  add(PersonalKind::key, kNamedKey, is_mixed);
  add(PersonalKind::email, kEmail, always);
  add(PersonalKind::iban, kIban, passes_iban);
  add(PersonalKind::card, kCard, is_card);
  add(PersonalKind::ip, kIpv4, always);
  add(PersonalKind::ip, kIpv6, always);
  add(PersonalKind::phone, kPhone, is_phone);
}

PersonalDataFinder::~PersonalDataFinder() = default;

std::vector<PersonalMatch> PersonalDataFinder::find(std::string_view text) const {
  std::vector<PersonalMatch> found;
  const auto claimed = [&](std::string_view match) {
    return std::any_of(found.begin(), found.end(), [&](const PersonalMatch& other) {
      return match.data() < other.text.data() + other.text.size() &&
             other.text.data() < match.data() + match.size();
    });
  };
  for (const Pattern& pattern : patterns_) {
    for (const PythonRegex::Match& match : pattern.regex.find_all(text)) {
      const std::string_view whole = match.back().empty() ? match.front() : match.back();
      if (pattern.holds(whole) && !claimed(whole)) found.push_back({pattern.kind, whole});
    }
  }
  std::sort(found.begin(), found.end(), [](const PersonalMatch& a, const PersonalMatch& b) {
    return a.text.data() < b.text.data();
  });
  return found;
}

std::string_view name(PersonalKind kind) {
  switch (kind) {
    case PersonalKind::email:
      return "e-mail";
    case PersonalKind::phone:
      return "phone";
    case PersonalKind::card:
      return "card";
    case PersonalKind::iban:
      return "IBAN";
    case PersonalKind::ip:
      return "IP address";
    case PersonalKind::key:
      return "key or token";
  }
  return "?";
}

bool passes_luhn(std::string_view text) {
  int sum = 0;
  bool doubled = false;
  for (auto c = text.rbegin(); c != text.rend(); ++c) {
    if (!is_digit(*c)) continue;
    const int digit = (*c - '0') * (doubled ? 2 : 1);
    sum += digit > 9 ? digit - 9 : digit;
    doubled = !doubled;
  }
  return sum % 10 == 0;
}

bool passes_iban(std::string_view text) {
  std::string compact;
  std::copy_if(text.begin(), text.end(), std::back_inserter(compact),
               [](char c) { return c != ' '; });
  if (compact.size() < 15 || compact.size() > 34) return false;
  std::rotate(compact.begin(), compact.begin() + 4, compact.end());
  int rest = 0;
  for (const char c : compact) {
    const int value = is_digit(c) ? c - '0' : c - 'A' + 10;
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest == 1;
}

}  // namespace nalar::eval
