#include "tokenizer/spm_proto.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <bit>

#include "base/utf8.h"
#include "tokenizer/proto_reader.h"
#include "tokenizer/spm_check.h"

namespace nalar::tokenizer {
namespace {

SpmPiece read_piece(ProtoReader reader) {
  SpmPiece piece;
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 1:
        piece.text = field->text();
        break;
      case 2:
        piece.score = field->real();
        break;
      case 3: {
        const int32_t type = field->integer();
        if (type < SpmPiece::normal || type > SpmPiece::byte) {
          throw Error(
              ErrorKind::bad_data,
              fmt::format("protobuf error at byte {}: unknown piece type {}", field->at, type));
        }
        piece.type = static_cast<SpmPiece::Type>(type);
        break;
      }
      default:
        break;
    }
  }
  return piece;
}

void read_trainer(ProtoReader reader, SpmModel& model) {
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 3: {
        const int32_t kind = field->integer();
        if (kind < SpmModel::unigram || kind > SpmModel::character) {
          throw Error(ErrorKind::bad_data, fmt::format("unknown model type {}: need 1 to 4", kind));
        }
        model.kind = static_cast<SpmModel::Kind>(kind);
        break;
      }
      case 24:
        model.whitespace_as_suffix = field->boolean();
        break;
      case 35:
        model.byte_fallback = field->boolean();
        break;
      case 44:
        model.unk_surface = field->text();
        break;
      case 45:
        model.unk_piece = field->text();
        break;
      case 46:
        model.bos_piece = field->text();
        break;
      case 47:
        model.eos_piece = field->text();
        break;
      case 48:
        model.pad_piece = field->text();
        break;
      default:
        break;
    }
  }
}

void read_normalizer(ProtoReader reader, SpmNormalizer& normalizer) {
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 2:
        normalizer.charsmap = field->text();
        break;
      case 3:
        normalizer.add_dummy_prefix = field->boolean();
        break;
      case 4:
        normalizer.remove_extra_whitespaces = field->boolean();
        break;
      case 5:
        normalizer.escape_whitespaces = field->boolean();
        break;
      default:
        break;
    }
  }
}

class Writer {
 public:
  void number(uint32_t field, uint64_t value) {
    varint(field << 3);
    varint(value);
  }
  void real(uint32_t field, float value) {
    varint(field << 3 | 5);
    const auto bits = std::bit_cast<uint32_t>(value);
    out_.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }
  void bytes(uint32_t field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    out_.append(value);
  }
  std::string take() { return std::move(out_); }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
    out_.push_back(static_cast<char>(value));
  }
  std::string out_;
};

std::string serialize_normalizer(const SpmNormalizer& n) {
  Writer w;
  w.bytes(2, n.charsmap);
  w.number(3, n.add_dummy_prefix);
  w.number(4, n.remove_extra_whitespaces);
  w.number(5, n.escape_whitespaces);
  return w.take();
}

std::string serialize_piece(const SpmPiece& piece, size_t id) {
  const bool has_zero = piece.text.find('\0') != piece.text.npos;
  Writer w;
  // U+FFFF is no character: no piece and no text has this spelling by chance, check_spm refuses it.
  w.bytes(1, has_zero ? fmt::format("{}{}", kSpmPlaceholder, id) : std::string(piece.text));
  w.real(2, piece.score);
  w.number(3, has_zero ? SpmPiece::control : piece.type);
  return w.take();
}

}  // namespace

SpmModel parse_spm(std::string_view bytes) {
  constexpr size_t kMaxBytes = size_t{1} << 31;
  if (bytes.size() >= kMaxBytes) {
    throw Error(ErrorKind::bad_data,
                fmt::format("too large: got {} bytes, need fewer than 2 GiB", bytes.size()));
  }
  SpmModel model;
  ProtoReader reader(bytes);
  while (const auto field = reader.next()) {
    switch (field->number) {
      case 1:
        model.pieces.push_back(read_piece(field->message()));
        break;
      case 2:
        read_trainer(field->message(), model);
        break;
      case 3:
        read_normalizer(field->message(), model.normalizer);
        break;
      case 5:
        read_normalizer(field->message(), model.denormalizer);
        break;
      default:
        break;
    }
  }
  check_spm(model);
  return model;
}

std::string serialize_spm(const SpmModel& model) {
  Writer out, trainer;
  for (size_t id = 0; id < model.pieces.size(); ++id)
    out.bytes(1, serialize_piece(model.pieces[id], id));
  trainer.number(3, static_cast<uint64_t>(model.kind));
  trainer.number(24, model.whitespace_as_suffix);
  trainer.number(35, model.byte_fallback);
  trainer.bytes(44, model.unk_surface);
  out.bytes(2, trainer.take());
  out.bytes(3, serialize_normalizer(model.normalizer));
  if (!model.denormalizer.charsmap.empty()) out.bytes(5, serialize_normalizer(model.denormalizer));
  return out.take();
}

}  // namespace nalar::tokenizer
