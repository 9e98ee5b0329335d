#pragma once

#include <nalar/finetune.h>
#include <nalar/json.h>

#include <string>

#include "messages.h"
#include "progress_text.h"

namespace nalar::apps {

// "12/200 [==>      ] loss 2.184  251 tokens/s  1 min 05 s left  612 MB" in `columns`; what has no
// room is left out from the end, the bar first.
std::string status_text(const FinetuneEvent& event, int columns);
// A line of the same for a log: "update 12/200: loss 2.184, …".
std::string update_text(const FinetuneEvent& event);

// Shows a training run to a person: on a terminal a status line, elsewhere a line now and then.
class FinetuneDisplay {
 public:
  // `over`: the terminal can write over a line.
  FinetuneDisplay(const Messages& log, bool over, int columns)
      : log_(log), over_(over && !log.quiet), columns_(columns) {}
  ~FinetuneDisplay() { Messages::status(""); }
  FinetuneDisplay(const FinetuneDisplay&) = delete;
  FinetuneDisplay& operator=(const FinetuneDisplay&) = delete;

  void show(const FinetuneEvent& event);

 private:
  void update(const FinetuneEvent& event);

  const Messages& log_;
  bool over_;
  int columns_;
  double next_line_ = 0;  // seconds of the run
};

// The result of nalar finetune.
Json result_json(const FinetuneResult& result);
std::string result_text(const FinetuneResult& result);

}  // namespace nalar::apps
