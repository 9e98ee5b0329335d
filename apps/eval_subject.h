#pragma once

#include <nalar/eval.h>

#include <memory>
#include <string>

#include "model_flags.h"

namespace nalar::apps {

// A model that is open for judging. Several may share an engine.
struct OpenSubject {
  std::string name;  // as the command line has it
  std::shared_ptr<const Model> model;
  std::shared_ptr<Engine> engine;
  Subject subject;
};

// `model` is what flags.path names. Errors: those of open_tokenizer, open_adapter and open_engine.
OpenSubject open_subject(std::shared_ptr<const Model> model, const ModelFlags& flags);
// The same engine with the adapters off.
OpenSubject without_adapters(const OpenSubject& subject);

// "adapters" of a report: paths, scales and hashes.
Json adapters_json(const OpenSubject& subject);

}  // namespace nalar::apps
