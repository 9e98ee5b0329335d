#include "eval_state.h"

#include "support/catch.h"

namespace nalar::apps {

TEST_CASE("the status line of an evaluation fits its columns") {
  const EvalEvent event{"arc_easy", 50, 200};
  CHECK(status_text(event, 65.2, 60) ==
        "arc_easy: 50/200 [=====>                 ]  1 min 05 s left");
  CHECK(status_text(event, 65.2, 40) == "arc_easy: 50/200  1 min 05 s left");
  CHECK(status_text(event, 65.2, 30) == "arc_easy: 50/200");
  CHECK(status_text(event, 65.2, 10) == "arc_easy: 50/200");
  CHECK(status_text(event, -1, 40) == "arc_easy: 50/200 [=====>              ]");
  for (int columns = 18; columns < 200; ++columns) {
    CHECK(static_cast<int>(status_text(event, 65.2, columns).size()) < columns);
  }
}

}  // namespace nalar::apps
