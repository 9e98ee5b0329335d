#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"
#include "inspect/report_parts.h"
#include "io/file_hash.h"
#include "io/file_system.h"
#include "io/folder_file.h"

namespace nalar::inspect_parts {
namespace {

constexpr size_t kMaxReport = size_t{64} << 20;

// A member of "result" in a quantization's report.
const Json& result_member(const Json& report, std::string_view key, bool (Json::*is)() const) {
  const Json* const result = report.find("result");
  const Json* const value = result == nullptr ? nullptr : result->find(key);
  if (value == nullptr || !(value->*is)()) {
    throw Error(ErrorKind::bad_data,
                fmt::format("key result.{} is missing or of another kind", key));
  }
  return *value;
}

}  // namespace

Json verify(const ModelFiles& files) {
  const std::vector<std::string> paths = files.weight_paths();
  const std::string against = files.path() + ".report.json";
  io::FileSystem& fs = io::file_system();
  if (paths.size() != 1 || fs.kind(against) != io::PathKind::file) {
    throw Error(ErrorKind::no_input, "nothing to verify it against: no such file").in_file(against);
  }
  std::string sha256;
  int64_t bytes = 0;
  io::in_file(against, [&] {
    const Json report = parse_json(io::read_file(against, kMaxReport), {.max_bytes = kMaxReport});
    sha256 = result_member(report, "sha256", &Json::is_string).as_string();
    bytes = result_member(report, "bytes", &Json::is_integer).as_int64();
  });
  const io::FileDigest found = io::digest_of(fs, paths.front());
  if (found.sha256 != sha256 || static_cast<int64_t>(found.bytes) != bytes) {
    throw Error(ErrorKind::bad_data,
                fmt::format("it is not what {} tells of: got {} bytes, sha256 {}, need {} bytes, "
                            "sha256 {}",
                            io::name_of(against), found.bytes, found.sha256, bytes,
                            base::escaped(sha256, 80)))
        .in_file(paths.front());
  }
  return Json::Object{{"against", io::name_of(against)}, {"sha256", sha256}, {"bytes", bytes}};
}

}  // namespace nalar::inspect_parts
