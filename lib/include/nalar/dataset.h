#pragma once

#include <nalar/chat.h>
#include <nalar/export.h>
#include <nalar/tokenizer.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace nalar {

namespace data {
struct Example;
}

enum class Learn {
  assistant,  // every turn of the assistant, or the completion, with its end-of-turn token
  last,       // the last turn of the assistant alone
  all,        // every token
};
enum class OnLong { truncate, drop, error };

struct DatasetOptions {
  std::vector<std::string> paths;  // .jsonl .json .csv .tsv .txt, told by their suffix
  // "prompt=text,completion=category": which column or field stands for which.
  std::string columns;
  Learn learn = Learn::assistant;
  int max_length = 2048;  // tokens of a row
  OnLong on_long = OnLong::truncate;
  bool skip_bad = false;  // rows with errors are counted and listed, not fatal

  // Throws Error(usage).
  NALAR_API void validate() const;
};

struct BadRow {
  std::string place;  // "FILE: line 3"
  std::string problem;
};

// What was read, for people and for run.json.
struct DatasetReport {
  int64_t rows = 0;  // examples
  int64_t tokens = 0;
  int64_t learned = 0;  // tokens
  int64_t shortest = 0, median = 0, longest = 0;
  int64_t truncated = 0, dropped = 0;
  int64_t without_learned = 0;  // rows left out: nothing of them is to be learned
  int64_t duplicates = 0;       // rows equal to an earlier one
  std::vector<std::pair<std::string, int64_t>> formats;  // "messages", … and its rows
  std::vector<BadRow> bad;                               // with skip_bad
  std::string sha256;                                    // of the files' bytes, in order
};

// "203 rows, 12045 tokens, of them 4410 learned (36.6 %); a row has 31 to 142 tokens, median 57",
// and what is notable: rows truncated, dropped, equal, bad.
NALAR_API std::string describe(const DatasetReport& report);

// Rows of a data set as the model reads them: every row was checked. Immutable.
class NALAR_API Dataset {
 public:
  virtual ~Dataset() = default;
  virtual const std::vector<data::Example>& examples() const = 0;
  virtual const DatasetReport& report() const = 0;
  virtual const std::vector<std::string>& paths() const = 0;
};

// `chat` may be nullptr: rows that need a template are errors then that say so. `stopped`, where
// given, is asked now and then; true ends the reading with Error(try_again). Errors: no_input;
// bad_data "FILE: line L: field K: …"; bad_data "nothing to train on".
NALAR_API std::shared_ptr<const Dataset> open_dataset(const DatasetOptions& options,
                                                      const Tokenizer& tokenizer,
                                                      const ChatTemplate* chat,
                                                      const std::function<bool()>& stopped = {});

// One example for a person: text with what is learned marked, ids, counts.
struct PreviewPiece {
  TokenId id;
  std::string text;
  bool special;
  bool learned;
};
NALAR_API std::vector<PreviewPiece> preview(const data::Example& example,
                                            const Tokenizer& tokenizer);

// The same of a row of a data set, from 0, which must be there.
struct PreviewRow {
  std::string place;  // "FILE: line 3"
  bool truncated = false;
  std::vector<PreviewPiece> pieces;
};
NALAR_API PreviewRow preview(const Dataset& dataset, int64_t row, const Tokenizer& tokenizer);

}  // namespace nalar
