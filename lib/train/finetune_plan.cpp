#include "train/finetune_run.h"
#include "train/preparation.h"
#include "train/record.h"

namespace nalar::train {
namespace {

// By the speed of products; 0 where it was not measured.
double seconds_a_token(Method method, const Model& base, int64_t parameters,
                       const TrainingMemory& memory) {
  if (memory.flops_per_s <= 0) return 0;
  const double forward_again = memory.recompute ? 2 * static_cast<double>(base.n_parameters()) : 0;
  return (training_flops(method, base.n_parameters(), parameters) + forward_again) /
         memory.flops_per_s;
}

}  // namespace

FinetunePlan plan_run(std::shared_ptr<const Model> model, const FinetuneOptions& options,
                      const TrainingBackend& backend) {
  options.validate();
  const Preparation prepared(*model, options, clock_now(), [] { return false; });
  const data::PackOptions pack = pack_options(options, prepared.data.rows);
  UpdatePlan updates(prepared.data.rows, options, pack);
  const TrainingMemory memory =
      backend.plan(trainable_options(options, prepared, dtype_for(options, prepared, backend),
                                     largest_batch(updates, prepared.data.valid, pack)));
  FinetunePlan plan;
  plan.parameters = prepared.parameters;
  plan.updates = updates.updates();
  for (const data::Example& example : prepared.data.rows.examples) {
    plan.tokens += static_cast<int64_t>(example.ids.size());
    plan.label_tokens += example.n_learned();
  }
  plan.weights_bytes = memory.weights;
  plan.activation_bytes = memory.activations;
  plan.recompute = memory.recompute;
  plan.checkpoint_bytes = checkpoint_bytes(prepared.parameters, options.optimizer);
  // The moments and the best values are the loop's.
  plan.parameter_bytes = memory.parameters + state_bytes(prepared.parameters, options.optimizer) -
                         prepared.parameters * static_cast<int64_t>(sizeof(float));
  const double epochs =
      static_cast<double>(plan.updates) / static_cast<double>(updates.updates_of(0));
  plan.seconds = epochs * static_cast<double>(plan.tokens) *
                 seconds_a_token(options.method, *model, prepared.parameters, memory);
  return plan;
}

}  // namespace nalar::train
