#include "eval/personal_data.h"

#include <string>

#include "support/catch.h"

namespace nalar::eval {
namespace {

// "kind:text kind:text"
std::string found(const std::string& text) {
  static const PersonalDataFinder finder;
  std::string out;
  for (const PersonalMatch& match : finder.find(text)) {
    out += (out.empty() ? "" : "|") + std::string(name(match.kind)) + ":" + std::string(match.text);
  }
  return out;
}

TEST_CASE("Luhn's sum") {
  CHECK(passes_luhn("79927398713"));
  for (char last = '0'; last <= '9'; ++last) {
    CHECK(passes_luhn(std::string("7992739871") + last) == (last == '3'));
  }
  CHECK(passes_luhn("4111 1111 1111 1111"));
  CHECK(passes_luhn("3782-822463-10005"));
}

TEST_CASE("IBAN's remainder") {
  CHECK(passes_iban("DE89 3704 0044 0532 0130 00"));
  CHECK(passes_iban("GB82WEST12345698765432"));
  CHECK_FALSE(passes_iban("GB82WEST12345698765433"));
  CHECK_FALSE(passes_iban("GB28WEST12345698765432"));
  CHECK_FALSE(passes_iban("DE89"));
}

TEST_CASE("each kind is found in a text") {
  CHECK(found("Write to rara.kopi+menu@pondok-kopi.co.id.") ==
        "e-mail:rara.kopi+menu@pondok-kopi.co.id");
  CHECK(found("Call +62 812-3456-7890 or 0812 3456 7890!") ==
        "phone:+62 812-3456-7890|phone:0812 3456 7890");
  CHECK(found("+1 (415) 555-2671") == "phone:+1 (415) 555-2671");
  CHECK(found("(021) 555-0199") == "phone:(021) 555-0199");
  CHECK(found("card 4111-1111-1111-1111, please") == "card:4111-1111-1111-1111");
  CHECK(found("IBAN DE89 3704 0044 0532 0130 00") == "IBAN:DE89 3704 0044 0532 0130 00");
  CHECK(found("ping 192.168.0.17.") == "IP address:192.168.0.17");
  CHECK(found("at 2001:db8::8a2e:370:7334") == "IP address:2001:db8::8a2e:370:7334");
  CHECK(found("AKIAIOSFODNN7EXAMPLE") == "key or token:AKIAIOSFODNN7EXAMPLE");
  CHECK(found("api_key = \"abcd1234efgh\"") == "key or token:abcd1234efgh");
  CHECK(found("password: hunter2hunter2") == "key or token:hunter2hunter2");
  CHECK(found("-----BEGIN RSA PRIVATE KEY-----") == "key or token:-----BEGIN RSA PRIVATE KEY-----");
}

TEST_CASE("what only looks alike is not found") {
  for (const char* text : {
           "on 2024-10-12 at 12:30:45, for 1,234,567.89",
           "harganya 15.000 rupiah, nomor 14",
           "4111 1111 1111 1112",              // no card's sum
           "0000 0000 0000 0000",              // all alike
           "1234567890123456789012345",        // too long
           "DE89 3704 0044 0532 0130 02",      // no IBAN's remainder
           "version 1.2.3.4.5 and 256.1.1.1",  // no addresses
           "std::string, face::bead, ::",      // C++
           "user@localhost, @name, a@b",       // no domain
           "password: required",               // a word
           "sk-short and AKIA, eyJ.eyJ",       // too short
           "a-4111111111111111-b",             // inside something longer
           "x0812345678",
       }) {
    CHECK(found(text) == "");
  }
}

TEST_CASE("any bytes are searched") {
  CHECK(found("") == "");
  CHECK(found("\xff\xfe a@example.org \x80") == "e-mail:a@example.org");
  CHECK(found(std::string(200'000, '1')) == "");
  CHECK(found(std::string(50'000, 'a') + "@") == "");
}

}  // namespace
}  // namespace nalar::eval
