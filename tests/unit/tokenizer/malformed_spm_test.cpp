#include <fmt/format.h>
#include <nalar/log.h>

#include <limits>

#include "bad_input.h"
#include "support/catch.h"
#include "support/spm_builder.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "tokenizer/spm_proto.h"

namespace nalar {
namespace {

using test::BadInput;
using test::bytes_field;
using test::charsmap_blob;
using test::check_bad;
using test::number_field;
using test::spm_model;
using test::spm_piece;
using test::varint;

BadInput row(std::string name, std::string bytes, std::string message) {
  return {std::move(name), [bytes] { tokenizer::sentencepiece_pipeline(bytes, {}); },
          std::move(message)};
}

}  // namespace

TEST_CASE("protobuf that is none (class 78)") {
  for (const BadInput& m : {
           row("truncated number", "\x0a\xff", "protobuf error at byte 2: truncated number"),
           row("11 bytes", "\x0a" + std::string(10, '\xff') + "\x01", "protobuf error at byte 11"),
           row("over 64 bits", "\x10" + std::string(9, '\xff') + "\x7f", "number over 64 bits"),
           row("length over the rest",
               "\x0a\x7f"
               "abc",
               "field 1 declares 127 bytes, 3 are left"),
           row("length 2^63", "\x0a" + varint(uint64_t{1} << 63), "field 1 declares"),
           row("wire type 3", "\x0b", "protobuf error at byte 0: wire type 3 is not supported"),
           row("wire type 4", "\x0c", "wire type 4"),
           row("wire type 6", "\x0e", "wire type 6"),
           row("wire type 7", "\x0f", "wire type 7"),
           row("field 0", std::string("\x02\x00", 2), "field number out of range"),
           row("truncated float", bytes_field(1, "\x15\x01\x02"), "truncated number"),
           row("a piece as a number", number_field(1, 5), "field 1 has wire type 0, need 2"),
           row("a score as a number", bytes_field(1, number_field(2, 5)),
               "field 2 has wire type 0, need 5"),
           row("unknown piece type", spm_model(spm_piece("c", 0, 9)), "unknown piece type 9"),
           row("unknown model type", spm_model("", 7), "unknown model type 7"),
           row("field over 32 bits", bytes_field(2, number_field(3, uint64_t{1} << 40)),
               "over 32 bits"),
       }) {
    check_bad(m);
  }
  const std::string whole = spm_model();
  for (size_t size = 0; size < whole.size(); ++size) {
    // Cut anywhere: an error, or (between two fields) a vocabulary that lacks something or is still
    // whole.
    try {
      tokenizer::parse_spm(std::string_view(whole).substr(0, size));
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::bad_data);
    }
  }
}

TEST_CASE("SentencePiece vocabularies that are none (class 79)") {
  for (const BadInput& m : {
           row("nothing", "", "bad vocabulary: 0 unknown pieces, need 1"),
           row("no unknown piece", spm_piece("a", 0, 1), "bad vocabulary: 0 unknown pieces"),
           row("two", spm_model(spm_piece("<unk2>", 0, 2)), "bad vocabulary: 2 unknown pieces"),
           row("no text", spm_piece("<unk>", 0, 2), "bad vocabulary: no piece of text"),
           row("empty piece", spm_model(spm_piece("", 0, 1)),
               "bad piece 7: empty (bad vocabulary)"),
           row("duplicate piece", spm_model(spm_piece("ab", 0, 1)),
               "bad vocabulary: duplicate piece \"ab\""),
           row("duplicate of another type", spm_model(spm_piece("<s>", 0, 1)),
               "bad vocabulary: duplicate piece \"<s>\""),
           row("byte piece alone", spm_model(spm_piece("<0x41>", 0, 6)),
               "bad piece 7: a byte piece, but byte_fallback is off"),
           row("invalid byte piece", spm_model(spm_piece("<0x-1>", 0, 6)),
               "bad piece 7: invalid byte piece"),
           row("too few byte pieces",
               spm_model(spm_piece("<0x41>", 0, 6) + bytes_field(2, number_field(35, 1))),
               "there are 1 of 256 byte pieces"),
           row("not UTF-8", spm_model(spm_piece("\xff", 0, 1)), "bad piece 7: is not UTF-8"),
           row("a stand-in",
               spm_model(spm_piece("\uffff"
                                   "1",
                                   0, 1)),
               "bad piece 7: begins with U+FFFF"),
       }) {
    check_bad(m);
  }
}

TEST_CASE("a piece with a zero byte is accepted with a notice (class 80)") {
  std::string heard;
  set_notice_sink([&](std::string_view text) { heard = text; });
  for (const int kind : {test::kBpe, test::kUnigram}) {
    for (const int type : {1, 4}) {
      const std::string bytes = spm_model(spm_piece(std::string_view("\0", 1), 0, type) +
                                              spm_piece(std::string_view("a\0b", 3), 0, type),
                                          kind);
      heard.clear();
      const tokenizer::PipelineTokenizer t(tokenizer::sentencepiece_pipeline(bytes, {}));
      CHECK(heard == "2 pieces of tokenizer.model hold a zero byte: no text becomes them");
      CHECK(t.piece(8) == std::string_view("a\0b", 3));
      CHECK(t.encode(std::string_view("a\0b", 3), {}) == std::vector<TokenId>{3, 4, 0, 5});
      CHECK(t.encode("ab", {}) == std::vector<TokenId>{3, 6});
    }
  }
  set_notice_sink({});
}

TEST_CASE("SentencePiece pieces out of bounds (class 81)") {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const int kind : {test::kBpe, test::kUnigram}) {
    for (const BadInput& m : {
             row("1 MiB", spm_model(spm_piece(std::string(1 << 20, 'x'), 0, 1), kind),
                 "bad piece 7: got 1048576 bytes, need at most 4096"),
             row("NaN", spm_model(spm_piece("c", nan, 1), kind),
                 "bad piece 7: score must be finite"),
             row("infinite", spm_model(spm_piece("c", infinity, 1), kind),
                 "bad piece 7: score must be finite"),
             row("-infinite", spm_model(spm_piece("c", -infinity, 1), kind),
                 "bad piece 7: score must be finite"),
         }) {
      check_bad(m);
    }
    // The longest piece that is allowed.
    const std::string longest(4096, 'x');
    const tokenizer::PipelineTokenizer t(
        tokenizer::sentencepiece_pipeline(spm_model(spm_piece(longest, 0, 4), kind), {}));
    CHECK(t.encode(longest + "ab", {}).size() == 3);
  }
}

TEST_CASE("tables of SentencePiece normalizers that lead astray (class 82)") {
  const auto with = [](const std::string& blob) {
    return spm_model("", test::kUnigram, bytes_field(2, blob));
  };
  const auto changed = [&](size_t at, uint32_t unit) {
    std::vector<uint32_t> units = test::charsmap_chain(2);
    units[at] = unit;
    return with(charsmap_blob(units, std::string_view("y\0", 2)));
  };
  const size_t first = 256 ^ 'x', second = 512 ^ 'x';
  for (const BadInput& m : {
           row("root out of range", changed(0, 0xFFFFFC00u),
               "bad charsmap: unit 4194303 out of range"),
           row("root behind the end", changed(0, 1024u << 10),
               "bad charsmap: unit 1024 out of range"),
           row("offset out of range", changed(first, 4000u << 10 | 1u << 8 | 'x'),
               "bad charsmap: unit"),
           row("a loop", changed(second, (second ^ 256) << 10 | 'x'), "leads back to itself"),
           row("a loop by a zero byte", changed(256, 0), "leads back to itself"),
           row("replacement out of range", changed(512, 77),
               "bad charsmap: replacement of unit 512 out of range"),
           row("33 rules begin alike",
               with(charsmap_blob(test::charsmap_chain(33), std::string_view("y\0", 2))),
               "bad charsmap: more than 32 rules begin alike"),
           row("no zero at the end", with(charsmap_blob(test::charsmap_chain(2), "y")),
               "bad charsmap: replacements do not end in a zero byte"),
           row("no units", with(std::string("\0\0\0\0y\0", 6)), "bad charsmap: trie of 0 bytes"),
           row("in the denormalizer", spm_model() + bytes_field(5, bytes_field(2, "abc")),
               "bad charsmap: truncated"),
       }) {
    check_bad(m);
  }
  const std::string good = charsmap_blob(test::charsmap_chain(32), std::string_view("y\0", 2));
  CHECK(tokenizer::Charsmap(good).shortest("xxx") == "y");
  const tokenizer::PipelineTokenizer t(tokenizer::sentencepiece_pipeline(with(good), {}));
  CHECK(t.encode(std::string(40, 'x'), {}).size() == 2);

  std::string nested;
  for (int n = 1; n <= 65; ++n) nested += spm_piece(std::string(static_cast<size_t>(n), 'x'), 0, 4);
  check_bad(row("65 user pieces begin alike", spm_model(nested),
                "bad vocabulary: more than 64 user pieces begin like"));
}

TEST_CASE("SentencePiece tables cut short (class 83)") {
  const std::string blob = charsmap_blob(test::charsmap_chain(2), std::string_view("y\0", 2));
  for (const size_t size :
       {size_t{1}, size_t{2}, size_t{3}, size_t{4}, size_t{100}, blob.size() - 2}) {
    check_bad(row(fmt::format("{} bytes", size),
                  spm_model("", test::kBpe, bytes_field(2, blob.substr(0, size))),
                  "bad charsmap: "));
  }
  std::string misaligned = blob;
  misaligned[0] = static_cast<char>(misaligned[0] - 1);
  check_bad(row("no multiple of 4", spm_model("", test::kBpe, bytes_field(2, misaligned)),
                "bad charsmap: trie of"));
}

}  // namespace nalar
