#include <nalar/error.h>

#include <string>

#include "data/data_file.h"
#include "data/encode_row.h"
#include "fuzz/fuzz.h"
#include "support/byte_tokenizer.h"

namespace nalar::fuzz {
namespace {

const ChatTemplate& chat() {
  static const ChatTemplate made(
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
      "{% for c in m.tool_calls %}{{ c|tojson }}{% endfor %}<|im_end|>\n{% endfor %}"
      "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
      Json::Object{});
  return made;
}

void encode(const Json& fields, bool templated) {
  static const test::ByteTokenizer tokenizer({"</s>", "<|im_start|>", "<|im_end|>"});
  const auto parsed = data::parse_row(fields, templated);
  const auto example =
      data::encode_row(parsed, {tokenizer, templated ? &chat() : nullptr, Learn::assistant});
  need(example.ids.size() == example.learned.size(), "every token is marked");
  need(!example.ids.empty() && example.learned[0] == 0, "nothing predicts the first token");
}

}  // namespace

// The first byte chooses the kind of file and whether there is a template.
void one(std::string_view input) {
  if (input.empty()) return;
  const auto choice = static_cast<unsigned char>(input[0]);
  const auto kind = static_cast<data::FileKind>(choice % 5);
  const bool counted = (choice & 0x40) != 0;
  const data::Columns columns(counted ? "prompt=1,completion=2" : "");
  const std::string_view text = data::text_of_file(input.substr(1), kind);
  int64_t line = 0;
  data::read_rows(text, kind, columns, [&](data::Row&& row) {
    need(row.line > line, "rows come in order");
    line = row.line;
    if (row.problem) return;
    try {
      encode(columns.rename(std::move(row.fields)), (choice & 0x80) != 0);
    } catch (const Error& e) {
      need(e.kind() == ErrorKind::bad_data, "a bad row is bad data");
    }
  });
}

}  // namespace nalar::fuzz
