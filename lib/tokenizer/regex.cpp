#include "tokenizer/regex.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/pcre2_handles.h"
#include "tokenizer/regex_syntax.h"

namespace nalar::tokenizer {
namespace {

constexpr size_t kMaxPattern = size_t{64} << 10;
// Steps that one search may take: enough for any pattern that looks at each character a few times.
constexpr uint64_t kStepsFloor = 1'000'000, kStepsPerByte = 64;
constexpr uint32_t kHeapLimitKib = 64 << 10, kDepthLimit = 10'000;
constexpr size_t kJitStackStart = size_t{32} << 10, kJitStackMax = size_t{8} << 20;

}  // namespace

struct Regex::Code {
  std::string pattern;
  PcreCode pcre;
  bool jit = false;

  // What one run over one text needs of its own.
  class Search {
   public:
    Search(const Code& code, std::string_view text)
        : code_(code),
          text_(text),
          data_(pcre2_match_data_create(1, nullptr)),
          context_(pcre2_match_context_create(nullptr)) {
      if (!data_ || !context_) throw Error(ErrorKind::os, "out of memory in a regular expression");
      const uint64_t steps = kStepsFloor + kStepsPerByte * text.size();
      pcre2_set_match_limit(context_.get(),
                            static_cast<uint32_t>(std::min<uint64_t>(steps, UINT32_MAX)));
      pcre2_set_heap_limit(context_.get(), kHeapLimitKib);
      pcre2_set_depth_limit(context_.get(), kDepthLimit);
    }

    bool next(size_t from, TextRange& found) {
      int rc = match(from);
      if (rc == PCRE2_ERROR_JIT_STACKLIMIT && !stack_) {
        stack_.reset(pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr));
        pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
        rc = match(from);
      }
      if (rc == PCRE2_ERROR_NOMATCH) return false;
      if (rc < 0) {
        throw Error(ErrorKind::bad_data,
                    fmt::format("pattern \"{}\" gave up on a text of {} bytes: {}",
                                base::escaped(code_.pattern, 80), text_.size(), pcre_message(rc)));
      }
      const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data_.get());
      // \K in a lookahead can put the start behind the end.
      found = {std::min(bounds[0], bounds[1]), bounds[1]};
      return true;
    }

   private:
    int match(size_t from) {
      const auto* subject = reinterpret_cast<PCRE2_SPTR>(text_.data());
      return code_.jit ? pcre2_jit_match(code_.pcre.get(), subject, text_.size(), from, 0,
                                         data_.get(), context_.get())
                       : pcre2_match(code_.pcre.get(), subject, text_.size(), from, 0, data_.get(),
                                     context_.get());
    }

    const Code& code_;
    std::string_view text_;
    PcreMatchData data_;
    PcreMatchContext context_;
    PcreJitStack stack_;
  };
};

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

Regex::Regex(std::string_view pattern) : code_(std::make_unique<Code>()) {
  code_->pattern = pattern;
  if (pattern.size() > kMaxPattern) {
    throw Error(ErrorKind::bad_data, fmt::format("pattern too long: got {} bytes, need at most {}",
                                                 pattern.size(), kMaxPattern));
  }
  const std::string source = to_pcre2(pattern);
  PcreCompileContext context(pcre2_compile_context_create(nullptr));
  if (!context) throw Error(ErrorKind::os, "out of memory in a regular expression");
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  constexpr uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
  int code = 0;
  PCRE2_SIZE at = 0;
  code_->pcre.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(),
                                  kOptions, &code, &at, context.get()));
  if (!code_->pcre) {
    throw Error(ErrorKind::bad_data, fmt::format("invalid pattern \"{}\": {}",
                                                 base::escaped(pattern, 80), pcre_message(code)));
  }
  code_->jit = pcre2_jit_compile(code_->pcre.get(), PCRE2_JIT_COMPLETE) == 0;
}

void Regex::for_each_match(std::string_view text,
                           const std::function<void(TextRange)>& on_match) const {
  Code::Search search(*code_, text);
  size_t from = 0;
  std::optional<size_t> last_end;
  TextRange found;
  while (from <= text.size() && search.next(from, found)) {
    if (found.begin == found.end && last_end == found.end) {
      from += from < text.size() ? static_cast<size_t>(base::decode_utf8(text, from).length) : 1;
      continue;
    }
    on_match(found);
    from = found.end;
    last_end = found.end;
  }
}

}  // namespace nalar::tokenizer
