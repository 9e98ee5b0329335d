#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// PCRE2's objects as owners, and its messages: for the sources that call it.
namespace nalar::tokenizer {

template <auto Free>
struct PcreFreer {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using PcreCode = std::unique_ptr<pcre2_code, PcreFreer<pcre2_code_free>>;
using PcreCompileContext =
    std::unique_ptr<pcre2_compile_context, PcreFreer<pcre2_compile_context_free>>;
using PcreMatchData = std::unique_ptr<pcre2_match_data, PcreFreer<pcre2_match_data_free>>;
using PcreMatchContext = std::unique_ptr<pcre2_match_context, PcreFreer<pcre2_match_context_free>>;
using PcreJitStack = std::unique_ptr<pcre2_jit_stack, PcreFreer<pcre2_jit_stack_free>>;

inline std::string pcre_message(int code) {
  unsigned char text[160];
  const int n = pcre2_get_error_message(code, text, sizeof text);
  return n < 0 ? fmt::format("error {}", code) : std::string(reinterpret_cast<char*>(text));
}

}  // namespace nalar::tokenizer
