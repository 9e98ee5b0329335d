#include "eval_subject.h"

namespace nalar::apps {

OpenSubject open_subject(std::shared_ptr<const Model> model, const ModelFlags& flags) {
  const EngineOptions options = engine_options(flags, *model);
  const std::shared_ptr<Engine> engine = open_engine(model, options, device(flags));
  auto tokenizer = open_tokenizer(model->files());
  return {*flags.path,
          std::move(model),
          engine,
          {engine.get(), std::move(tokenizer), {}, options.adapters}};
}

OpenSubject without_adapters(const OpenSubject& subject) {
  OpenSubject base = subject;
  base.name = "base";
  base.subject.sequence.adapted = false;
  return base;
}

Json adapters_json(const OpenSubject& subject) {
  Json::Array out;
  for (const AdapterUse& use : subject.subject.adapters) {
    out.push_back(Json::Object{{"adapter", use.adapter->path()},
                               {"scale", static_cast<double>(use.scale)},
                               {"sha256", weights_hash(*use.adapter)}});
  }
  return out;
}

}  // namespace nalar::apps
