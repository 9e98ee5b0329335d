#include "report/run_json.h"

#include "sample_record.h"
#include "support/catch.h"

namespace nalar::report {

TEST_CASE("run.json says what went in and what came out") {
  const Json run = parse_json(run_json(sample_record()));
  CHECK(run.find("format")->as_string() == kRunFormat);
  CHECK(run.find("name")->as_string() == "rara-adapter");
  CHECK(run.find("seed")->as_uint64() == UINT64_MAX);
  const Json& base = *run.find("base");
  CHECK(base.find("files")->as_array()[0].find("name")->as_string() == "base.gguf");
  CHECK(base.find("files")->as_array()[0].find("sha256")->as_string() == std::string(64, 'a'));
  CHECK(run.find("data")->find("rows")->as_int64() == 203);
  CHECK(run.find("data")->find("files")->as_array()[0].find("bytes")->as_int64() == 1234);
  CHECK(run.find("settings")->find("lr")->as_double() == 2e-4);
  const Json& result = *run.find("result");
  CHECK(result.find("train_loss")->as_double() == 2.25);
  CHECK(result.find("valid_loss_before")->as_double() == 3.25);
  CHECK(result.find("valid_loss")->as_double() == 2.5);
  CHECK(result.find("joules")->as_double() == 7200);
  CHECK(to_text(*run.find("end_tokens")) == "{\"ids\":[2],\"pieces\":[\"<|im_end|>\"]}");
}

TEST_CASE("what was not measured is null") {
  const Json run = parse_json(run_json({}));
  CHECK(run.find("result")->find("joules")->is_null());
  CHECK(run.find("result")->find("valid_loss")->is_null());
}

TEST_CASE("no folder of this machine gets out") {
  const std::string text = run_json(sample_record());
  for (const char* folder : {"/home", "someone", "/models", "~/"}) {
    CHECK(text.find(folder) == std::string::npos);
  }
}

TEST_CASE("what names the base and what ends a turn is there for readers of an adapter") {
  const Json run = parse_json(run_json(sample_record()));
  CHECK(run.find("base")->find("fingerprint")->as_string() == std::string(64, 'f'));
  CHECK(run.find("end_tokens")->find("ids")->as_array().at(0).as_int64() == 2);
}

}  // namespace nalar::report
