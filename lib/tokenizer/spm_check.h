#pragma once

#include <string_view>

#include "tokenizer/spm_proto.h"

namespace nalar::tokenizer {

// Begins the spelling of the pieces that stand in for others.
inline constexpr std::string_view kSpmPlaceholder = "\uffff";

// What the sentencepiece library takes for granted. Errors: bad_data.
void check_spm(const SpmModel& model);

}  // namespace nalar::tokenizer
