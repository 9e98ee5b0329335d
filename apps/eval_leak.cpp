#include "eval_leak.h"

#include <nalar/error.h>

namespace nalar::apps {
namespace {

Json by_json(const LeakRow& row, const LeakRow::By& by) {
  Json json = Json::Object{{"loss", by.loss}, {"min_k_pp", by.min_k}};
  if (row.continuation == 0) return json;
  json.set("verbatim", by.verbatim);
  json.set("log_likelihood", by.log_likelihood);
  return json;
}

}  // namespace

void declare_leak_flags(OptionSet& options, LeakFlags& f) {
  options.group("Leakage");
  options.texts({"--leak", "FILE",
                 "how much of these rows, which it was tuned on, the model gives away; needs "
                 "--adapter or --against; repeatable, in finetune's order"},
                f.train);
  options.text({"--heldout", "FILE",
                "rows of the same kind that it has not seen (default: those that the run held "
                "back)"},
               f.heldout);
  options.number({"--leak-prefix", "N", "tokens of a row that are given [50]"}, f.prefix, {1});
  options.number({"--leak-continuation", "N", "tokens that must come back [50]"}, f.continuation,
                 {1});
  options.number({"--decoys", "N", "secrets that the canaries are ranked among [1023]"}, f.decoys,
                 {1, 1'000'000});
}

void check_leak_flags(const LeakFlags& f) {
  if (f.wanted()) return;
  const char* const told = f.heldout        ? "--heldout"
                           : f.prefix       ? "--leak-prefix"
                           : f.continuation ? "--leak-continuation"
                           : f.decoys       ? "--decoys"
                                            : nullptr;
  if (told) throw Error(ErrorKind::usage, std::string(told) + " needs --leak");
}

LeakOptions leak_options(const LeakFlags& f, const std::string& run, int64_t limit) {
  LeakOptions options;
  options.train = f.train;
  options.heldout = f.heldout;
  options.run = run;
  options.prefix = f.prefix.value_or(options.prefix);
  options.continuation = f.continuation.value_or(options.continuation);
  options.decoys = f.decoys.value_or(options.decoys);
  options.limit = limit;
  return options;
}

std::string leak_samples(const LeakResult& result) {
  std::string lines;
  for (const LeakRow& row : result.rows) {
    lines += to_text(Json::Object{{"row", row.place},
                                  {"trained_on", row.member},
                                  {"tokens", row.tokens},
                                  {"learned_tokens", row.learned},
                                  {"prefix_tokens", row.prefix},
                                  {"continuation_tokens", row.continuation},
                                  {"tuned", by_json(row, row.tuned)},
                                  {"base", by_json(row, row.base)}}) +
             "\n";
  }
  return lines;
}

}  // namespace nalar::apps
