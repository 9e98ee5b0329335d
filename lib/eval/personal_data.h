#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace nalar::eval {

enum class PersonalKind { email, phone, card, iban, ip, key };
inline constexpr size_t kPersonalKinds = 6;
// "e-mail", "phone", "card", "IBAN", "IP address", "key or token"
std::string_view name(PersonalKind kind);

struct PersonalMatch {
  PersonalKind kind;
  std::string_view text;  // of what was searched
};

// Finds texts that look like personal data or secrets: by their form and, where there is one, by
// their check digits. Other things may look the same, and much that is personal has no form:
// counts, no proof. Immutable.
class PersonalDataFinder {
 public:
  PersonalDataFinder();
  ~PersonalDataFinder();
  PersonalDataFinder(const PersonalDataFinder&) = delete;
  PersonalDataFinder& operator=(const PersonalDataFinder&) = delete;

  // From left to right; what two kinds claim is the first one's, in the order key, e-mail, IBAN,
  // card, IP address, phone.
  std::vector<PersonalMatch> find(std::string_view text) const;

 private:
  struct Pattern;
  std::vector<Pattern> patterns_;
};

// The sum of digits of ISO/IEC 7812, "4111 1111 1111 1111"; other characters are passed over.
bool passes_luhn(std::string_view text);
// ISO 13616: the country's and check digits moved to the end, letters as 10 to 35, mod 97 is 1.
// Spaces are passed over.
bool passes_iban(std::string_view text);

}  // namespace nalar::eval
