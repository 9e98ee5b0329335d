#include <fmt/format.h>
#include <nalar/error.h>

#include <algorithm>

#include "eval/shots.h"
#include "eval/task_impl.h"
#include "io/folder_file.h"

namespace nalar {
namespace {

using namespace eval;

// Errors of one row: "FILE: line L: …".
template <typename F>
auto in_row(const Rows& rows, const Row& row, const F& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", rows.place(row), error.what()), error.hint())
        .in_file(rows.path);
  }
}

Rows read_data(const std::optional<std::string>& given, const std::string& named,
               const TaskFile& file) {
  const std::string& path = given ? *given : named;
  return path.empty() ? Rows{} : read_rows(path, file.columns);
}

// Positions of choices that a table's cells spell.
void take_positions(const TaskFile& file, Rows& rows) {
  if (!file.doc_to_choice || rows.rows.empty()) return;
  for (const std::optional<Field>* field : {&file.doc_to_text, &file.doc_to_target}) {
    if (!*field) continue;
    if (const auto column = (*field)->column(rows.rows.front().fields)) {
      take_integers(*column, rows);
    }
  }
}

void check(const Task::Impl& task) {
  const auto fail = [&](const std::string& message, const char* hint) {
    throw Error(ErrorKind::usage, message, hint).in_file(task.file.path);
  };
  if (task.data.rows.empty()) fail("the task names no data", "--data FILE");
  const bool has_own = !task.file.fewshot_samples.rows.empty() || !task.fewshot.rows.empty();
  if (task.shots > 0 && task.file.other_fewshot_split && !has_own) {
    fail("the task takes its shots from rows that are not those of --data", "--fewshot-data FILE");
  }
}

const Rows& shot_rows(const Task::Impl& task) {
  if (!task.fewshot.rows.empty()) return task.fewshot;
  return task.file.fewshot_samples.rows.empty() ? task.data : task.file.fewshot_samples;
}

void make_items(Task::Impl& task) {
  const Rows& examples = shot_rows(task);
  // By content: the same file may be given twice.
  const bool own = examples.sha256 == task.data.sha256;
  ShotChooser chooser = io::in_file(examples.path, [&] {
    return ShotChooser({&examples.rows, own}, task.shots, task.file.first_n);
  });
  PromptMaker maker(task.file, examples, task.chat);
  const auto all = static_cast<int64_t>(task.data.rows.size());
  const int64_t n = task.options.limit > 0 ? std::min(task.options.limit, all) : all;
  for (int64_t i = 0; i < n; ++i) {
    const Row& row = task.data.rows[static_cast<size_t>(i)];
    task.items.push_back(
        in_row(task.data, row, [&] { return maker.make(row, chooser.next(row.fields)); }));
  }
}

}  // namespace

Task::Task(const TaskOptions& options, std::shared_ptr<const ChatTemplate> chat) {
  auto task = std::make_unique<Impl>();
  task->options = options;
  task->chat = std::move(chat);
  task->file = read_task_file(options.task);
  task->shots = options.shots.value_or(task->file.num_fewshot);
  task->data = read_data(options.data, task->file.data, task->file);
  task->fewshot = read_data(options.fewshot_data, task->file.fewshot_data, task->file);
  check(*task);
  take_positions(task->file, task->data);
  take_positions(task->file, task->fewshot);
  make_items(*task);
  impl_ = std::move(task);
}

Task::~Task() = default;
Task::Task(Task&&) noexcept = default;

const std::string& Task::name() const { return impl_->file.name; }
int64_t Task::size() const { return static_cast<int64_t>(impl_->items.size()); }
int Task::shots() const { return impl_->shots; }
const Json& Task::config() const { return impl_->file.source; }

Json Task::settings() const {
  const TaskFile& file = impl_->file;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json() : Json(text);
  };
  return Json::Object{{"task", file.name},
                      {"version", file.version},
                      {"output_type", eval::name(file.output_type)},
                      {"shots", impl_->shots},
                      {"sampler", file.first_n ? "first_n" : "default"},
                      {"limit", impl_->options.limit > 0 ? Json(impl_->options.limit) : Json()},
                      {"rows", static_cast<int64_t>(impl_->data.rows.size())},
                      {"items", size()},
                      {"task_sha256", file.sha256},
                      {"data_sha256", impl_->data.sha256},
                      {"fewshot_data_sha256", text_or_null(impl_->fewshot.sha256)},
                      {"chat_template_sha256", impl_->chat ? Json(impl_->chat->hash()) : Json()}};
}

}  // namespace nalar
