#include "model/run_file.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/json.h>

#include "model/hf_config.h"

namespace nalar::model {

RunFile parse_run_file(std::string_view json, int vocab_size) {
  constexpr std::string_view kIds = "end_tokens.ids";
  const Json root = parse_json(json);
  if (!root.is_object()) {
    throw Error(ErrorKind::bad_data, fmt::format("got {}, need an object", root.kind_name()));
  }
  RunFile run;
  HfConfig reader(root);
  if (auto base = reader.object("base")) {
    run.base_name = base->text("name", "");
    run.base_fingerprint = base->text("fingerprint", "");
  }
  const Json* end = root.find("end_tokens");
  const Json* ids = end == nullptr ? nullptr : end->find("ids");
  if (ids == nullptr || ids->is_null()) return run;
  const std::string need = fmt::format("a list of integers in 0..{}", vocab_size - 1);
  if (!ids->is_array()) fail_value(kIds, to_text(*ids), need);
  for (const Json& id : ids->as_array()) {
    const bool fits =
        id.kind() == Json::Kind::integer && id.as_int64() >= 0 && id.as_int64() < vocab_size;
    if (!fits) fail_value(kIds, to_text(id), need);
    run.end_tokens.push_back(static_cast<TokenId>(id.as_int64()));
  }
  return run;
}

}  // namespace nalar::model
