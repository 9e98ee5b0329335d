#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"
#include "inspect/report_parts.h"
#include "io/file_hash.h"
#include "io/file_system.h"
#include "io/folder_file.h"
#include "model/run_file.h"

namespace nalar::inspect_parts {
namespace {

constexpr size_t kMaxReport = size_t{64} << 20;

struct Expected {
  std::string name;
  std::string sha256;
  int64_t bytes = 0;
};

const Json& member(const Json& object, std::string_view key, bool (Json::*is)() const) {
  const Json* const value = object.find(key);
  if (value == nullptr || !(value->*is)()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("key result: {} is missing or of another kind", key));
  }
  return *value;
}

Expected expected(const Json& file) {
  Expected found{member(file, "name", &Json::is_string).as_string(),
                 member(file, "sha256", &Json::is_string).as_string(),
                 member(file, "bytes", &Json::is_integer).as_int64()};
  if (found.name.empty() ||
      found.name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
    throw Error(ErrorKind::bad_data, fmt::format("key result: \"{}\" is no name of a file",
                                                 base::escaped(found.name, 80)));
  }
  return found;
}

// "result": a file (quantize), or an object with a list of "files" (finetune).
std::vector<Expected> parse(std::string_view text) {
  const Json report = parse_json(text, {.max_bytes = kMaxReport});
  const Json& result = member(report, "result", &Json::is_object);
  if (result.find("files") == nullptr) return {expected(result)};
  std::vector<Expected> files;
  for (const Json& file : member(result, "files", &Json::is_array).as_array()) {
    if (!file.is_object()) throw Error(ErrorKind::bad_data, "key result: files need to be objects");
    files.push_back(expected(file));
  }
  if (files.empty()) throw Error(ErrorKind::bad_data, "key result: files are none");
  return files;
}

}  // namespace

Json verify(const std::string& path) {
  io::FileSystem& fs = io::file_system();
  const bool is_folder = fs.kind(path) == io::PathKind::directory;
  const std::string against =
      is_folder ? io::join(path, model::kRunFileName) : path + ".report.json";
  if (fs.kind(against) != io::PathKind::file) {
    throw Error(ErrorKind::no_input, "nothing to verify it against: no such file").in_file(against);
  }
  std::vector<Expected> files;
  io::in_file(against, [&] { files = parse(io::read_file(against, kMaxReport)); });
  Json::Array verified;
  for (const Expected& file : files) {
    // A report goes along with its file, whatever that is called now.
    const std::string at = is_folder ? io::join(path, file.name) : path;
    const io::FileDigest found = io::digest_of(fs, at);
    if (found.sha256 != file.sha256 || static_cast<int64_t>(found.bytes) != file.bytes) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("it is not what {} tells of: got {} bytes, sha256 {}, need {} bytes, "
                              "sha256 {}",
                              io::name_of(against), found.bytes, found.sha256, file.bytes,
                              base::escaped(file.sha256, 80)))
          .in_file(at);
    }
    verified.emplace_back(
        Json::Object{{"name", io::name_of(at)}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return Json::Object{{"against", io::name_of(against)}, {"files", std::move(verified)}};
}

}  // namespace nalar::inspect_parts
