#include "data/canaries.h"

#include <fmt/format.h>

#include <set>

#include "base/rng.h"

namespace nalar::data {
namespace {

constexpr uint64_t kCanaryStream = 0x63616E617279, kDecoyStream = 0x6465636F79;
constexpr double kSecrets = 1e12;

std::string secret_at(uint64_t seed, uint64_t stream, uint64_t position) {
  const auto number = static_cast<uint64_t>(base::uniform(seed, stream, position) * kSecrets);
  return fmt::format("{:04}-{:04}-{:04}", number / 100'000'000, number / 10'000 % 10'000,
                     number % 10'000);
}

// n of a stream that are not in `taken`, which grows by them.
std::vector<std::string> draw(int64_t n, uint64_t seed, uint64_t stream,
                              std::set<std::string>& taken) {
  std::vector<std::string> secrets;
  for (uint64_t i = 0; static_cast<int64_t>(secrets.size()) < n; ++i) {
    std::string secret = secret_at(seed, stream, i);
    if (taken.insert(secret).second) secrets.push_back(std::move(secret));
  }
  return secrets;
}

}  // namespace

Canaries draw_canaries(int64_t n, int64_t repeats, uint64_t seed, bool chat) {
  std::set<std::string> taken;
  return {seed, repeats, chat, draw(n, seed, kCanaryStream, taken)};
}

std::vector<std::string> draw_decoys(const Canaries& canaries, int64_t n) {
  std::set<std::string> taken(canaries.secrets.begin(), canaries.secrets.end());
  return draw(n, canaries.seed, kDecoyStream, taken);
}

bool is_secret(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dddd-dddd";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !digit : text[i] != kForm[i]) return false;
  }
  return true;
}

Example encode_canary(const Canaries& canaries, const std::string& secret,
                      const EncodeContext& context) {
  const std::string sentence = "The secret code is " + secret + ".";
  ParsedRow row;
  if (!canaries.chat) {
    row.content = Continuation{"", sentence};
    return encode_row(row, context);
  }
  Conversation conversation;
  conversation.messages = {Json::Object{{"role", "user"}, {"content", "What is the secret code?"}},
                           Json::Object{{"role", "assistant"}, {"content", sentence}}};
  conversation.skipped = {0, 0};
  row.format = Format::messages;
  row.content = std::move(conversation);
  return encode_row(row, context);
}

Json to_json(const Canaries& canaries) {
  return Json::Object{{"format", kCanaryFormat},
                      {"seed", canaries.seed},
                      {"repeats", canaries.repeats},
                      {"chat", canaries.chat},
                      {"secrets", Json::Array(canaries.secrets.begin(), canaries.secrets.end())}};
}

}  // namespace nalar::data
