#include "chat.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <nalar/json.h>
#include <unistd.h>

#include <csignal>

#include "answer_json.h"

namespace nalar::apps {
namespace {

constexpr std::string_view kBlock = "\"\"\"";
constexpr const char* kHelp[] = {
    "/reset          forget the conversation",
    "/system TEXT    forget it and set the system prompt; without TEXT: none",
    "/save FILE      write the conversation to a new file, one row of training data",
    "/quit           end (or Ctrl-D)",
    "\"\"\"             begins a message of several lines; it ends with \"\"\" again",
    "Ctrl-C          stops an answer; twice ends",
};

volatile std::sig_atomic_t interrupts = 0;

void on_interrupt(int) {
  interrupts = interrupts + 1;
  if (interrupts < 2) return;
  std::signal(SIGINT, SIG_DFL);
  std::raise(SIGINT);
}

// While it lives, SIGINT is counted; the second ends the process.
class InterruptCounter {
 public:
  InterruptCounter() {
    interrupts = 0;
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, &previous_);
  }
  ~InterruptCounter() { ::sigaction(SIGINT, &previous_, nullptr); }
  InterruptCounter(const InterruptCounter&) = delete;
  InterruptCounter& operator=(const InterruptCounter&) = delete;
  bool any() const { return interrupts > 0; }

 private:
  struct sigaction previous_ {};
};

[[noreturn]] void end_by_interrupt() {
  std::signal(SIGINT, SIG_DFL);
  std::raise(SIGINT);
  ::_exit(128 + SIGINT);
}

void tell(const Error& error) {
  Messages::error(error.what());
  if (!error.hint().empty()) Messages::line("  try: " + error.hint());
}

}  // namespace

std::vector<ChatMessage> with_user(std::vector<ChatMessage> messages, std::string text) {
  messages.push_back({"user", std::move(text)});
  return messages;
}

void check_chat(const PromptMaker& maker, const CommonFlags& common, const Output& out) {
  const char* const give = "PROMPT, --file FILE, or text on the standard input";
  if (common.json) throw Error(ErrorKind::usage, "--json needs a prompt", give);
  if (!out.is_terminal()) {
    throw Error(ErrorKind::usage, "no prompt, and a chat needs the standard output on a terminal",
                give);
  }
  if (maker.raw()) {
    throw Error(ErrorKind::usage,
                "no prompt, and a chat needs a chat template: the model has none or --raw is set",
                "a PROMPT to complete, or --template FILE");
  }
}

Chat::Chat(Generator& generator, const PromptMaker& maker, const GenerateOptions& options,
           Streams& streams, std::optional<std::string> history_file)
    : generator_(generator),
      maker_(maker),
      options_(options),
      streams_(streams),
      editor_(std::move(history_file)),
      messages_(maker.opening()) {}

void Chat::run(const std::string& title) {
  if (!streams_.log.quiet) {
    Messages::line(title);
    Messages::line("/help tells what can be typed here.");
  }
  while (const std::optional<std::string> message = read_message()) {
    if (message->empty()) continue;
    if (message->starts_with('/')) {
      if (!command(*message)) return;
    } else {
      answer(*message);
    }
  }
}

std::optional<std::string> Chat::read_line(const char* prompt) {
  for (;;) {
    std::string line;
    switch (editor_.read(prompt, line)) {
      case LineEditor::Outcome::end:
        Messages::line("");
        return std::nullopt;
      case LineEditor::Outcome::interrupt:
        interrupted(line.empty());
        break;
      case LineEditor::Outcome::line:
        one_interrupt_ = false;
        return line;
    }
  }
}

void Chat::interrupted(bool line_was_empty) {
  Messages::line("^C");
  if (one_interrupt_ && line_was_empty) end_by_interrupt();
  one_interrupt_ = true;
  if (line_was_empty) streams_.log.note("Ctrl-C again ends");
}

std::optional<std::string> Chat::read_message() {
  std::optional<std::string> line = read_line("> ");
  if (!line || !line->starts_with(kBlock)) {
    if (line) editor_.remember(*line);
    return line;
  }
  std::string text = line->substr(kBlock.size());
  while (!text.ends_with(kBlock)) {
    const std::optional<std::string> more = read_line("| ");
    if (!more) return std::nullopt;
    text += text.empty() ? *more : "\n" + *more;
  }
  text.resize(text.size() - kBlock.size());
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

bool Chat::command(const std::string& line) {
  const size_t space = line.find(' ');
  const std::string word = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (word == "/quit" || word == "/exit" || word == "/bye") return false;
  if (word == "/help") {
    for (const char* text : kHelp) Messages::line(text);
  } else if (word == "/reset") {
    messages_ = maker_.opening();
    generator_.reset();
    streams_.log.note("forgotten");
  } else if (word == "/system") {
    set_system(rest);
  } else if (word == "/save") {
    save(rest);
  } else {
    Messages::error(fmt::format("no such command: {} (/help lists them)", printable(word)));
  }
  return true;
}

void Chat::set_system(const std::string& text) {
  messages_.clear();
  if (!text.empty()) messages_.push_back({"system", text});
  generator_.reset();
  streams_.log.note(text.empty() ? "no system prompt; a new conversation"
                                 : "a new conversation with this system prompt");
}

void Chat::save(const std::string& path) {
  if (path.empty()) return Messages::error("/save needs the name of a new file");
  Json::Array rows;
  for (const ChatMessage& m : messages_) {
    rows.push_back(Json::Object{{"role", m.role}, {"content", m.content}});
  }
  try {
    write_new_file(path, to_text(Json::Object{{"messages", std::move(rows)}}) + "\n");
    streams_.log.note(fmt::format("saved {} messages", messages_.size()));
  } catch (const Error& e) {
    tell(e);
  }
}

void Chat::answer(const std::string& text) {
  std::vector<ChatMessage> asked = with_user(messages_, text);
  try {
    const InterruptCounter counter;
    Output& out = streams_.out;
    const RenderedPrompt prompt = maker_.chat(asked);
    const GenerateResult result =
        generator_.generate(prompt.ids, options_, [&](const TokenEvent& event) {
          out.write(event.text);
          out.flush();
          return !counter.any();
        });
    out.end_text();
    one_interrupt_ = counter.any();
    asked.push_back({"assistant", result.text});
    messages_ = std::move(asked);
    streams_.log.detail(timing_line(result, 0));
  } catch (const Error& e) {
    // A message that does not fit, or that the template refuses, is the person's to put right.
    if (e.kind() != ErrorKind::usage && e.kind() != ErrorKind::bad_data) throw;
    tell(e);
  }
}

}  // namespace nalar::apps
