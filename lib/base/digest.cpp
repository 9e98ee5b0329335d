#include "base/digest.h"

#include <openssl/evp.h>

#include <array>

#include <fmt/format.h>
#include <nalar/error.h>

namespace nalar::base {
namespace {

EVP_MD_CTX* context(void* c) { return static_cast<EVP_MD_CTX*>(c); }

void check(int ok) {
  if (ok != 1) throw Error(ErrorKind::internal, "SHA-256 is not available in libcrypto");
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  check(EVP_DigestInit_ex(context(context_), EVP_sha256(), nullptr));
}

Sha256::~Sha256() { EVP_MD_CTX_free(context(context_)); }

void Sha256::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(context(context_), bytes.data(), bytes.size()));
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int n = 0;
  check(EVP_DigestFinal_ex(context(context_), digest.data(), &n));
  return fmt::format("{:02x}", fmt::join(digest.data(), digest.data() + n, ""));
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(bytes)));
  return hash.hex();
}

}  // namespace nalar::base
