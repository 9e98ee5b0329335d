#pragma once

#include <nalar/eval.h>

#include <memory>
#include <string>
#include <vector>

#include "eval/prompts.h"
#include "eval/rows.h"
#include "eval/task_file.h"

namespace nalar {

struct Task::Impl {
  TaskOptions options;
  eval::TaskFile file;
  eval::Rows data;
  eval::Rows fewshot;  // empty where the shots are the file's own or the items' rows
  int shots = 0;
  std::shared_ptr<const ChatTemplate> chat;
  std::vector<eval::Item> items;
};

}  // namespace nalar
