// Every format of a row: what becomes of it and what of it is learned.
#include "data_set.h"
#include "support/catch.h"

namespace nalar {
namespace {

using test::data_error;
using test::marked;
using test::marked_row;
using test::open_data;

constexpr std::string_view kOne =
    R"({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]})";

TEST_CASE("messages: the assistant's turns with their end tokens") {
  CHECK(marked_row(".jsonl", kOne) ==
        "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n[A<|im_end|>]\n");
  const std::string two =
      R"({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"},
          {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"},
          {"role": "assistant", "content": "B"}]})";
  const std::string start = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n";
  CHECK(marked_row(".json", two) ==
        start +
            "<|im_start|>assistant\n[A<|im_end|>]\n<|im_start|>user\nR<|im_end|>\n"
            "<|im_start|>assistant\n[B<|im_end|>]\n");
  DatasetOptions options;
  options.learn = Learn::last;
  CHECK(marked_row(".json", two, options) ==
        start +
            "<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nR<|im_end|>\n"
            "<|im_start|>assistant\n[B<|im_end|>]\n");
  options.learn = Learn::all;
  CHECK(marked_row(".jsonl", kOne, options) ==
        "<|im_start|>[user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n]");
}

TEST_CASE("messages: parts of text, weights, control tokens in a text") {
  CHECK(
      marked_row(".jsonl",
                 R"({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"},)"
                 R"( {"type": "text", "text": "b"}]}, {"role": "assistant", "content": "A"}]})") ==
      "<|im_start|>user\nab<|im_end|>\n<|im_start|>assistant\n[A<|im_end|>]\n");
  const std::string weighted =
      R"({"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "weight": 0},)"
      R"({"role": "user", "content": "R"}, {"role": "assistant", "content": "B", "weight": 1}]})";
  CHECK(marked_row(".jsonl", weighted) ==
        "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
        "<|im_start|>user\nR<|im_end|>\n<|im_start|>assistant\n[B<|im_end|>]\n");
  const auto forged =
      open_data(".jsonl", R"({"messages": [{"role": "user", "content": "<|im_end|>"},)"
                          R"({"role": "assistant", "content": "a<|im_end|>b"}]})");
  const data::Example& row = forged->examples().at(0);
  CHECK(std::count(row.ids.begin(), row.ids.end(), 258) == 2);
  CHECK(row.n_learned() == 13);
}

TEST_CASE("ShareGPT") {
  const std::string chat =
      R"({"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "Q"},)"
      R"({"from": "gpt", "value": "A"}]})";
  const std::string same = R"({"system": "S", "conversations": [{"from": "human", "value": "Q"},)"
                           R"({"from": "gpt", "value": "A"}]})";
  CHECK(marked_row(".jsonl", chat) ==
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n"
        "<|im_start|>assistant\n[A<|im_end|>]\n");
  CHECK(marked_row(".jsonl", same) == marked_row(".jsonl", chat));
  const std::string call =
      R"({"conversations": [{"from": "human", "value": "Q"}, {"from": "function_call",)"
      R"( "value": "{\"name\": \"f\", \"arguments\": {\"x\": 1}}"}, {"from": "observation", "value": "7"},)"
      R"({"from": "gpt", "value": "A"}], "tools": "[{\"name\": \"f\"}]"})";
  const ChatTemplate tools(
      "{{ tools|length }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}"
      "{% for c in m.tool_calls %}{{ c.function.name }}({{ c.function.arguments.x }}){% endfor %}"
      "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
      Json::Object{});
  DatasetOptions options;
  options.paths = {test::write_data(".jsonl", call)};
  const auto data = open_dataset(options, test::byte_tokenizer(), &tools);
  CHECK(marked(data->examples().at(0)) ==
        "1<|im_start|>user\nQ<|im_end|><|im_start|>assistant\n[f(1)<|im_end|>]<|im_start|>tool\n"
        "7<|im_end|><|im_start|>assistant\n[A<|im_end|>]");
}

TEST_CASE("alpaca, with a chat template and without") {
  const std::string row =
      R"([{"instruction": "I", "input": "N", "output": "O", "system": "S",)"
      R"( "history": [["a", "b"]]}, {"instruction": "I", "input": "", "output": "O", "text": "x"}])";
  const auto data = open_data(".json", row);
  CHECK(marked(data->examples().at(0)) ==
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n[b<"
        "|im_end|>]\n"
        "<|im_start|>user\nI\n\nN<|im_end|>\n<|im_start|>assistant\n[O<|im_end|>]\n");
  CHECK(marked(data->examples().at(1)) ==
        "<|im_start|>user\nI<|im_end|>\n<|im_start|>assistant\n[O<|im_end|>]\n");
  DatasetOptions options;
  options.paths = {test::write_data(".json", row)};
  const auto bare = open_dataset(options, test::byte_tokenizer(), nullptr);
  CHECK(marked(bare->examples().at(0)) ==
        "S\n\n### Instruction:\na\n\n### Response:\nb\n\n### Instruction:\nI\n\n### Input:\nN\n\n"
        "### Response:\n[O</s>]");
  CHECK(marked(bare->examples().at(1)) ==
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the "
        "request.\n\n### Instruction:\nI\n\n### Response:\n[O</s>]");
}

TEST_CASE("prompt and completion go through no template, lists of messages do") {
  CHECK(marked_row(".jsonl", R"({"prompt": "Q: x\nA:", "completion": " y"})") ==
        "Q: x\nA:[ y</s>]");
  CHECK(marked_row(".jsonl", R"({"prompt": "", "completion": "yes"})") == "y[es</s>]");
  CHECK(marked_row(".jsonl", R"({"prompt": "p", "completion": "c</s>", "id": 7})") == "p[c</s>]");
  CHECK(
      marked_row(
          ".jsonl",
          R"({"prompt": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"},)"
          R"({"role": "user", "content": "R"}], "completion": [{"role": "assistant", "content": "B"}]})") ==
      "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nR<|im_"
      "end|>\n"
      "<|im_start|>assistant\n[B<|im_end|>]\n");
}

TEST_CASE("text is learned whole, with EOS behind and what the tokenizer adds in front") {
  CHECK(marked_row(".jsonl", R"({"text": "abc"})") == "a[bc</s>]");
  test::ByteTokenizer with_bos({"</s>", "<s>"});
  with_bos.add_bos(257);
  DatasetOptions options;
  options.paths = {test::write_data(".jsonl", R"({"text": "ab"})"),
                   test::write_data(".csv", "prompt,completion\np,c\n"),
                   test::write_data(".txt", "abcdefg")};
  options.max_length = 4;
  const auto data = open_dataset(options, with_bos, nullptr);
  const auto ids = [&](size_t i) { return data->examples().at(i).ids; };
  CHECK(ids(0) == std::vector<TokenId>{257, 'a', 'b', 256});
  CHECK(data->examples()[0].learned == std::vector<uint8_t>{0, 1, 1, 1});
  CHECK(ids(1) == std::vector<TokenId>{257, 'p', 'c', 256});
  CHECK(data->examples()[1].learned == std::vector<uint8_t>{0, 0, 1, 1});
  CHECK(ids(2) == std::vector<TokenId>{257, 'a', 'b', 'c'});
  CHECK(ids(3) == std::vector<TokenId>{257, 'd', 'e', 'f'});
  CHECK(ids(4) == std::vector<TokenId>{257, 'g', 256});
  CHECK(data->examples()[4].file == 2);
}

TEST_CASE("a text file is cut into rows, an end alone is none") {
  DatasetOptions options;
  options.max_length = 3;
  const auto data = open_data(".txt", "ab\r\ncd", options);
  REQUIRE(data->examples().size() == 2);
  CHECK(marked(data->examples()[0]) == "a[b\n]");
  CHECK(marked(data->examples()[1]) == "c[d</s>]");
  CHECK(data->examples()[1].line == 2);
  CHECK(open_data(".txt", "abcdef", options)->examples().size() == 2);
}

TEST_CASE("pre-tokenized rows") {
  CHECK(marked_row(".jsonl", R"({"input_ids": [97, 98, 99], "labels": [-100, -100, 99]})") ==
        "ab[c]");
  CHECK(marked_row(".jsonl", R"({"input_ids": [97, 98, 258]})") == "a[b<|im_end|>]");
}

TEST_CASE("columns are renamed, and counted where a table has no header") {
  DatasetOptions options;
  options.columns = "prompt=text,completion=category";
  CHECK(marked_row(".csv", "text,category\nhi,greeting\n", options) == "hi[greeting</s>]");
  CHECK(marked_row(".jsonl", R"({"text": "hi", "category": "greeting", "prompt": 3})", options) ==
        "hi[greeting</s>]");
  CHECK(data_error(".csv", "text,label\nhi,greeting\n", options) ==
        "line 1: field category: not there (--columns), has text, label");
  options.columns = "prompt=1,completion=2";
  const auto data = open_data(".tsv", "tidak enak\tnegative\n\"bagus\tpositive\n", options);
  CHECK(marked(data->examples().at(0)) == "tidak enak[negative</s>]");
  CHECK(marked(data->examples().at(1)) == "\"bagus[positive</s>]");
  CHECK(data->examples()[1].line == 2);
  for (const char* bad : {"prompt", "prompt=", "=a", "pompt=a", "prompt=a,prompt=b"}) {
    options.columns = bad;
    CHECK_THROWS_AS(options.validate(), Error);
  }
}

TEST_CASE("files may mix formats") {
  const auto data =
      open_data(".jsonl", std::string(kOne) + "\n{\"text\": \"abc\"}\n" + std::string(kOne) + "\n");
  const auto& report = data->report();
  CHECK(report.rows == 3);
  CHECK(report.duplicates == 1);
  using Count = std::pair<std::string, int64_t>;
  CHECK(report.formats == std::vector<Count>{{"messages", 2}, {"text", 1}});
  CHECK(report.shortest == 4);
  CHECK(report.median == report.longest);
  CHECK(report.learned == 2 + 2 + 3);
  CHECK(report.tokens == 2 * report.longest + 4);
  CHECK(report.sha256.size() == 64);
}

TEST_CASE("rows that are too long") {
  DatasetOptions options;
  options.max_length = 4;
  const std::string rows = "prompt,completion\nabcd,e\nab,cdef\na,b\n";
  const auto cut = open_data(".csv", rows, options);
  CHECK(cut->report().rows == 2);
  CHECK(cut->report().without_learned == 1);
  CHECK(cut->report().truncated == 1);
  CHECK(marked(cut->examples()[0]) == "ab[cd]");
  CHECK(cut->examples()[0].truncated);
  options.on_long = OnLong::drop;
  const auto dropped = open_data(".csv", rows, options);
  CHECK(dropped->report().dropped == 2);
  CHECK(dropped->report().rows == 1);
  options.on_long = OnLong::error;
  CHECK(data_error(".csv", rows, options) == "line 2: too long: got 6 tokens, need at most 4");
}

TEST_CASE("a preview tells text, marks and control tokens") {
  const auto data = open_data(".jsonl", R"({"prompt": "a", "completion": "é"})");
  const auto pieces = preview(data->examples().at(0), test::byte_tokenizer());
  REQUIRE(pieces.size() == 4);
  CHECK(pieces[0].text == "a");
  CHECK(!pieces[0].learned);
  CHECK(pieces[1].text.empty());
  CHECK(pieces[2].text == "é");
  CHECK(pieces[2].learned);
  CHECK(pieces[3].special);
}

TEST_CASE("reading can be stopped") {
  DatasetOptions options;
  options.paths = {test::write_data(".jsonl", kOne)};
  try {
    open_dataset(options, test::byte_tokenizer(), nullptr, [] { return true; });
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::try_again);
  }
}

TEST_CASE("a data set in a line") {
  DatasetReport r;
  r.rows = 3;
  r.tokens = 100;
  r.learned = 25;
  r.shortest = 10;
  r.median = 30;
  r.longest = 60;
  CHECK(describe(r) ==
        "3 rows, 100 tokens, of them 25 learned (25.0 %); a row has 10 to 60 tokens, median 30");
  r.truncated = 2;
  r.bad.push_back({"x", "y"});
  CHECK(describe(r).ends_with("; 2 truncated; 1 bad"));
  CHECK(describe(DatasetReport{}).starts_with("0 rows, 0 tokens, of them 0 learned (0.0 %)"));
}

TEST_CASE("a place counts lines, in a .json file rows") {
  constexpr const char* kTwo = R"({"text": "a"}, {"text": "b"})";
  const auto place = [](const Dataset& data) {
    return preview(data, 1, test::byte_tokenizer()).place;
  };
  CHECK(place(*test::open_data(".json", std::string("[") + kTwo + "]")).ends_with(": row 2"));
  CHECK(place(*test::open_data(".jsonl", "{\"text\": \"a\"}\n\n{\"text\": \"b\"}"))
            .ends_with(": line 3"));
}

}  // namespace
}  // namespace nalar
