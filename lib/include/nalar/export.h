#pragma once

// Symbols are hidden by default. NALAR_API marks the public surface: what stands in this folder.
// NALAR_MODULE_API marks the few internals that libnalar_torch uses; they are no part of the contract.
#define NALAR_API __attribute__((visibility("default")))
#define NALAR_MODULE_API __attribute__((visibility("default")))
