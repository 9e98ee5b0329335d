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

}  // namespace nalar::apps
