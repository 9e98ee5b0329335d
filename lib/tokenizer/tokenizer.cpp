#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/tokenizer.h>

#include "io/gguf_metadata.h"
#include "io/tensor_file.h"
#include "tokenizer/gguf_vocab.h"

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

}  // namespace

std::shared_ptr<const Tokenizer> open_tokenizer(const ModelFiles& files) {
  if (files.gguf() != nullptr) return open_gguf(files);
  throw Error(ErrorKind::no_input, "no tokenizer").in_file(files.path());
}

}  // namespace nalar
