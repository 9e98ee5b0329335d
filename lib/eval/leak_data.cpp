#include "eval/leak_data.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>
#include <set>

#include "data/data_file.h"
#include "eval/leak_run.h"
#include "io/folder_file.h"
#include "model/run_file.h"

namespace nalar {
namespace eval {

void split(LeakItem& item, size_t prefix, size_t continuation) {
  const std::vector<uint8_t>& learned = item.example->learned;
  const auto is_learned = [&](size_t i) { return learned[i] != 0; };
  // The first token has nothing before it.
  size_t cut = std::max<size_t>(1, std::min(prefix, item.length / 2));
  while (cut < item.length && !is_learned(cut)) ++cut;
  if (cut == item.length) {
    // All that is learned lies before: there.
    cut = 1;
    while (cut < item.length && !is_learned(cut)) ++cut;
  }
  size_t end = cut;
  while (end < item.length && end - cut < continuation && is_learned(end)) ++end;
  if (end - cut < std::min(kShortest, continuation)) end = cut;
  item.begin = cut - std::min(cut, prefix);
  item.cut = cut;
  item.end = end;
}

namespace {

constexpr size_t kNamed = 5;  // rows that a notice names

bool is_there(const std::string& folder, const char* name) {
  io::FileSystem& files = io::file_system();
  return !folder.empty() && files.kind(folder) == io::PathKind::directory &&
         files.kind(io::join(folder, name)) == io::PathKind::file;
}

template <typename Parse>
auto read_json(const std::string& folder, const char* name, const Parse& parse) {
  const std::string path = io::join(folder, name);
  return io::in_file(
      path, [&] { return parse(io::read_file(io::file_system(), path, io::size_limit(name))); });
}

std::string place_of(const Dataset& dataset, const data::Example& example) {
  const std::string& file = dataset.paths()[static_cast<size_t>(example.file)];
  return fmt::format("{}: {} {}", file, data::row_word(file), example.line);
}

bool teaches(const LeakItem& item) {
  const auto begin = item.example->learned.begin();
  const auto end = begin + static_cast<ptrdiff_t>(item.length);
  return std::find(begin, end, uint8_t{1}) != end;
}

std::string first_of(const std::vector<std::string>& places) {
  std::string list;
  for (size_t i = 0; i < std::min(places.size(), kNamed); ++i) {
    list += (i == 0 ? "" : ", ") + places[i];
  }
  return places.size() > kNamed ? list + ", …" : list;
}

class Reader {
 public:
  Reader(const LeakOptions& options, const ModelFiles& files,
         std::shared_ptr<const Tokenizer> tokenizer, int n_ctx)
      : files_(files), n_ctx_(static_cast<size_t>(n_ctx)) {
    data_.options = options;
    data_.tokenizer = std::move(tokenizer);
  }

  LeakData::Impl run() {
    read_run();
    if (auto chat = open_chat_template(files_, *data_.tokenizer)) {
      chat_.emplace(std::move(*chat));
      if (run_.clock) chat_->set_clock(*run_.clock);
    }
    read_rows();
    read_canaries();
    data_.settings = settings();
    return std::move(data_);
  }

 private:
  void read_run() {
    const std::string& folder = data_.options.run;
    if (is_there(folder, model::kRunFileName)) {
      run_ = read_json(folder, model::kRunFileName, parse_leak_run);
    } else {
      data_.notices.push_back("no run.json: the rows are read as finetune does by default");
    }
  }

  Json settings() const {
    const LeakOptions& o = data_.options;
    const std::string& heldout_sha256 = data_.datasets.back()->report().sha256;
    return Json::Object{
        {"train", Json::Array(o.train.begin(), o.train.end())},
        {"train_sha256", data_.datasets.front()->report().sha256},
        {"heldout", o.heldout ? Json(*o.heldout) : Json()},
        {"heldout_sha256", o.heldout ? Json(heldout_sha256) : Json()},
        {"template_sha256", chat_ ? Json(chat_->hash()) : Json()},
        {"columns", run_.rows.columns},
        {"max_length", run_.rows.max_length},
        {"limit", o.limit > 0 ? Json(o.limit) : Json()},
        {"prefix", o.prefix},
        {"continuation", o.continuation},
        {"shortest_continuation", std::min(static_cast<int>(kShortest), o.continuation)}};
  }

  const ChatTemplate* chat() const { return chat_ ? &*chat_ : nullptr; }

  std::shared_ptr<const Dataset> open(std::vector<std::string> paths) {
    DatasetOptions options = run_.rows;
    options.paths = std::move(paths);
    data_.datasets.push_back(open_dataset(options, *data_.tokenizer, chat()));
    return data_.datasets.back();
  }

  void read_rows() {
    const LeakOptions& options = data_.options;
    const auto train = open(options.train);
    const size_t n = train->examples().size();
    size_t held_back = 0;
    if (!run_.data_sha256.empty() && run_.data_sha256 != train->report().sha256) {
      data_.notices.push_back(
          "--leak: these are not the bytes that the run recorded: its rows may be others");
    } else if (static_cast<size_t>(run_.held_back) < n) {
      held_back = static_cast<size_t>(run_.held_back);
    }
    add(*train, 0, n - held_back, true);
    data_.members = static_cast<int64_t>(data_.items.size());
    if (data_.items.empty()) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("no row has anything learned in its first {} tokens", n_ctx_))
          .in_file(options.train.front());
    }
    for (size_t i = 0; i < n - held_back; ++i) known_.insert(train->examples()[i].ids);
    if (options.heldout) {
      const auto heldout = open({*options.heldout});
      add(*heldout, 0, heldout->examples().size(), false);
    } else if (held_back > 0) {
      data_.notices.push_back(fmt::format(
          "held-out rows: the last {} of the data, which the run held back", held_back));
      add(*train, n - held_back, n, false);
    } else {
      data_.notices.push_back(
          "no membership test: it needs --heldout, rows of the same kind that were not trained on");
    }
    if (!both_.empty()) {
      data_.notices.push_back(fmt::format("left out: {} held-out rows that are training rows: {}",
                                          both_.size(), first_of(both_)));
    }
    data_.equal = static_cast<int64_t>(both_.size());
  }

  // Rows [from, to) of a data set.
  void add(const Dataset& dataset, size_t from, size_t to, bool member) {
    const auto limit = static_cast<size_t>(data_.options.limit);
    if (limit > 0) to = std::min(to, from + limit);
    for (size_t i = from; i < to; ++i) {
      const data::Example& example = dataset.examples()[i];
      LeakItem item;
      item.example = &example;
      item.member = member;
      item.place = place_of(dataset, example);
      if (!member && known_.count(example.ids) != 0) {
        both_.push_back(item.place);
        continue;
      }
      item.length = std::min(example.ids.size(), n_ctx_);
      data_.cut += item.length < example.ids.size() ? 1 : 0;
      if (!teaches(item)) continue;
      split(item, static_cast<size_t>(data_.options.prefix),
            static_cast<size_t>(data_.options.continuation));
      data_.items.push_back(std::move(item));
    }
  }

  void read_canaries() {
    const std::string& folder = data_.options.run;
    if (!is_there(folder, data::kCanariesName)) return;
    data_.canaries = read_json(folder, data::kCanariesName, parse_canaries);
    const data::EncodeContext context{*data_.tokenizer, chat(), run_.rows.learn};
    if (data_.canaries->chat && chat() == nullptr) {
      throw Error(ErrorKind::bad_data, "field chat: got true, but the model has no chat template")
          .in_file(io::join(folder, data::kCanariesName));
    }
    const auto encode = [&](const std::string& secret) {
      data_.secrets.push_back(data::encode_canary(*data_.canaries, secret, context));
      if (data_.secrets.back().ids.size() <= n_ctx_) return;
      throw Error(ErrorKind::usage, fmt::format("--ctx: got {}, a canary has {} tokens", n_ctx_,
                                                data_.secrets.back().ids.size()));
    };
    for (const std::string& secret : data_.canaries->secrets) encode(secret);
    for (const std::string& secret : data::draw_decoys(*data_.canaries, data_.options.decoys)) {
      encode(secret);
    }
  }

  const ModelFiles& files_;
  size_t n_ctx_;
  LeakRun run_;
  std::optional<ChatTemplate> chat_;
  std::set<std::vector<TokenId>> known_;  // rows that were trained on, whatever the limit
  std::vector<std::string> both_;
  LeakData::Impl data_;
};

}  // namespace
}  // namespace eval

void LeakOptions::validate() const {
  const auto need = [](bool good, const char* option, int64_t got, const char* range) {
    if (!good) {
      throw Error(ErrorKind::usage, fmt::format("{}: got {}, need {}", option, got, range));
    }
  };
  if (train.empty()) throw Error(ErrorKind::usage, "--leak: need the file that was trained on");
  need(prefix >= 1, "--leak-prefix", prefix, "1 or more");
  need(continuation >= 1, "--leak-continuation", continuation, "1 or more");
  need(decoys >= 1 && decoys <= 1'000'000, "--decoys", decoys, "1 to 1000000");
  need(limit >= 0, "--limit", limit, "0 (all) or more");
}

LeakData::LeakData(const LeakOptions& options, const ModelFiles& files,
                   std::shared_ptr<const Tokenizer> tokenizer, int n_ctx) {
  options.validate();
  impl_ = std::make_unique<Impl>(eval::Reader(options, files, std::move(tokenizer), n_ctx).run());
}

LeakData::~LeakData() = default;
LeakData::LeakData(LeakData&&) noexcept = default;

const std::vector<std::string>& LeakData::notices() const { return impl_->notices; }
Json LeakData::settings() const { return impl_->settings; }

}  // namespace nalar
