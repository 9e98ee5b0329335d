#pragma once

#include <nalar/engine.h>

#include <memory>

#include "kernels/isa.h"

namespace nalar::engine {

// The engine on this machine's processors. The second form names the instruction set, for tests.
// Errors: usage for options out of range, os when memory or threads are short.
std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Model> model,
                                        const EngineOptions& options);
std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Model> model,
                                        const EngineOptions& options, kernels::Isa isa);

}  // namespace nalar::engine
