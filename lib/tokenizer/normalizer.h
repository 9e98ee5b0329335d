#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tokenizer/pipeline_tokenizer.h"

namespace nalar::tokenizer {

enum class UnicodeForm { nfc, nfd, nfkc, nfkd };

// Each step changes a whole text; bytes that are no UTF-8 stay as they are.
NormalizeStep normalize_unicode(UnicodeForm form);
NormalizeStep normalize_lowercase();
NormalizeStep normalize_strip(bool left, bool right);
NormalizeStep normalize_strip_accents();  // leaves out all marks
NormalizeStep normalize_replace(std::string from, std::string to);
NormalizeStep normalize_replace_regex(std::string_view pattern, std::string to);
NormalizeStep normalize_prepend(std::string prefix);  // unless the text is empty
NormalizeStep normalize_byte_level();
NormalizeStep normalize_nmt();  // control characters go, odd spaces become spaces
// SentencePiece's: no space at the beginning and the end, one where there were several.
NormalizeStep normalize_extra_spaces();

}  // namespace nalar::tokenizer
