#include "eval/leak_run.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <limits>
#include <set>

#include "base/utf8.h"
#include "eval/object_reader.h"

namespace nalar::eval {
namespace {

constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

const Json& object(const Json& json, std::string_view what) {
  if (json.is_object()) return json;
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: got {}, need an object", what, json.kind_name()));
}

Learn learn_of(ObjectReader& settings) {
  const std::string word = settings.text("learn", "assistant");
  if (word == "assistant") return Learn::assistant;
  if (word == "last") return Learn::last;
  if (word == "all") return Learn::all;
  settings.wrong("learn", base::escaped(word, 40), "assistant, last or all");
}

OnLong on_long_of(ObjectReader& settings) {
  const std::string word = settings.text("on-long", "truncate");
  if (word == "truncate") return OnLong::truncate;
  if (word == "drop") return OnLong::drop;
  if (word == "error") return OnLong::error;
  settings.wrong("on-long", base::escaped(word, 40), "truncate, drop or error");
}

}  // namespace

LeakRun parse_leak_run(std::string_view json) {
  const Json root = parse_json(json);
  ObjectReader run(object(root, "run.json"));
  LeakRun out;
  if (const Json* found = run.find("settings")) {
    ObjectReader settings(object(*found, "settings"), "settings.");
    out.rows.columns = settings.text("columns", "");
    out.rows.learn = learn_of(settings);
    out.rows.on_long = on_long_of(settings);
    out.rows.max_length = static_cast<int>(
        settings.integer("max-length", out.rows.max_length, 2, std::numeric_limits<int>::max()));
    out.rows.skip_bad = settings.boolean("skip-bad", false);
  }
  if (const Json* found = run.find("data")) {
    ObjectReader data(object(*found, "data"), "data.");
    out.data_sha256 = data.text("sha256", "");
    out.held_back = data.integer("rows_held_back", 0, 0, kAny);
  }
  if (run.find("clock") != nullptr) out.clock = run.integer("clock", 0, 0, kAny);
  return out;
}

data::Canaries parse_canaries(std::string_view json) {
  const Json root = parse_json(json);
  ObjectReader reader(object(root, "canaries.json"));
  reader.need("format", "an integer");
  reader.integer("format", 0, data::kCanaryFormat, data::kCanaryFormat);
  data::Canaries out;
  const Json& seed = reader.need("seed", "an integer");
  const bool fits = seed.kind() == Json::Kind::unsigned_integer ||
                    (seed.kind() == Json::Kind::integer && seed.as_int64() >= 0);
  if (!fits) reader.wrong("seed", to_text(seed), "an integer from 0 on");
  out.seed = seed.as_uint64();
  out.repeats = reader.integer("repeats", 0, 1, data::kMostRepeats);
  out.chat = reader.boolean("chat", false);
  out.secrets = reader.texts("secrets");
  reader.end();
  if (out.secrets.empty() || static_cast<int64_t>(out.secrets.size()) > data::kMostCanaries) {
    reader.wrong("secrets", fmt::format("{} of them", out.secrets.size()), "1 to 10000");
  }
  std::set<std::string_view> known;
  for (const std::string& secret : out.secrets) {
    // Not told: it may be anything.
    if (!data::is_secret(secret)) reader.wrong("secrets", "another", "dddd-dddd-dddd");
    if (!known.insert(secret).second) reader.wrong("secrets", "one of them twice", "each once");
  }
  return out;
}

}  // namespace nalar::eval
