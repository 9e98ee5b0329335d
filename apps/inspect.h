#pragma once

#include <nalar/chat.h>
#include <nalar/inspect.h>
#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

#include "command.h"

namespace nalar::apps {

// nalar inspect: what a path is made of, or what its tokenizer and template do.
class InspectCommand : public Command {
 public:
  const char* name() const override { return "inspect"; }
  const char* arguments() const override { return "PATH [OPTIONS]"; }
  const char* about() const override {
    return "tells what a model, adapter, tokenizer or template is made of";
  }
  const char* notes() const override;
  void declare(OptionSet& options) override;
  void run(const OptionSet& options, Streams& streams) override;

 private:
  void report(Streams& streams) const;
  void dataset_report(Streams& streams) const;
  void write_report(const Inspection& found, Streams& streams) const;
  void report_adapter(Output& out) const;
  void encode(Output& out) const;
  void decode(Output& out) const;
  void render(Output& out) const;
  void write_ids(const std::vector<TokenId>& ids, const Tokenizer& tokenizer, Output& out) const;

  std::shared_ptr<const ModelFiles> files_;
  std::optional<std::string> path_;
  std::optional<std::string> model_;
  bool allow_symlinks_ = false;
  bool tensors_ = false;
  bool hashes_ = false;
  bool verify_ = false;
  std::optional<std::string> encode_;
  std::optional<std::string> decode_;
  std::optional<std::string> render_;
  bool special_ = false;
  bool add_special_ = false;
  bool raw_output_ = false;
};

}  // namespace nalar::apps
