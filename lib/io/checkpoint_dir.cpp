#include "io/checkpoint_dir.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/utf8.h"
#include "io/atomic_file.h"
#include "io/checkpoint_manifest.h"
#include "io/file_modes.h"
#include "io/folder_file.h"
#include "io/names.h"

namespace nalar::io {
namespace {

constexpr size_t kMaxManifest = size_t{16} << 20;
constexpr int64_t kProbeBytes = int64_t{1} << 20;

// Takes the digits that `text` begins with.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Of "step-00000040".
std::optional<int64_t> step_of(std::string_view name) {
  constexpr size_t kDigits = 8;
  if (!take(name, "step-") || name.size() != kDigits) return std::nullopt;
  const auto step = take_number(name);
  return name.empty() ? step : std::nullopt;
}

// The process that made ".tmp-40-123" or, to be removed, ".tmp-40-123-old".
std::optional<int64_t> maker_of(std::string_view name) {
  if (!take(name, ".tmp-") || !take_number(name) || !take(name, "-")) return std::nullopt;
  const auto pid = take_number(name);
  return name.empty() || name == "-old" ? pid : std::nullopt;
}

// Work whose failure takes nothing away from what is saved.
template <typename F>
void or_notice(F&& work) {
  try {
    work();
  } catch (const Error& error) {
    notice(error.what());
  }
}

void write_new(FileSystem& files, const std::string& path, std::string_view text) {
  const auto file = files.create(path, kPrivateFile);
  file->write(std::as_bytes(std::span(text)));
  file->sync();
  file->close();
}

std::vector<CheckpointManifest::File> sync_files(FileSystem& files, const std::string& folder) {
  std::vector<CheckpointManifest::File> found;
  for (const std::string& name : files.list(folder)) {
    const std::string path = join(folder, name);
    if (!is_file_name(name) || name == kManifestName || files.kind(path) != PathKind::file) {
      throw Error(ErrorKind::internal, "is no file of a checkpoint").in_file(path);
    }
    // First what was written, as memory still has it; syncing drops that, and verifying reads anew.
    found.push_back({name, digest_of(files, path)});
    files.sync_file(path);
  }
  return found;
}

}  // namespace

CheckpointDir::CheckpointDir(FileSystem& files, std::string path, std::string run_id)
    : files_(files), path_(std::move(path)), run_id_(std::move(run_id)) {}

std::string CheckpointDir::folder_of_step(int64_t step) const {
  return join(path_, fmt::format("step-{:08}", step));
}

std::string CheckpointDir::aside(int64_t step) const {
  return join(path_, fmt::format(".tmp-{}-{}", step, getpid()));
}

std::vector<int64_t> CheckpointDir::steps() const {
  std::vector<int64_t> steps;
  for (const std::string& name : files_.list(path_)) {
    if (const auto step = step_of(name)) steps.push_back(*step);
  }
  return steps;
}

void CheckpointDir::prepare(int64_t checkpoint_bytes, int keep) {
  make_directories(files_, path_, kPrivateFolder);
  remove_leftovers();
  uint64_t present = 0;
  for (const int64_t step : steps()) {
    const std::string folder = folder_of_step(step);
    if (files_.kind(folder) != PathKind::directory) continue;
    for (const std::string& name : files_.list(folder)) {
      const std::string path = join(folder, name);
      if (files_.kind(path) == PathKind::file) present += files_.open(path)->size();
    }
  }
  const uint64_t all = static_cast<uint64_t>(checkpoint_bytes) * static_cast<uint64_t>(keep + 1);
  const uint64_t need =
      std::max(static_cast<uint64_t>(checkpoint_bytes), all - std::min(all, present));
  const uint64_t free = files_.free_bytes(path_);
  if (free < need) {
    throw Error(ErrorKind::io,
                fmt::format("no room for {} checkpoints of {} bytes: got {} bytes free, need {}",
                            keep + 1, checkpoint_bytes, free, need))
        .in_file(path_);
  }
  probe(std::min(checkpoint_bytes, kProbeBytes));
}

void CheckpointDir::probe(int64_t bytes) {
  const std::string folder = aside(0);
  const std::string moved = folder + "-old";
  const std::string file = join(moved, "probe");
  const std::string text(static_cast<size_t>(bytes), 'p');
  try {
    files_.make_directory(folder, kPrivateFolder);
    write_new(files_, join(folder, "probe"), text);
    files_.sync_file(join(folder, "probe"));
    files_.sync_directory(folder);
    files_.rename(folder, moved);
    files_.sync_directory(path_);
    if (read_file(files_, file, text.size()) != text) {
      throw Error(ErrorKind::io, "reads back otherwise than it was written").in_file(file);
    }
    remove_flat_directory(files_, moved);
  } catch (...) {
    remove_leftovers();
    throw;
  }
}

void CheckpointDir::save(int64_t step, const Json& identity,
                         const std::function<void(const std::string& folder)>& write, int keep) {
  if (step < 0 || step > kMaxStep || keep < 1) {
    throw Error(ErrorKind::internal, fmt::format("checkpoint {}, keep {}", step, keep));
  }
  remove_leftovers();
  if (is_saved(step, identity)) {
    // Its name may not be on the disk yet: that may be where the save before failed.
    files_.sync_directory(path_);
    return;
  }
  try {
    write_aside(step, identity, write);
    clear_place(step);
    files_.rename(aside(step), folder_of_step(step));
  } catch (...) {
    remove_leftovers();
    throw;
  }
  files_.sync_directory(path_);
  const Finding finding = examine(step);
  if (finding.health != Health::whole) {
    throw Error(ErrorKind::io, fmt::format("does not read back as written: {}", finding.reason))
        .in_file(folder_of_step(step));
  }
  whole_.insert(step);
  or_notice([&] { retire_older(step, keep); });
  remove_leftovers();
}

bool CheckpointDir::is_saved(int64_t step, const Json& identity) {
  if (files_.kind(folder_of_step(step)) == PathKind::missing) return false;
  const Finding finding = examine(step);
  if (finding.health != Health::whole) return false;
  if (to_text(*finding.manifest.find("identity")) != to_text(identity)) {
    throw Error(ErrorKind::internal, "this run has saved this step with another identity")
        .in_file(folder_of_step(step));
  }
  return true;
}

void CheckpointDir::write_aside(int64_t step, const Json& identity,
                                const std::function<void(const std::string&)>& write) {
  const std::string folder = aside(step);
  files_.make_directory(folder, kPrivateFolder);
  write(folder);
  const CheckpointManifest manifest{run_id_, step, identity, sync_files(files_, folder)};
  write_new(files_, join(folder, kManifestName), to_text(to_json(manifest), 2) + "\n");
  files_.sync_directory(folder);
}

// Moves what stands where a checkpoint belongs: one of this run, which is damaged, to be removed,
// one that may be of another run to a free name.
void CheckpointDir::clear_place(int64_t step) {
  const std::string folder = folder_of_step(step);
  if (files_.kind(folder) == PathKind::missing) return;
  if (examine(step).health == Health::damaged) {
    retire(step);
  } else {
    int n = 1;
    while (files_.kind(fmt::format("{}.{}", folder, n)) != PathKind::missing) ++n;
    files_.rename(folder, fmt::format("{}.{}", folder, n));
  }
  files_.sync_directory(path_);
}

void CheckpointDir::remove_leftovers() {
  or_notice([&] {
    for (const std::string& name : files_.list(path_)) {
      const auto maker = maker_of(name);
      if (!maker || is_another_live_process(*maker)) continue;
      or_notice([&] { remove_flat_directory(files_, join(path_, name)); });
    }
  });
}

// Out of the way by one rename, to be removed as a leftover: never half of a step-STEP.
void CheckpointDir::retire(int64_t step) {
  files_.rename(folder_of_step(step), aside(step) + "-old");
}

void CheckpointDir::retire_older(int64_t step, int keep) {
  std::vector<int64_t> older = steps();
  std::erase_if(older, [&](int64_t s) { return s >= step; });
  std::reverse(older.begin(), older.end());
  int kept = 1;
  bool retired = false;
  for (const int64_t s : older) {
    const Health health = whole_.contains(s) ? Health::whole : examine(s).health;
    if (health != Health::whole && health != Health::damaged) continue;
    if (kept < keep) {
      kept += health == Health::whole ? 1 : 0;
      continue;
    }
    retire(s);
    whole_.erase(s);
    retired = true;
  }
  // The files go after the name is gone for good.
  if (retired) files_.sync_directory(path_);
}

CheckpointDir::Finding CheckpointDir::examine(int64_t step) const {
  const std::string path = join(folder_of_step(step), kManifestName);
  Health health = Health::unreadable;
  try {
    if (files_.kind(path) == PathKind::missing) {
      return {health, fmt::format("{}: missing", kManifestName), {}};
    }
    const std::string text = read_file(files_, path, kMaxManifest);
    Json json = in_file(kManifestName, [&] { return read_checkpoint_manifest(text); });
    const Json* run = json.find("run_id");
    if (run != nullptr && run->is_string() && run->as_string() != run_id_) {
      return {Health::other_run, run->as_string(), {}};
    }
    health = Health::damaged;
    if (is_newer_format(json)) return {Health::newer_format, "", {}};
    const auto manifest = in_file(kManifestName, [&] { return parse_checkpoint_manifest(json); });
    const std::string problem = problem_of(manifest, step);
    if (!problem.empty()) return {health, problem, {}};
    return {Health::whole, "", std::move(json)};
  } catch (const Error& error) {
    // A lack of memory or descriptors says nothing about the file.
    if (error.kind() == ErrorKind::os) throw;
    return {health, error.what(), {}};
  }
}

std::string CheckpointDir::problem_of(const CheckpointManifest& manifest, int64_t step) const {
  if (manifest.step != step) return fmt::format("{}: of step {}", kManifestName, manifest.step);
  for (const auto& [name, digest] : manifest.files) {
    const std::string path = join(folder_of_step(step), name);
    if (files_.kind(path) == PathKind::missing) return fmt::format("{}: missing", name);
    const auto file = files_.open(path);
    if (file->size() != digest.bytes) {
      return fmt::format("{}: got {} bytes, need {}", name, file->size(), digest.bytes);
    }
    if (digest_of(*file).sha256 != digest.sha256) return fmt::format("{}: SHA-256 differs", name);
  }
  return "";
}

std::optional<CheckpointDir::Found> CheckpointDir::newest(
    const std::function<void(const std::string&)>& notice) const {
  if (files_.kind(path_) == PathKind::missing) return std::nullopt;
  for (const std::string& name : files_.list(path_)) {
    if (maker_of(name)) notice(fmt::format("{} is left of a save that did not end: ignored", name));
  }
  std::vector<int64_t> newest_first = steps();
  std::reverse(newest_first.begin(), newest_first.end());
  std::vector<std::string> damaged;
  std::optional<Found> found;
  for (const int64_t step : newest_first) {
    Finding finding = examine(step);
    if (finding.health == Health::whole) {
      found = Found{step, folder_of_step(step), std::move(finding.manifest)};
      break;
    }
    if (finding.health == Health::newer_format) {
      throw Error(ErrorKind::bad_data, "newer format than this program can read")
          .in_file(join(folder_of_step(step), kManifestName));
    }
    if (finding.health == Health::other_run) {
      notice(fmt::format("checkpoint {} is of another run ({}): ignored", step,
                         base::escaped(finding.reason)));
    } else {
      damaged.push_back(fmt::format("checkpoint {} is damaged ({})", step, finding.reason));
    }
  }
  for (const std::string& what : damaged) {
    notice(found ? fmt::format("{}, using {}", what, found->step)
                 : fmt::format("{}, and there is no older one", what));
  }
  return found;
}

}  // namespace nalar::io
