#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nalar::tokenizer {

// What a SentencePiece .model file (a protobuf message) says, as far as encoding needs it. Views
// borrow from the file.
struct SpmPiece {
  enum Type { normal = 1, unknown = 2, control = 3, user = 4, unused = 5, byte = 6 };
  std::string_view text;
  float score = 0;
  Type type = normal;
};

struct SpmNormalizer {
  std::string_view charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

struct SpmModel {
  enum Kind { unigram = 1, bpe = 2, word = 3, character = 4 };
  std::vector<SpmPiece> pieces;
  Kind kind = unigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  std::string_view unk_piece = "<unk>", bos_piece = "<s>", eos_piece = "</s>", pad_piece = "<pad>";
  std::string_view unk_surface = " \u2047 ";
  SpmNormalizer normalizer, denormalizer;
};

// Reads and checks the whole model: the wire format within bounds, then everything that the
// sentencepiece library takes for granted (one unknown piece, byte pieces, lengths, finite scores,
// nested user pieces, the tables of the normalizers). Only what has passed here reaches the
// library. Errors: bad_data: "protobuf error at byte N", "bad piece N", "bad vocabulary", "bad
// charsmap".
SpmModel parse_spm(std::string_view bytes);

// The fields above as a message of our own making, for the library. A piece with a zero byte, which
// the library would cut short, goes as a control piece that no text becomes.
std::string serialize_spm(const SpmModel& model);

}  // namespace nalar::tokenizer
