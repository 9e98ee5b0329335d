#include <nalar/dataset.h>

#include "data/example.h"

namespace nalar {

std::vector<PreviewPiece> preview(const data::Example& example, const Tokenizer& tokenizer) {
  // The decoder outlives nothing: it borrows the tokenizer for this call.
  StreamDecoder decoder(std::shared_ptr<const Tokenizer>(std::shared_ptr<void>(), &tokenizer),
                        true);
  std::vector<PreviewPiece> pieces;
  for (size_t i = 0; i < example.ids.size(); ++i) {
    const TokenId id = example.ids[i];
    pieces.push_back(
        {id, decoder.push(id), tokenizer.kind(id) == TokenKind::control, example.learned[i] != 0});
  }
  if (!pieces.empty()) pieces.back().text += decoder.finish();
  return pieces;
}

}  // namespace nalar
