#include "prompt_flags.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <unistd.h>

namespace nalar::apps {
namespace {

constexpr size_t kMaxPromptBytes = size_t{64} << 20;
constexpr size_t kMaxTemplateBytes = size_t{1} << 20;

// What an editor or echo ends a text with is no part of it.
std::string without_last_line_end(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string read_text(const std::string& path) {
  std::string text = without_last_line_end(read_input(path, kMaxPromptBytes));
  if (text.empty()) {
    throw Error(ErrorKind::bad_data, "empty: need a prompt")
        .in_file(path == "-" ? "standard input" : path);
  }
  return text;
}

std::string text_or_file(const std::string& value) {
  return value.starts_with('@')
             ? without_last_line_end(read_input(value.substr(1), kMaxPromptBytes))
             : value;
}

Json template_variables(const std::vector<std::string>& arguments) {
  Json variables{Json::Object{}};
  for (const std::string& argument : arguments) {
    const size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error(ErrorKind::usage,
                  fmt::format("--template-arg: got \"{}\", need K=JSON", printable(argument, 60)));
    }
    try {
      variables.set(argument.substr(0, equals),
                    parse_json(std::string_view(argument).substr(equals + 1)));
    } catch (const Error& e) {
      throw Error(
          ErrorKind::usage,
          fmt::format("--template-arg {}: {}", printable(argument.substr(0, equals), 60), e.what()),
          "a text in double quotes inside the quotes of the shell: 'k=\"text\"'");
    }
  }
  return variables;
}

}  // namespace

void declare_prompt_flags(OptionSet& options, PromptFlags& flags) {
  options.group("Prompt");
  options.text({"-f,--file", "FILE", "the prompt from a file (- is the standard input)"},
               flags.file);
  options.command_line_only();
  options.text({"--system", "TEXT", "system prompt; @FILE reads it from a file"}, flags.system);
  options.flag(
      {"--raw", "", "complete the prompt as it is: no chat template; control tokens in it count"},
      flags.raw);
  options.text({"--template", "FILE", "a chat template (Jinja) in place of the model's own"},
               flags.template_file);
  options.texts({"--template-arg", "K=JSON",
                 "a variable of the template, as enable_thinking=false; repeatable"},
                flags.template_args);
  options.flag(
      {"--show-prompt", "", "write the prompt as the model would read it, text and ids, and end"},
      flags.show_prompt);
  options.command_line_only();
}

std::optional<std::string> read_prompt(const PromptFlags& flags) {
  if (flags.dash && *flags.dash != "-") {
    throw Error(ErrorKind::usage,
                fmt::format("unexpected argument \"{}\"", printable(*flags.dash, 60)),
                "a prompt of several words in quotes");
  }
  if (flags.file) {
    if (flags.prompt) throw Error(ErrorKind::usage, "PROMPT and --file exclude each other");
    return read_text(*flags.file);
  }
  if (!flags.prompt) {
    if (::isatty(STDIN_FILENO) == 1) return std::nullopt;
    return read_text("-");
  }
  if (*flags.prompt == "-") return read_text("-");
  if (flags.prompt->empty()) throw Error(ErrorKind::usage, "PROMPT is empty");
  if (!flags.dash) return *flags.prompt;
  return *flags.prompt + "\n\n" + read_text("-");
}

PromptMaker::PromptMaker(const PromptFlags& flags, const ModelFiles& files,
                         std::shared_ptr<const Tokenizer> tokenizer)
    : tokenizer_(std::move(tokenizer)) {
  const bool shaped = flags.system || flags.template_file || !flags.template_args.empty();
  if (flags.raw && shaped) {
    throw Error(ErrorKind::usage, "--raw excludes --system, --template and --template-arg");
  }
  if (flags.raw) return;
  if (flags.template_file) {
    const std::string source = read_input(*flags.template_file, kMaxTemplateBytes);
    try {
      template_.emplace(source, template_token_variables(files, tokenizer_.get()));
    } catch (const Error& e) {
      throw e.in_file(*flags.template_file);
    }
  } else {
    std::optional<ChatTemplate> own = open_chat_template(files, *tokenizer_);
    if (own) template_.emplace(std::move(*own));
  }
  if (!template_ && shaped) {
    throw Error(ErrorKind::usage,
                "--system and --template-arg need a chat template, and the model has none",
                "--template FILE");
  }
  render_.variables = template_variables(flags.template_args);
  if (flags.system) system_ = text_or_file(*flags.system);
}

std::vector<ChatMessage> PromptMaker::opening() const {
  if (!system_) return {};
  return {{"system", *system_}};
}

RenderedPrompt PromptMaker::chat(const std::vector<ChatMessage>& messages) const {
  const Prompt prompt = template_->render(messages, render_);
  return {prompt.text(), encode_prompt(prompt, *tokenizer_)};
}

RenderedPrompt PromptMaker::completion(const std::string& text) const {
  EncodeOptions as_written;
  as_written.add_special = true;
  as_written.parse_special = true;
  std::vector<TokenId> ids = tokenizer_->encode(text, as_written);
  // A text that spells its own beginning does not get a second one.
  const std::optional<TokenId> bos = tokenizer_->special().bos;
  if (tokenizer_->adds_bos() && bos && ids.size() >= 2 && ids[0] == *bos && ids[1] == *bos) {
    ids.erase(ids.begin());
  }
  return {text, std::move(ids)};
}

}  // namespace nalar::apps
