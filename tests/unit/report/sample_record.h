#pragma once

#include "report/training_record.h"

namespace nalar::report {

// A run with a value in every field; texts of others (model, data, names) are hostile.
inline TrainingRecord sample_record() {
  TrainingRecord r;
  r.name = "/home/someone/rara-adapter";
  r.date = "2026-11-29T12:00:00Z";
  r.base_name = "Smol|<b>LM";
  r.base_family = "llama";
  r.base_fingerprint = std::string(64, 'f');
  r.base_files = {{"/models/base.gguf", 98'000'000, std::string(64, 'a')}};
  r.data_files = {{"chats <1>.jsonl", 1234, std::string(64, 'b')}};
  r.valid_files = {{"valid.jsonl", 99, std::string(64, 'c')}};
  r.method = "QLoRA";
  r.settings = Json::Object{{"rank", 16},
                            {"lr", 2e-4},
                            {"targets", Json::Array{"all-linear"}},
                            {"valid", nullptr},
                            {"adapter", "/home/someone/old"}};
  r.data = Json::Object{{"rows", 203}, {"paths", Json::Array{"~/chats.jsonl"}}};
  r.template_sha256 = std::string(64, 'd');
  r.end_tokens = {2};
  r.end_pieces = {"<|im_end|>"};
  r.nalar_version = "0.1.0";
  r.nalar_commit = "abc123";
  r.torch_version = "2.15.0";
  r.isa = "avx2";
  r.cpu = "A CPU";
  r.dtype = "fp32";
  r.threads = 2;
  r.seed = 18446744073709551615U;
  r.trained_parameters = 4'884'480;
  r.base_parameters = 134'515'008;
  r.steps = 3;
  r.best_step = 2;
  r.tokens = 30'000;
  r.label_tokens = 9'000;
  r.peak_bytes = 700'000'000;
  r.seconds = 125;
  r.flops = 1.5e13;
  r.flops_method = "of every product";
  r.joules = 7200;
  r.stopped_by = "steps";
  r.curve = {{1, 3.5, 1e-4, 2.0, 200}, {2, 2.5, 2e-4, 1.5, 240}, {3, 2.25, 1e-4, 1.0, 240}};
  r.valid = {{0, 3.25}, {2, 2.5}, {3, 2.75}};
  r.samples = {{"Where?</pre><script>alert(1)</script>", "Here & \"there\"",
                "\x1b]0;owned\x07\xff\xef\xbf\xbf", "it's\u202E done\n"}};
  return r;
}

}  // namespace nalar::report
