#pragma once

#include <nalar/export.h>
#include <nalar/json.h>
#include <nalar/model_files.h>
#include <nalar/tokenizer.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nalar {

// A rendered prompt: text in spans that know where they came from. Only text that a template wrote
// may become control tokens; a message's text never does.
struct PromptSpan {
  std::string text;
  // Written by the template, or one of its token variables, or made by it from numbers. Everything
  // that came in by the caller's variables is not, and neither is JSON with any of it inside; but a
  // message's role that is one of system, user, assistant, tool, developer is.
  bool from_template = false;
  bool generation = false;  // inside {% generation %} … {% endgeneration %}
};

struct Prompt {
  std::vector<PromptSpan> spans;
  NALAR_API std::string text() const;
};

struct ChatMessage {
  std::string role;
  std::string content;
};

struct RenderOptions {
  bool add_generation_prompt = true;
  // Further variables of the template (an object): tools, enable_thinking, …
  Json variables;
};

struct TemplateLimits {
  int64_t max_steps = 1'000'000;
  int64_t max_output_bytes = int64_t{16} << 20;
  int max_depth = 128;
  size_t max_source_bytes = size_t{1} << 20;
};

// A chat template: Jinja2 as Hugging Face's tokenizers run it (immutable sandbox, trim_blocks and
// lstrip_blocks on, break and continue, {% generation %}, tojson, raise_exception, strftime_now).
// Left out, each an error: include, import and extends; autoescape; the filters pprint, random,
// striptags and urlize; integers beyond 64 bits. Immutable, thread-safe.
class NALAR_API ChatTemplate {
 public:
  // bos_token, eos_token … are the variables every render gets. Errors: bad_data "LINE:COLUMN: …".
  ChatTemplate(std::string source, Json token_variables, const TemplateLimits& limits = {});
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;

  // The clock of strftime_now stands at this instant from now on, seconds since 1970, told in UTC:
  // what a template writes is the same on every day. To be set before the template is shared.
  void set_clock(int64_t seconds);

  const std::string& source() const;
  // SHA-256 of the source, hexadecimal.
  std::string hash() const;
  // `variables`: an object with every variable of the template (messages, add_generation_prompt,
  // …). Errors: bad_data: "LINE:COLUMN: …" for an undefined operation or a limit; "template
  // refused: …" with what raise_exception said. The clock is the local time, or SOURCE_DATE_EPOCH
  // in UTC.
  Prompt render(const Json& variables) const;
  // As transformers' apply_chat_template: tools and documents are none unless options give them.
  Prompt render(const std::vector<ChatMessage>& messages, const RenderOptions& options) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The model's own template: chat_template.jinja, chat_template.json, tokenizer_config.json's
// chat_template ("default" of a list), or GGUF tokenizer.chat_template. nullopt when there is none.
// Its token variables (bos_token …) are those of tokenizer_config.json or special_tokens_map.json;
// without these files, the tokenizer's. Errors: bad_data with the file's name.
NALAR_API std::optional<ChatTemplate> open_chat_template(const ModelFiles& files,
                                                         const Tokenizer& tokenizer);
// The same where no tokenizer is at hand.
NALAR_API std::optional<ChatTemplate> open_chat_template(const ModelFiles& files);
// Token variables alone, for a template that comes from elsewhere.
NALAR_API Json template_token_variables(const ModelFiles& files, const Tokenizer* tokenizer);

// The ids of a rendered prompt, without added specials: as the whole text would be encoded, but for
// control tokens, which are made only of spellings that lie wholly in text of the template.
NALAR_API std::vector<TokenId> encode_prompt(const Prompt& prompt, const Tokenizer& tokenizer);

}  // namespace nalar
