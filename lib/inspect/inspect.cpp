#include <nalar/chat.h>
#include <nalar/inspect.h>
#include <nalar/model.h>
#include <nalar/tokenizer.h>

#include "inspect/report_parts.h"
#include "io/tensor_file.h"

namespace nalar {
namespace {

namespace parts = inspect_parts;

const char* format_name(ModelFormat format) {
  switch (format) {
    case ModelFormat::gguf:
      return "GGUF";
    case ModelFormat::hf:
      return "Hugging Face folder";
    case ModelFormat::parts:
      return "tokenizer or template";
  }
  return "";
}

class Inspector {
 public:
  Inspector(std::shared_ptr<const ModelFiles> files, const InspectOptions& options)
      : files_(std::move(files)), options_(options) {}

  Inspection run() {
    report_.set("path", files_->path());
    report_.set("format", format_name(files_->format()));
    parts::add_provenance(*files_, report_);
    add_tensors();
    if (options_.verify) attempt([&] { report_.set("verified", parts::verify(files_->path())); });
    attempt([&] { add_config(); });
    attempt([&] { add_tokenizer(); });
    attempt([&] { add_template(); });
    if (!problems_.empty()) report_.set("problems", std::move(problems_));
    return {std::move(report_), std::move(problem_)};
  }

 private:
  // One part that cannot be read does not hide the others.
  template <typename F>
  void attempt(F&& part) {
    try {
      part();
    } catch (const Error& e) {
      if (e.kind() == ErrorKind::io || e.kind() == ErrorKind::os) throw;
      if (!problem_) problem_ = e;
      problems_.emplace_back(e.what());
    }
  }

  bool has_tensors() const {
    return files_->tensors() != nullptr && !files_->tensors()->tensors().empty();
  }

  void add_tensors() {
    if (!has_tensors()) return;
    const io::TensorFile& tensors = *files_->tensors();
    int64_t parameters = 0;
    int64_t bytes = 0;
    for (const TensorView& t : tensors.tensors()) {
      parameters += t.elements();
      bytes += static_cast<int64_t>(t.bytes.size());
    }
    report_.set("parameters", parameters);
    report_.set("weight_bytes", bytes);
    if (parameters > 0) {
      report_.set("bits_per_weight",
                  8.0 * static_cast<double>(bytes) / static_cast<double>(parameters));
    }
    report_.set("types", parts::types(tensors));
    report_.set("files", parts::weight_files(files_->weight_paths(), options_.hashes));
    if (options_.tensors) report_.set("tensors", parts::tensor_list(tensors));
  }

  void add_config() {
    if (!has_tensors()) return;
    const auto model = open_model(files_);
    report_.set("config", parts::config(model->config()));
    if (const Json g = parts::generation(model->config().generation); !g.as_object().empty()) {
      report_.set("generation", g);
    }
  }

  void add_tokenizer() {
    tokenizer_ = open_tokenizer_if_any(*files_);
    if (tokenizer_) report_.set("tokenizer", parts::tokenizer(*tokenizer_));
  }

  void add_template() {
    const std::optional<ChatTemplate> found =
        tokenizer_ ? open_chat_template(*files_, *tokenizer_) : open_chat_template(*files_);
    if (!found) return;
    report_.set("chat_template",
                Json::Object{{"sha256", found->hash()},
                             {"bytes", static_cast<int64_t>(found->source().size())},
                             {"source", found->source()}});
  }

  std::shared_ptr<const ModelFiles> files_;
  InspectOptions options_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  Json report_{Json::Object{}};
  Json::Array problems_;
  std::optional<Error> problem_;
};

}  // namespace

std::shared_ptr<const Tokenizer> open_tokenizer_if_any(const ModelFiles& files) {
  try {
    return open_tokenizer(files);
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::no_input) return nullptr;
    throw;
  }
}

Inspection inspect(std::shared_ptr<const ModelFiles> files, const InspectOptions& options) {
  return Inspector(std::move(files), options).run();
}

}  // namespace nalar
