#pragma once

#include <nalar/eval.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "eval/logit_stream.h"
#include "eval/statistics.h"
#include "eval/text_windows.h"

namespace nalar::eval {

// A text, cut into the windows of a convention for one tokenizer.
struct WindowedText {
  // Errors: those of TextWindows; bad_data where it is no UTF-8 text; usage when the tokenizer has
  // neither BOS nor EOS where one is needed.
  WindowedText(std::string_view text, const TextOptions& options, const Subject& subject);
  WindowedText(const WindowedText&) = delete;
  WindowedText& operator=(const WindowedText&) = delete;

  TextOptions options;
  std::vector<TokenId> ids;
  TextWindows windows;
};

// Calls visit(j, logits [V]) for the j-th target of a window, on several threads at once.
void forward_window(LogitStream& stream, const SequenceOptions& sequence, const Window& window,
                    const LogitStream::Visit& visit);

// What is added up over a text, and how a result comes of it.
struct TextSums {
  Moments nll;
  int64_t windows = 0;
  int64_t scored_bytes = 0;

  // Errors: bad_data for logits that are no numbers.
  void add(std::span<const double> logprobs, const Window& window, const Tokenizer& tokenizer);
  TextResult result(std::string_view text, const WindowedText& windowed) const;
};

// What splitting at white space gives: one more than there are runs of it.
int64_t count_words(std::string_view text);

// Tells on_event; throws Error(try_again) when it says stop, after `save`.
void report_progress(const EvalControl& control, const EvalEvent& event,
                     const std::function<Json()>& state = {});

}  // namespace nalar::eval
