#pragma once

#include <nalar/export.h>
#include <nalar/model_files.h>
#include <nalar/token.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nalar {

// What a token is, as far as encoding and printing must know.
enum class TokenKind {
  normal,
  byte,     // stands for one byte
  control,  // steers the model (<s>, <|im_end|>); never printed, never made from a user's text
  user,     // added by a user: matched in text as a whole
  unknown,
  unused,
};

// Bytes [begin, end) of a text.
struct TextRange {
  size_t begin = 0;
  size_t end = 0;
};

struct EncodeOptions {
  // Added as the tokenizer's own rules say (BOS, EOS, post-processor).
  bool add_special = false;
  // Text that spells a control token becomes it. Only for text that the program or a template
  // wrote.
  bool parse_special = false;
  // With parse_special: only a spelling that lies wholly inside one of these ranges becomes a
  // control token (ascending, apart from each other). nullopt: everywhere. Nothing else depends on
  // the ranges: the text between two control tokens is encoded as one, whatever ranges it crosses.
  std::optional<std::span<const TextRange>> special_ranges;
};

struct SpecialTokens {
  std::optional<TokenId> bos, eos, unk, pad;
  // All that end a turn or a text: eos, and what the file names as eot and eom.
  std::vector<TokenId> end;
};

// Text to ids and back. Immutable, thread-safe.
class NALAR_API Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Appends to nothing: the ids of `text`. Bytes that are no UTF-8 are encoded as the reference
  // tokenizer would after U+FFFD replacement, or byte for byte where the vocabulary has bytes.
  // Errors: bad_data (a regular expression hits its match limit, an id that has no row in the
  // embedding is produced); usage (a text over 2 GiB).
  virtual std::vector<TokenId> encode(std::string_view text,
                                      const EncodeOptions& options) const = 0;
  // The text of `ids`. Control tokens are left out unless `with_special`. The first piece's leading
  // space is dropped where the tokenizer's decoder says so. Errors: usage for an id out of range.
  virtual std::string decode(std::span<const TokenId> ids, bool with_special = false) const = 0;
  // The bytes that a token adds to a text in mid-stream: what streaming prints; "" for a control
  // token.
  virtual std::string token_bytes(TokenId id) const = 0;

  // Number of ids, gaps included.
  virtual int n_tokens() const = 0;
  // The token as the vocabulary spells it ("▁the", "Ġthe", "<0x0A>", "<|im_end|>").
  virtual std::string_view piece(TokenId id) const = 0;
  virtual TokenKind kind(TokenId id) const = 0;
  virtual std::optional<TokenId> find(std::string_view piece) const = 0;
  virtual const SpecialTokens& special() const = 0;
  // Whether encode(add_special) puts a BOS before / an EOS behind.
  virtual bool adds_bos() const = 0;
  virtual bool adds_eos() const = 0;
  // "byte-level BPE", "SentencePiece BPE", "SentencePiece unigram", "BPE", "Unigram"; and where
  // from.
  virtual std::string_view type() const = 0;
  virtual std::string_view source() const = 0;
};

// From the GGUF keys, tokenizer.json or tokenizer.model, in this order of what the files hold.
// Keeps the files mapped as long as it borrows from them.
//
// The vocabulary is held against the embedding's rows, where `files` has tensors: in GGUF the
// numbers must be equal; in a Hugging Face folder fewer ids than rows is normal, more is a notice,
// and encode() refuses the ids beyond. Errors: no_input when there is none; bad_data names file,
// key or component.
NALAR_API std::shared_ptr<const Tokenizer> open_tokenizer(const ModelFiles& files);

// Turns a stream of ids into text that never ends in half a character: bytes of an unfinished UTF-8
// sequence are held back, invalid ones become U+FFFD.
class NALAR_API StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool with_special = false);
  // The text that is certain now; may be empty.
  std::string push(TokenId id);
  // What was held back; the stream is over.
  std::string finish();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  bool with_special_;
  std::string held_;
};

}  // namespace nalar
