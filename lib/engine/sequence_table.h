#pragma once

#include <nalar/engine.h>
#include <nalar/export.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

// The rules of sequences and of what a call may ask of them, for every engine.
namespace nalar::engine {

// What is walked through the layers at once: rows of one or more sequences, all adapted or none.
struct Walk {
  struct Part {
    SequenceId sequence;
    int32_t position;  // of the first token
    std::span<const TokenId> tokens;
  };
  bool adapted = false;
  int64_t n_rows = 0;
  std::vector<Part> parts;
  std::vector<int32_t> logit_rows;  // rising, among the n_rows
};

// Cuts slices, one after the other, into walks of at most `chunk` rows.
class NALAR_MODULE_API Walks {
 public:
  explicit Walks(int chunk) : chunk_(chunk) {}
  void add(const Slice& slice, int position, bool adapted);
  const std::vector<Walk>& list() const { return walks_; }

 private:
  int64_t chunk_;
  std::vector<Walk> walks_;
};

// Errors of all: usage.
struct NALAR_MODULE_API SequenceRules {
  int n_ctx = 0;
  int vocab_size = 0;

  // The length that a new sequence may reach.
  int limit(const SequenceOptions& options) const;
  static void check_kept(int n_tokens, int length);
  // A slice of a sequence of this length and limit.
  void check(const Slice& slice, int length, int limit) const;
  void check(const MatrixView<float>& logits, int64_t n_rows) const;
  [[noreturn]] static void not_there(SequenceId id);
  [[noreturn]] static void twice(SequenceId id);
};

// The sequences of an engine by their ids. Kv holds the keys and values of one:
//   int length() const, limit() const;
//   Kv fork(int n_tokens) const;   // the beginning, shared until one of the two is written
//   void grow(int n);              // room for n more; on an error nothing but memory has changed
//   void set_length(int n_tokens);
//   void truncate(int n_tokens);   // gives back what grow() made room for as well
template <typename Kv>
class SequenceTable {
 public:
  explicit SequenceTable(const SequenceRules& rules) : rules_(rules) {}

  const SequenceRules& rules() const { return rules_; }
  SequenceId add(Kv kv, bool adapted) {
    sequences_.emplace(next_id_, Sequence{std::move(kv), adapted});
    return SequenceId{next_id_++};
  }
  SequenceId fork(SequenceId from, int n_tokens) {
    const Sequence& sequence = find(from);
    SequenceRules::check_kept(n_tokens, sequence.kv.length());
    return add(sequence.kv.fork(n_tokens), sequence.adapted);
  }
  void truncate(SequenceId id, int n_tokens) {
    SequenceRules::check_kept(n_tokens, kv(id).length());
    own(id).truncate(n_tokens);
  }
  void release(SequenceId id) {
    find(id);
    sequences_.erase(static_cast<int32_t>(id));
  }
  const Kv& kv(SequenceId id) const { return find(id).kv; }

  // Checks the call, makes room, runs every walk and counts the tokens. Where one throws, the
  // sequences are as they were.
  template <typename Run>
  void forward(std::span<const Slice> slices, const MatrixView<float>& logits, int chunk,
               Run&& run) {
    check(slices, logits);
    try {
      Walks walks(chunk);
      for (const Slice& slice : slices) {
        own(slice.sequence).grow(static_cast<int>(slice.tokens.size()));
        walks.add(slice, kv(slice.sequence).length(), find(slice.sequence).adapted);
      }
      MatrixView<float> rest = logits;
      for (const Walk& walk : walks.list()) {
        run(walk, rest);
        rest.data += static_cast<int64_t>(walk.logit_rows.size()) * rest.stride;
      }
    } catch (...) {
      for (const Slice& slice : slices) own(slice.sequence).truncate(kv(slice.sequence).length());
      throw;
    }
    for (const Slice& slice : slices) {
      Kv& sequence = own(slice.sequence);
      sequence.set_length(sequence.length() + static_cast<int>(slice.tokens.size()));
    }
  }

  template <typename F>
  void for_each(F&& fn) const {
    for (const auto& [id, sequence] : sequences_) fn(sequence.kv);
  }

 private:
  struct Sequence {
    Kv kv;
    bool adapted;  // by the engine's adapters
  };

  const Sequence& find(SequenceId id) const {
    const auto it = sequences_.find(static_cast<int32_t>(id));
    if (it == sequences_.end()) SequenceRules::not_there(id);
    return it->second;
  }
  Kv& own(SequenceId id) { return const_cast<Kv&>(kv(id)); }

  void check(std::span<const Slice> slices, const MatrixView<float>& logits) const {
    std::set<SequenceId> seen;
    int64_t n_logits = 0;
    for (const Slice& slice : slices) {
      const Kv& sequence = kv(slice.sequence);
      rules_.check(slice, sequence.length(), sequence.limit());
      if (!seen.insert(slice.sequence).second) SequenceRules::twice(slice.sequence);
      n_logits += static_cast<int64_t>(slice.logit_rows.size());
    }
    rules_.check(logits, n_logits);
  }

  SequenceRules rules_;
  std::map<int32_t, Sequence> sequences_;
  int32_t next_id_ = 0;
};

}  // namespace nalar::engine
