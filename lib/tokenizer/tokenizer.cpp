#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/log.h>
#include <nalar/tokenizer.h>

#include "base/utf8.h"
#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "tokenizer/gguf_vocab.h"
#include "tokenizer/hf_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"

namespace nalar {
namespace {

// In GGUF the vocabulary and the embedding were written together.
void check_embedding(const ModelFiles& files, int n_tokens) {
  if (files.tensors() == nullptr) return;
  const TensorView* embedding = files.tensors()->find("token_embd.weight");
  if (embedding == nullptr || embedding->rows() == n_tokens) return;
  throw Error(ErrorKind::bad_data,
              fmt::format("vocabulary size mismatch: tokenizer.ggml.tokens has {} tokens, tensor "
                          "token_embd.weight has {} rows",
                          n_tokens, embedding->rows()));
}

std::shared_ptr<const Tokenizer> open_gguf(const ModelFiles& files) {
  try {
    auto pipeline = tokenizer::gguf_pipeline(*files.gguf());
    check_embedding(files, pipeline->vocab.size());
    pipeline->keep_alive = files.weak_from_this().lock();
    return std::make_shared<tokenizer::PipelineTokenizer>(std::move(pipeline));
  } catch (const Error& e) {
    throw e.in_file(files.path());
  }
}

// The embedding of a Hugging Face folder, under the names that its families give it.
const TensorView* find_embedding(const io::TensorFile& tensors) {
  for (const TensorView& t : tensors.tensors()) {
    for (const std::string_view name :
         {"embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight"}) {
      if (t.name == name || t.name.ends_with(fmt::format(".{}", name))) return &t;
    }
  }
  return nullptr;
}

// Training frameworks round the embedding up; a vocabulary that is larger works as long as no text
// needs the tokens beyond.
void limit_to_embedding(const ModelFiles& files, tokenizer::Pipeline& p) {
  const TensorView* embedding =
      files.tensors() == nullptr ? nullptr : find_embedding(*files.tensors());
  if (embedding == nullptr || embedding->rows() >= p.vocab.size()) return;
  p.n_embedded = static_cast<TokenId>(embedding->rows());
  notice(fmt::format("the tokenizer has {} ids, tensor {} has {} rows: the ids beyond are refused",
                     p.vocab.size(), base::escaped(embedding->name), embedding->rows()));
}

using MakePipeline = std::unique_ptr<tokenizer::Pipeline> (*)(std::string_view,
                                                              const tokenizer::HfSideFiles&);

std::shared_ptr<const Tokenizer> open_hf(const ModelFiles& files, std::string_view name,
                                         MakePipeline make) {
  const auto bytes = files.file(name);
  if (!bytes) return nullptr;
  const tokenizer::HfSideFiles side = tokenizer::read_side_files(files);
  try {
    auto pipeline = make(*bytes, side);
    limit_to_embedding(files, *pipeline);
    return std::make_shared<tokenizer::PipelineTokenizer>(std::move(pipeline));
  } catch (const Error& e) {
    throw e.in_file(files.path_of(name));
  }
}

}  // namespace

std::shared_ptr<const Tokenizer> open_tokenizer(const ModelFiles& files) {
  if (files.gguf() != nullptr) return open_gguf(files);
  if (auto t = open_hf(files, "tokenizer.json", tokenizer::hf_pipeline)) return t;
  if (auto t = open_hf(files, "tokenizer.model", tokenizer::sentencepiece_pipeline)) return t;
  throw Error(ErrorKind::no_input, "no tokenizer: need tokenizer.json or tokenizer.model")
      .in_file(files.path());
}

}  // namespace nalar
