#include "quant/calibration_tokens.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/tokenizer.h>

#include <algorithm>

#include "base/digest.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "io/file_system.h"
#include "io/folder_file.h"

namespace nalar::quant {
namespace {

constexpr size_t kMaxText = size_t{1} << 30;
constexpr int64_t kChunk = 512;
constexpr int64_t kLeastChunks = 4;
constexpr int64_t kDrawn = 16;
constexpr uint64_t kSeed = 1;

CalibrationTokens read_text(const Model& model, const std::string& path) {
  const std::string text = io::read_file(path, kMaxText);
  // A model given as text would take days.
  if (!base::is_valid_utf8(text)) throw Error(ErrorKind::bad_data, "not UTF-8 text");
  CalibrationTokens out;
  out.chunk = std::min<int64_t>(kChunk, model.config().n_ctx_train);
  out.name = io::name_of(path);
  out.sha256 = base::sha256_hex(text);
  const auto tokenizer = open_tokenizer(model.files());
  out.ids =
      tokenizer->encode(text, {.add_special = true, .parse_special = false, .special_ranges = {}});
  if (out.count() < kLeastChunks * out.chunk) {
    throw Error(ErrorKind::bad_data,
                fmt::format("too short to calibrate with: got {} tokens, need {}", out.count(),
                            kLeastChunks * out.chunk));
  }
  out.ids.resize(static_cast<size_t>(out.chunks() * out.chunk));
  const auto bos = tokenizer->special().bos;
  for (int64_t i = 0; i < out.chunks() && tokenizer->adds_bos() && bos; ++i) {
    out.ids[static_cast<size_t>(i * out.chunk)] = *bos;
  }
  return out;
}

}  // namespace

CalibrationTokens tokens_of_text(const Model& model, const std::string& path) {
  return io::in_file(path, [&] { return read_text(model, path); });
}

CalibrationTokens drawn_tokens(const Model& model) {
  CalibrationTokens out;
  out.chunk = std::min<int64_t>(kDrawn, model.config().n_ctx_train);
  for (int64_t i = 0; i < out.chunk; ++i) {
    const double u = base::uniform(kSeed, 0, static_cast<uint64_t>(i));
    out.ids.push_back(static_cast<TokenId>(u * static_cast<double>(model.config().vocab_size)));
  }
  return out;
}

}  // namespace nalar::quant
