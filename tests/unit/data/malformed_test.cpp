// Files and rows that are wrong, and those that are only written otherwise.
#include <map>

#include "data_set.h"
#include "support/catch.h"

namespace nalar {
namespace {

using test::data_error;
using test::marked;
using test::open_data;

std::string lines(const std::vector<std::string>& rows, const std::string& end, bool last_end) {
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    text += rows[i];
    if (i + 1 < rows.size() || last_end) text += end;
  }
  return text;
}

TEST_CASE("byte order mark, CR LF, blank lines, no final new line: the same ids") {
  const std::map<std::string, std::vector<std::string>> files = {
      {".jsonl",
       {R"({"prompt": "a", "completion": "b\nc"})", "", R"({"text": "x y"})", R"({"text": "z"})"}},
      {".json", {"[", R"({"prompt": "a", "completion": "b"},)", "", R"({"text": "x y"})", "]"}},
      {".csv", {"prompt,completion", R"(a,"b)", R"(""c"", d")", "", "é,f"}},
      {".tsv", {"prompt\tcompletion", "a\tb", "", "c d\te"}},
      {".txt", {"first", "", "second", "third"}}};
  for (const auto& [suffix, rows] : files) {
    INFO(suffix);
    const auto clean = open_data(suffix, lines(rows, "\n", suffix != ".txt"));
    for (const std::string bom : {"", "\xEF\xBB\xBF"}) {
      for (const std::string end : {"\n", "\r\n"}) {
        for (const bool last : {true, false}) {
          if (suffix == ".txt" && last) continue;
          const auto other = open_data(suffix, bom + lines(rows, end, last));
          REQUIRE(other->examples().size() == clean->examples().size());
          for (size_t i = 0; i < clean->examples().size(); ++i) {
            CHECK(other->examples()[i].ids == clean->examples()[i].ids);
            CHECK(other->examples()[i].learned == clean->examples()[i].learned);
            CHECK(other->examples()[i].line == clean->examples()[i].line);
          }
        }
      }
    }
  }
}

TEST_CASE("files that hold no text") {
  for (const char* suffix : {".jsonl", ".json", ".csv", ".tsv", ".txt"}) {
    INFO(suffix);
    CHECK(data_error(suffix, "") == "no examples: the file is empty");
    CHECK(data_error(suffix, "\n \r\n\t\n") == "no examples: the file is empty");
    const std::string utf16 = "not UTF-8 text: this looks like UTF-16";
    CHECK(data_error(suffix, std::string_view("\xFF\xFE{\0\"\0", 6)) == utf16);
    CHECK(data_error(suffix, std::string_view("{\0\"\0a\0\"\0:\0", 10)) == utf16);
    CHECK(data_error(suffix, "\x1F\x8B\x08...") == "not UTF-8 text: this is gzip-compressed");
    CHECK(data_error(suffix, "PAR1....") == "not UTF-8 text: this is a Parquet file");
    CHECK(data_error(suffix, "GGUF....") == "not UTF-8 text: this is a model file");
  }
  CHECK(data_error(".csv", "prompt,completion\n") == "no examples");
  CHECK(data_error(".json", "[]") == "no examples");
  CHECK(data_error(".parquet", "PAR1") ==
        "no data set: need a .jsonl, .json, .csv, .tsv or .txt file");
  CHECK(data_error(".txt", "ab\xFF") == "not UTF-8 text: got 0xff (at byte 2)");
}

TEST_CASE("lines that are no JSON") {
  const std::map<std::string, std::string> bad = {
      {"{\"text\": \"a\xFF\"}", "line 2: JSON error (at column"},
      {R"({"text": "\ud800"})", "line 2: JSON error (at column"},
      {std::string("{\"text\": \"a\0b\"}", 15), "line 2: JSON error (at column"},
      {R"({"text": "a\u0000b"})", "line 2: field text: has a NUL character"},
      {R"({"text": "ab)", "line 2: JSON error (at column"},
      {R"({"text": "a", "text": "b"})", "line 2: JSON error (at column"},
      {"[1, 2]", "line 2: got array, need an object"},
      {"3", "line 2: got integer, need an object"},
      {std::string(100'000, '['), "line 2: JSON error (at column"},
      {R"({"text": "a"} {"text": "b"})", "line 2: JSON error (at column"}};
  for (const auto& [row, message] : bad) {
    INFO(row.substr(0, 60));
    const std::string file = "{\"text\": \"good\"}\n" + row + "\n{\"text\": \"fine\"}\n";
    CHECK_THAT(data_error(".jsonl", file), Catch::StartsWith(message));
    DatasetOptions options;
    options.skip_bad = true;
    const auto data = open_data(".jsonl", file, options);
    CHECK(data->report().rows == 2);
    REQUIRE(data->report().bad.size() == 1);
    CHECK_THAT(data->report().bad[0].place, Catch::EndsWith(".jsonl: line 2"));
    CHECK("line 2: " + data->report().bad[0].problem == data_error(".jsonl", file));
  }
}

TEST_CASE("a line beyond the limit is told, not parsed") {
  const std::string file = "{\"text\": \"" + std::string((size_t{64} << 20) + 1, 'a') + "\"}";
  CHECK_THAT(data_error(".jsonl", file), Catch::StartsWith("line 1: JSON too large"));
}

TEST_CASE("rows whose fields are wrong") {
  const std::map<std::string, std::string> bad = {
      {R"({"a": 1, "b": 2})", "no known format: has a, b"},
      {"{}", "no known format: has no fields"},
      {R"({"prompt": "a"})", "field completion: not there beside prompt, has prompt"},
      {R"({"prompt": "a", "completion": null})",
       "field completion: not there beside prompt, has prompt, completion"},
      {R"({"completion": "a"})", "field prompt: not there beside completion, has completion"},
      {R"({"instruction": "a"})", "field output: not there beside instruction, has instruction"},
      {R"({"prompt": "a", "completion": 3})", "field completion: got integer, need a string"},
      {R"({"prompt": "a", "completion": ""})", "field completion: is empty"},
      {R"({"text": ""})", "field text: is empty"},
      {R"({"text": ["a"]})", "field text: got array, need a string"},
      {R"({"instruction": 1, "output": "a"})", "field instruction: got integer, need a string"},
      {R"({"instruction": "a", "output": "b", "history": [["a"]]})",
       "field history: need a list of pairs of question and answer"},
      {R"({"messages": "a"})", "field messages: got string, need a list of messages"},
      {R"({"messages": []})", "field messages: is empty"},
      {R"({"messages": ["a"]})", "field messages[0]: got string, need an object"},
      {R"({"messages": [{"content": "a"}]})", "field messages[0].role: not there"},
      {R"({"messages": [{"role": "user"}]})", "field messages[0].content: not there"},
      {R"({"messages": [{"role": "user", "content": 3}]})",
       "field messages[0].content: got integer, need a string"},
      {R"({"messages": [{"role": "user", "content": [{"type": "image"}]}]})",
       "field messages[0].content: need text, or a list of parts of type text"},
      {R"({"messages": [{"role": "gpt", "content": "a"}]})",
       "field messages[0].role: unknown role \"gpt\": need one of system, user, assistant, tool, "
       "developer"},
      {R"({"messages": [{"role": "user", "content": " "}, {"role": "assistant", "content": ""}]})",
       "field messages: every turn is empty"},
      {R"({"messages": [{"role": "user", "content": "a", "weight": 0.5}]})",
       "field messages[0].weight: need 0 or 1"},
      {R"({"messages": [{"role": "user", "content": "a"}], "tools": 3})",
       "field tools: need a list"},
      {R"({"conversations": [{"from": "human"}]})", "field conversations[0].value: not there"},
      {R"({"conversations": [{"from": "bot", "value": "a"}]})",
       "field conversations[0].from: unknown role \"bot\": need human, gpt, system, observation or "
       "function_call"},
      {R"({"conversations": [{"from": "function_call", "value": "[{}]"}]})",
       "field conversations[0].value: a function_call needs name and arguments"},
      {R"({"prompt": "a", "chosen": "b", "rejected": "c"})",
       "field chosen: preference rows are for objectives that are not there yet"},
      {R"({"input_ids": []})", "field input_ids: is empty"},
      {R"({"input_ids": 3})", "field input_ids: got integer, need a list"},
      {R"({"input_ids": [1.5]})", "field input_ids: got 1.5, need a token's id"},
      {R"({"input_ids": [1, 259]})", "field input_ids: id out of range: got 259, need 0 to 258"},
      {R"({"input_ids": [1, -1]})", "field input_ids: id out of range: got -1, need 0 to 258"},
      {R"({"input_ids": [99999999999]})", "field input_ids: got 99999999999, need a token's id"},
      {R"({"input_ids": [1, 2], "labels": [1]})", "field labels: got 1, need 2 as in input_ids"},
      {R"({"input_ids": [1, 2], "labels": [-100, 3]})",
       "field labels: got 3 at 1, need 2 as in input_ids, or -100"}};
  for (const auto& [row, message] : bad) {
    INFO(row);
    CHECK(data_error(".jsonl", "\n" + row) == "line 2: " + message);
    CHECK(data_error(".json", "[{\"text\": \"a\"}, " + row + "]") == "row 2: " + message);
  }
}

TEST_CASE("nothing to train on") {
  const auto starts = Catch::StartsWith("nothing to train on: of 2 rows ");
  CHECK_THAT(data_error(".jsonl",
                        "{\"input_ids\": [1, 2], \"labels\": [-100, -100]}\n"
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}]}"),
             starts);
  DatasetOptions options;
  options.max_length = 3;
  CHECK_THAT(data_error(".csv", "prompt,completion\nabc,d\nabcd,e\n", options), starts);
  options.on_long = OnLong::drop;
  CHECK_THAT(data_error(".csv", "prompt,completion\nabc,d\nabcd,e\n", options), starts);
  options.skip_bad = true;
  CHECK_THAT(data_error(".jsonl", "1\n2\n", options), starts);
}

TEST_CASE("a row of messages needs a template") {
  DatasetOptions options;
  options.paths = {
      test::write_data(".jsonl", R"({"messages": [{"role": "user", "content": "Q"}]})")};
  CHECK_THAT(
      test::error_of([&] { open_dataset(options, test::byte_tokenizer(), nullptr); }),
      Catch::EndsWith(": line 1: a row of messages needs a chat template, the model has none"));
}

TEST_CASE("arrays of rows that are cut wrong") {
  const std::map<std::string, std::string> bad = {
      {R"([{"text": "a"}, {"text": "b")",
       "JSON error (at line 1, column 29): unexpected end of the text"},
      {R"([{"text": "a"})", "JSON error (at line 1, column 15): need ','"},
      {R"([{"text": "a"} {"text": "b"}])", "JSON error (at line 1, column 16): need ','"},
      {R"([{"text": "a"},])", "JSON error (at line 1, column 16): need a value"},
      {R"([{"text": "a"}] x)", "JSON error (at line 1, column 17): text after the last row"},
      {R"("a")", "JSON error (at line 1, column 1): need an array of rows"},
      {R"([{"text": "a]})", "JSON error (at line 1, column 15): a string does not end"}};
  for (const auto& [text, message] : bad) {
    INFO(text);
    CHECK(data_error(".json", text) == message);
  }
  CHECK_THAT(data_error(".json", R"([{"text": "a"}, {"text" "b"}])"),
             Catch::StartsWith("row 2: JSON error"));
}

TEST_CASE("JSON files of other shapes") {
  const auto texts = [](const std::string& content) {
    std::string all;
    const auto data = open_data(".json", content);
    for (const auto& row : data->examples()) all += marked(row);
    return all;
  };
  CHECK(texts(R"({"data": [{"text": "ab"}, {"text": "cd"}]})") == "a[b</s>]c[d</s>]");
  CHECK(texts(R"({"text": "ab"})") == "a[b</s>]");
  CHECK(texts("{\"text\": \"ab\"}\n{\"text\": \"cd\"}\n") == "a[b</s>]c[d</s>]");
  CHECK(texts(R"([ {"text" : "a,]\"}b"} , {"text":"cd"} ] )") == "a[,]\"}b</s>]c[d</s>]");
  CHECK(texts(R"({"messages": [{"role": "assistant", "content": "A"}]})") ==
        "<|im_start|>assistant\n[A<|im_end|>]\n");
}

TEST_CASE("tables") {
  const auto completions = [](const std::string& suffix, const std::string& rows) {
    std::string all;
    const auto data = open_data(suffix, rows);
    for (const auto& row : data->examples()) {
      for (size_t i = 0; i < row.ids.size(); ++i) {
        if (row.learned[i] != 0) all += test::byte_tokenizer().piece(row.ids[i]);
      }
    }
    return all;
  };
  CHECK(completions(".csv", "prompt,completion\na,\"b, \"\"c\"\"\nd\"\n") == "b, \"c\"\nd</s>");
  CHECK(completions(".csv", "id,completion,prompt\n1,x y,\"\"\"q\"\"\"\n2,say \"hi\",q\n") ==
        "x y</s>say \"hi\"</s>");
  CHECK(completions(".tsv", "prompt\tcompletion\na\t\"b\tc\"\n\"a\"\t\"b\n") == "b\tc</s>\"b</s>");
  CHECK(data_error(".csv", "prompt,completion\na,\"b\n") == "line 2: a quote is not closed");
  CHECK(data_error(".csv", "prompt,completion\na,\"b\"c\n") ==
        "line 2: text after a closing quote");
  CHECK(data_error(".csv", "prompt,completion\na,b\n\nc\n") == "line 4: got 1 columns, need 2");
  CHECK(data_error(".csv", "prompt,completion\na,\"b\n\"\nc,d,e\n") ==
        "line 4: got 3 columns, need 2");
  CHECK(data_error(".csv", "prompt,prompt\na,b\n") == "line 1: column \"prompt\" is there twice");
  CHECK(data_error(".csv", "prompt,completion\na,\xFF\n") ==
        "line 2: column completion is no UTF-8");
}

}  // namespace
}  // namespace nalar
