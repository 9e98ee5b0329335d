#include "io/checkpoint_manifest.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/utf8.h"
#include "io/key_set.h"
#include "io/names.h"

namespace nalar::io {
namespace {

constexpr size_t kMaxFiles = 1000;
constexpr size_t kSha256Digits = 64;
constexpr const char* kDigestKey = "sha256";

[[noreturn]] void bad(std::string_view key, const std::string& got, std::string_view need) {
  throw Error(ErrorKind::bad_data, fmt::format("key {}: got {}, need {}", key, got, need));
}

const Json& member(const Json& object, std::string_view key, std::string_view need) {
  const Json* value = object.find(key);
  if (value == nullptr) bad(key, "nothing", need);
  return *value;
}

int64_t natural(const Json& object, std::string_view key) {
  const Json& value = member(object, key, "an integer ≥ 0");
  if (value.kind() != Json::Kind::integer || value.as_int64() < 0) {
    bad(key, value.is_integer() ? to_text(value) : std::string(value.kind_name()),
        "an integer from 0 to 2^63-1");
  }
  return value.as_int64();
}

const std::string& text(const Json& object, std::string_view key) {
  const Json& value = member(object, key, "a string");
  if (!value.is_string()) bad(key, std::string(value.kind_name()), "a string");
  return value.as_string();
}

bool is_hex(std::string_view digits) {
  return std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

CheckpointManifest::File file_of(const Json& entry) {
  if (!entry.is_object()) bad("files", std::string(entry.kind_name()), "objects");
  CheckpointManifest::File file;
  file.name = text(entry, "name");
  if (!is_file_name(file.name) || file.name == kManifestName) {
    bad("name", base::escaped(file.name), "the name of a file, without folders");
  }
  file.digest.bytes = static_cast<uint64_t>(natural(entry, "bytes"));
  file.digest.sha256 = text(entry, "sha256");
  if (file.digest.sha256.size() != kSha256Digits || !is_hex(file.digest.sha256)) {
    bad("sha256", base::escaped(file.digest.sha256), "64 hex digits");
  }
  return file;
}

}  // namespace

Json to_json(const CheckpointManifest& manifest) {
  Json::Array files;
  for (const auto& [name, digest] : manifest.files) {
    files.push_back(
        Json::Object{{"name", name}, {"bytes", digest.bytes}, {"sha256", digest.sha256}});
  }
  Json json = Json::Object{{"version", kCheckpointVersion},
                           {"run_id", manifest.run_id},
                           {"step", manifest.step},
                           {"identity", manifest.identity},
                           {"files", std::move(files)}};
  json.set(kDigestKey, base::sha256_hex(to_text(json)));
  return json;
}

Json read_checkpoint_manifest(std::string_view text) {
  const Json json = parse_json(text);
  if (!json.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("got {}, need an object", json.kind_name()));
  }
  Json::Object members = json.as_object();
  if (members.empty() || members.back().first != kDigestKey) {
    bad(kDigestKey, "nothing", "a SHA-256 at the end");
  }
  const Json digest = std::move(members.back().second);
  members.pop_back();
  if (!digest.is_string() || digest.as_string() != base::sha256_hex(to_text(std::move(members)))) {
    throw Error(ErrorKind::bad_data, "SHA-256 differs");
  }
  return json;
}

bool is_newer_format(const Json& json) { return natural(json, "version") > kCheckpointVersion; }

CheckpointManifest parse_checkpoint_manifest(const Json& json) {
  const int64_t version = natural(json, "version");
  if (version != kCheckpointVersion) {
    bad("version", fmt::format("{}", version), fmt::format("{}", kCheckpointVersion));
  }
  CheckpointManifest manifest;
  manifest.run_id = text(json, "run_id");
  manifest.step = natural(json, "step");
  if (manifest.step > kMaxStep) bad("step", to_text(manifest.step), "eight digits at most");
  manifest.identity = member(json, "identity", "a value");
  const Json& files = member(json, "files", "an array");
  if (!files.is_array()) bad("files", std::string(files.kind_name()), "an array");
  if (files.as_array().size() > kMaxFiles) {
    bad("files", to_text(static_cast<uint64_t>(files.as_array().size())), "1000 at most");
  }
  KeySet names;
  manifest.files.reserve(files.as_array().size());
  for (const Json& entry : files.as_array()) {
    manifest.files.push_back(file_of(entry));  // no reallocation: the set borrows the names
    if (!names.add(manifest.files.back().name)) {
      bad("name", base::escaped(manifest.files.back().name), "each name once");
    }
  }
  return manifest;
}

}  // namespace nalar::io
