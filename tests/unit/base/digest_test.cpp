#include "base/digest.h"

#include "support/catch.h"

namespace nalar::base {

TEST_CASE("SHA-256 gives the published values") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("SHA-256 in pieces is SHA-256 of the whole") {
  Sha256 hash;
  for (const std::string_view part : {"a", "", "bc"}) hash.update(std::as_bytes(std::span(part)));
  CHECK(hash.hex() == sha256_hex("abc"));
}

}  // namespace nalar::base
