#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/gguf_metadata.h"
#include "tokenizer/vocab.h"

namespace nalar::tokenizer {

// Places in the bytes of an array of strings.
struct GgufStrings {
  std::string_view text;  // the array as it lies in the file
  std::vector<Vocab::Span> spans;

  std::string_view operator[](size_t i) const {
    return text.substr(spans[i].offset, spans[i].length);
  }
};

// Errors: bad_data: absent, of another type, over 4 GiB.
GgufStrings need_strings(const io::GgufMetadata& metadata, std::string_view key);
// The elements' bytes; empty when the key is absent. Errors: bad_data: of another type or count.
std::string_view optional_floats(const io::GgufMetadata& metadata, std::string_view key,
                                 size_t count);
std::vector<int32_t> optional_integers(const io::GgufMetadata& metadata, std::string_view key,
                                       size_t count);

}  // namespace nalar::tokenizer
