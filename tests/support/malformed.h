#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nalar::test {

// One broken input: what lies in a folder, which path of it `nalar` is given, and what must come of
// it.
struct Malformed {
  enum class Kind { file, folder, pipe, link, sparse };
  struct Item {
    Kind kind = Kind::file;
    std::string path;     // relative to the folder of the case
    std::string content;  // a file's bytes, a link's target
    uint64_t size = 0;    // of a sparse file
  };

  int row = 0;       // the class it belongs to; the variants of one mistake share it
  std::string name;  // unique, fit for a folder's name
  std::vector<Item> items;
  std::string target;   // relative to the folder, or absolute
  int code = 65;        // exit code; 0: the readers must accept it
  std::string message;  // ECMAScript regular expression that the error line must match
};

using MalformedSink = std::function<void(const Malformed&)>;

// Every class of broken file that the readers can tell by themselves (what only a model, a
// tokenizer or a template can judge is not here), one after the other so that large ones do not
// pile up: 1–29 and 41 GGUF, 42–62 safetensors and files of another kind, 63–66 the index of
// shards, 71 JSON, 97 pickle, 110 paths.
void each_malformed(const MalformedSink& sink);

void each_malformed_gguf(const MalformedSink& sink);
void each_malformed_safetensors(const MalformedSink& sink);
void each_malformed_index(const MalformedSink& sink);
void each_malformed_json(const MalformedSink& sink);
void each_malformed_path(const MalformedSink& sink);

// Files that the readers accept and that are no model: 16, 22, 31–36 in GGUF, 67–70 in config.json.
void each_malformed_model(const MalformedSink& sink);

// Makes the files of a case below `folder` (which is made); returns the path to give to `nalar`.
std::string make_files(const Malformed& bad, const std::string& folder);

// The three mechanical sweeps over a well-formed file: cut at every length up to `header` bytes,
// every bit of the first 4 KiB flipped, every integer at a multiple of 4 below `header` replaced by
// 0, 1, 2^31 ± 1, 2^32 - 1, 2^63 ± 1, 2^64 - 1 in 4 and 8 bytes.
void sweep(const std::string& valid, size_t header,
           const std::function<void(const std::string&)>& sink);

}  // namespace nalar::test
