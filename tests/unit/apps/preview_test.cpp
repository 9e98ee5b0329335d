#include "preview.h"

#include "support/catch.h"

namespace nalar::apps {
namespace {

PreviewRow row() {
  return {"chats.jsonl: line 3",
          false,
          {{1, "<user>", true, false},
           {5, "Where?", false, false},
           {6, "He", false, true},
           {7, "re\x1b[2J", false, true},
           {2, "<end>", true, true},
           {8, "\n", false, false}}};
}

}  // namespace

TEST_CASE("what is learned is marked, in one piece") {
  CHECK(marked_text(row(), {"[", "]"}, false) == "<user>Where?[Here\x1b[2J<end>]\n");
  CHECK(marked_text({}, {"[", "]"}, false).empty());
}

TEST_CASE("on a terminal control sequences of the data are shown") {
  CHECK(marked_text(row(), {"[", "]"}, true) == "<user>Where?[Here\\x1b[2J<end>]\n");
}

TEST_CASE("a row as JSON") {
  const Json json = preview_json(row());
  CHECK(json.find("place")->as_string() == "chats.jsonl: line 3");
  CHECK(json.find("text")->as_string() == "<user>Where?Here\x1b[2J<end>\n");
  CHECK(json.find("tokens")->as_int64() == 6);
  CHECK(json.find("label_tokens")->as_int64() == 3);
  CHECK(to_text(*json.find("ids")) == "[1,5,6,7,2,8]");
  CHECK(to_text(*json.find("learned")) == "[false,false,true,true,true,false]");
}

TEST_CASE("a data set in a line") {
  DatasetReport r;
  r.rows = 3;
  r.tokens = 100;
  r.learned = 25;
  r.shortest = 10;
  r.median = 30;
  r.longest = 60;
  CHECK(dataset_text(r) ==
        "3 rows, 100 tokens, of them 25 learned (25.0 %); a row has 10 to 60 tokens, median 30");
  r.truncated = 2;
  r.bad.push_back({"x", "y"});
  CHECK(dataset_text(r).ends_with("; 2 truncated; 1 bad"));
  CHECK(dataset_text({}).starts_with("0 rows, 0 tokens, of them 0 learned (0.0 %)"));
}

}  // namespace nalar::apps
