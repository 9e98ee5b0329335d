#include "line_editor.h"

#include <histedit.h>
#include <nalar/error.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace nalar::apps {
namespace {

constexpr int kHistoryLines = 1000;

// libedit measures and edits characters in the locale of its thread. Text here is UTF-8 whatever
// the user's locale is, and nothing else in the program is to see a locale.
class Utf8Locale {
 public:
  Utf8Locale() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) previous_ = ::uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(previous_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
  locale_t previous_{};
};

}  // namespace

struct LineEditor::Impl {
  EditLine* edit = nullptr;
  History* history = nullptr;
  std::optional<std::string> history_file;
  const char* prompt = "";
  bool interrupted = false;
  std::string dropped;

  static Impl& of(EditLine* edit) {
    void* self = nullptr;
    ::el_get(edit, EL_CLIENTDATA, &self);
    return *static_cast<Impl*>(self);
  }
  static char* show_prompt(EditLine* edit) { return const_cast<char*>(of(edit).prompt); }
  static unsigned char on_interrupt(EditLine* edit, int) {
    Impl& self = of(edit);
    const LineInfo* const line = ::el_line(edit);
    self.dropped.assign(line->buffer, line->lastchar);
    self.interrupted = true;
    return CC_EOF;
  }
  // The signals of keys are off while a line is read, so that Ctrl-C is one; this one is still
  // wanted.
  static unsigned char on_stop(EditLine*, int) {
    std::raise(SIGTSTP);
    return CC_REFRESH;
  }
  void open();
  void open_history();
  void save_history();
  ~Impl() {
    if (edit != nullptr) ::el_end(edit);
    if (history != nullptr) ::history_end(history);
  }
};

void LineEditor::Impl::open() {
  edit = ::el_init("nalar", stdin, stdout, stderr);
  history = ::history_init();
  if (edit == nullptr || history == nullptr) throw Error(ErrorKind::os, "libedit: cannot start");
  HistEvent event;
  ::history(history, &event, H_SETSIZE, kHistoryLines);
  ::history(history, &event, H_SETUNIQUE, 1);
  if (history_file) open_history();
  ::el_set(edit, EL_CLIENTDATA, this);
  ::el_set(edit, EL_PROMPT, &show_prompt);
  ::el_set(edit, EL_EDITOR, "emacs");
  ::el_set(edit, EL_HIST, &::history, history);
  // Signals from outside leave the terminal as it was; Ctrl-C is a key while a line is read.
  ::el_set(edit, EL_SIGNAL, 1);
  ::el_set(edit, EL_SETTY, "-d", "-isig", nullptr);
  ::el_set(edit, EL_ADDFN, "nalar-interrupt", "drop the line", &on_interrupt);
  ::el_set(edit, EL_BIND, "^C", "nalar-interrupt", nullptr);
  ::el_set(edit, EL_ADDFN, "nalar-stop", "stop the process", &on_stop);
  ::el_set(edit, EL_BIND, "^Z", "nalar-stop", nullptr);
  ::el_set(edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

void LineEditor::Impl::open_history() {
  HistEvent event;
  const char* const path = history_file->c_str();
  if (::access(path, F_OK) == 0 && ::history(history, &event, H_LOAD, path) < 0) {
    throw Error(ErrorKind::bad_data, "not a history file").in_file(*history_file);
  }
  save_history();
}

void LineEditor::Impl::save_history() {
  HistEvent event;
  if (::history(history, &event, H_SAVE, history_file->c_str()) < 0) {
    throw Error(ErrorKind::cannot_create, std::strerror(errno)).in_file(*history_file);
  }
}

LineEditor::LineEditor(std::optional<std::string> history_file) : impl_(std::make_unique<Impl>()) {
  const Utf8Locale utf8;
  impl_->history_file = std::move(history_file);
  impl_->open();
}

LineEditor::~LineEditor() = default;

LineEditor::Outcome LineEditor::read(const char* prompt, std::string& line) {
  const Utf8Locale utf8;
  impl_->prompt = prompt;
  impl_->interrupted = false;
  int length = 0;
  const char* const text = ::el_gets(impl_->edit, &length);
  if (impl_->interrupted) {
    line = impl_->dropped;
    return Outcome::interrupt;
  }
  if (text == nullptr || length <= 0) return Outcome::end;
  // length counts wide characters in some versions; the text ends with a zero.
  line = text;
  while (line.ends_with('\n') || line.ends_with('\r')) line.pop_back();
  return Outcome::line;
}

void LineEditor::remember(const std::string& line) {
  if (line.empty()) return;
  const Utf8Locale utf8;
  HistEvent event;
  ::history(impl_->history, &event, H_ENTER, line.c_str());
  if (impl_->history_file) impl_->save_history();
}

}  // namespace nalar::apps
