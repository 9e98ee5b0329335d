#pragma once

#include <nalar/eval.h>

#include <vector>

namespace nalar::apps {

// A report of tasks (EvalReport::json) in the fields of lm-evaluation-harness's results file, for
// programs that read those; the report itself is its field "nalar". REQUIRES names apart.
Json lm_eval_results(const Json& report, const std::vector<Task>& tasks);

// Its results are kept by the task's name. Errors: usage where two have the same.
void require_names_apart(const std::vector<Task>& tasks);

}  // namespace nalar::apps
