#include "convert/tokenizer_probe.h"

#include <fmt/format.h>
#include <nalar/error.h>

#include "base/utf8.h"

namespace nalar::convert {
namespace {

constexpr std::string_view kProbes[] = {
    "a",
    "The quick brown fox jumps over 13 lazy dogs, doesn't it? I'LL say WE'VE seen 1234567 of 'em.",
    "int main(void) {\n\treturn 0x1F + a_b[i] * 3.14e-10;  // why?\n}\n\n\n   \t  end",
    "  two  spaces,   three    four and a trailing one ",
    "Größe, naïve café, Ελληνικά, Русский язык, עברית, العربية ١٢٣, हिन्दी, ไทย, 한국어, "
    "日本語のテキスト, 中文字符。",
    "e\u0301 vs \u00e9, \ufb01ne, \u2460\u2461, \u00bd\u00b2, \U0001f600\U0001f468\u200d\U0001f469,"
    " \u00a0nbsp\u2003em\r\nCRLF\rCR",
    "<html><a href=\"x\">$1,000.00</a></html> #hash @at %x ~~ `q` {\"k\": [1, 22, 333]}",
};

}  // namespace

void need_same_ids(const Tokenizer& source, const Tokenizer& result, std::string_view form) {
  for (const std::string_view probe : kProbes) {
    for (const bool add : {false, true}) {
      EncodeOptions options;
      options.add_special = add;
      if (source.encode(probe, options) == result.encode(probe, options)) continue;
      throw Error(ErrorKind::bad_data,
                  fmt::format("the tokenizer cannot be said in {}: the ids of \"{}\" would differ",
                              form, base::escaped(probe, 60)));
    }
  }
}

}  // namespace nalar::convert
