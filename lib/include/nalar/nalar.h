#pragma once

// All of the public API.
#include <nalar/adapter.h>
#include <nalar/bench.h>
#include <nalar/chat.h>
#include <nalar/convert.h>
#include <nalar/dtype.h>
#include <nalar/engine.h>
#include <nalar/error.h>
#include <nalar/eval.h>
#include <nalar/files.h>
#include <nalar/generate.h>
#include <nalar/inspect.h>
#include <nalar/json.h>
#include <nalar/leak.h>
#include <nalar/log.h>
#include <nalar/model.h>
#include <nalar/model_config.h>
#include <nalar/model_files.h>
#include <nalar/sampler.h>
#include <nalar/sandbox.h>
#include <nalar/tensor.h>
#include <nalar/terminal_text.h>
#include <nalar/token.h>
#include <nalar/tokenizer.h>
#include <nalar/toml.h>
#include <nalar/version.h>
