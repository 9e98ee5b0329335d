#include <nalar/eval.h>

#include <algorithm>
#include <fstream>

#include "eval/task_impl.h"
#include "support/catch.h"
#include "support/material.h"
#include "task_support.h"

namespace nalar::eval {
namespace {

using nalar::test::golden;
using Texts = std::vector<std::string>;

TEST_CASE("prompts of the tasks in datasets/tasks, as lm-evaluation-harness writes them") {
  const std::string folder = nalar::test::temporary_folder();
  const auto item_of = [&](const std::string& task, std::string row) {
    const std::string path = folder + "/" + task + ".jsonl";
    std::erase(row, '\n');
    std::ofstream(path) << row << "\n";
    TaskOptions options = task_at(golden("../../datasets/tasks/" + task + ".json"));
    options.data = path;
    options.shots = 0;
    return Task(options);
  };
  const auto context = [](const Task& task) { return task.impl().items[0].contexts[0].text(); };
  const auto continuations = [](const Task& task) { return task.impl().items[0].continuations; };

  const auto arc = item_of("arc_easy",
                           R"({"question": "Why?", "choices": {"text": ["it's", "so"],
                              "label": ["1", "2"]}, "answerKey": "2"})");
  CHECK(context(arc) == "Question: Why?\nAnswer:");
  CHECK(continuations(arc) == Texts{" it's", " so"});
  CHECK(arc.impl().items[0].gold == std::vector<size_t>{1});

  const auto flat = item_of("arc_easy", R"({"question": "W", "choices": ["a", "b"], "answer": 1})");
  CHECK(continuations(flat) == Texts{" a", " b"});
  // Row 783 of ARC-Easy's test set: an index that is the text of another choice.
  const auto digits =
      item_of("arc_easy", R"({"question": "W", "choices": ["1", "3", "6", "7"], "answer": 1})");
  CHECK(digits.impl().items[0].gold == std::vector<size_t>{1});

  const auto wino = item_of("winogrande", R"({"sentence": "A saw B, so _ ran_off.", "option1": "A",
                                              "option2": "B", "answer": "2"})");
  CHECK(wino.impl().items[0].contexts[1].text() == "A saw B, so B");
  CHECK(continuations(wino) == Texts{" ran_off.", " ran_off."});
  CHECK(wino.impl().items[0].gold == std::vector<size_t>{1});

  const auto copa = item_of("copa", R"({"premise": "It fell. ", "question": "cause",
                                        "choice1": "It was hot.", "choice2": "Éa", "label": 1})");
  CHECK(context(copa) == "It fell because");
  CHECK(continuations(copa) == Texts{"  it was hot.", "  éa"});

  const auto hella =
      item_of("hellaswag",
              R"({"activity_label": "Run", "ctx_a": "He [a] ran.", "ctx_b": "then HE", "label": "1",
          "endings": [" up [title] it's  [x]done [", "b"]})");
  CHECK(context(hella) == "Run: He ran. Then he");
  CHECK(continuations(hella) == Texts{" up. it's done [", " b"});

  const auto mmlu = item_of("mmlu", R"({"question": " Q ", "subject": "us_law", "answer": 2,
                                        "choices": ["w", "x", "y", "z"]})");
  CHECK(context(mmlu) ==
        "The following are multiple choice questions (with answers) about us law.\n\n"
        "Q\nA. w\nB. x\nC. y\nD. z\nAnswer:");
  CHECK(continuations(mmlu) == Texts{" A", " B", " C", " D"});

  const auto lambada = item_of("lambada_openai", R"({"text": "He said: \"No\" and  left"})");
  CHECK(context(lambada) == "He said: \"No\" and ");
  CHECK(continuations(lambada) == Texts{" left"});

  const auto csqa = item_of("commonsense_qa", R"({"question": "Q ", "answerKey": "C",
      "choices": {"label": ["A","B","C","D","E"], "text": ["1","2","3","4","5"]}})");
  CHECK(context(csqa) == "Question: Q\nA. 1\nB. 2\nC. 3\nD. 4\nE. 5\nAnswer:");
  CHECK(csqa.impl().items[0].gold == std::vector<size_t>{2});

  const auto indonesian = item_of("xcopa_id", R"({"premise": "Ia jatuh.", "question": "effect",
                                     "choice1": "Ia sakit.", "choice2": "Ia tidur.", "label": 0})");
  CHECK(context(indonesian) == "Ia jatuh maka");
  CHECK(continuations(indonesian) == Texts{" ia sakit.", " ia tidur."});
}

TEST_CASE("shots stand before the item, which is never among them") {
  TaskOptions options = golden_task("animals");
  options.shots = 2;
  const Task task(options);
  const auto& items = task.impl().items;
  const std::string text = items[0].contexts[0].text();
  CHECK(text.ends_with("\n\nQuestion: What does the cat like to do?\nAnswer:"));
  CHECK(std::count(text.begin(), text.end(), '?') == 3);
  CHECK(text.find("cat") == text.rfind("cat"));
  // random.Random(1234).sample(range(8), 3) is 7, 0, 6, and the item is row 0.
  CHECK(
      text.starts_with("Question: Where does mom cook?\nAnswer: in the kitchen\n\n"
                       "Question: What does Tom eat?\nAnswer: an apple\n\n"));
}

TEST_CASE(
    "an answer key in digits: of a template a position, of a column of texts a text, if it is "
    "one") {
  const auto gold = [](const std::string& target, const std::string& file,
                       const std::string& rows) {
    const Task task = task_over(
        R"("output_type": "multiple_choice", "doc_to_text": "q", "doc_to_choice": ["2", "0", "1", "two"], )"
        R"("doc_to_target": ")" +
            target + "\"",
        file, rows);
    return task.impl().items[0].gold;
  };
  using Gold = std::vector<size_t>;
  // Choice 1 is called "0", choice 0 "2".
  CHECK(gold("a", "t.jsonl", R"({"q": "7", "a": "0"})") == Gold{1});
  CHECK(gold("{{a}}", "t.jsonl", R"({"q": "7", "a": "0"})") == Gold{0});
  CHECK(gold("a", "t.jsonl", R"({"q": "7", "a": 0})") == Gold{0});
  CHECK(gold("{{a}}", "t.jsonl", R"({"q": "7", "a": 0})") == Gold{0});
  CHECK(gold("a", "t.jsonl", R"({"q": "7", "a": true})") == Gold{1});
  // A .csv file's column is of integers where all its rows have one there.
  CHECK(gold("a", "t.csv", "q,a\nx,2\n") == Gold{2});
  CHECK(gold("a", "t.csv", "q,a\nx,2\nx,two\n") == Gold{0});
  CHECK(gold("{{a}}", "t.csv", "q,a\nx,2\n") == Gold{2});
}

TEST_CASE("a .csv file's column of integers says which choice is the context") {
  const Task task = task_over(
      R"("output_type": "multiple_choice", "doc_to_text": "label", "doc_to_choice": "{{[a, b]}}", )"
      R"("doc_to_target": "end")",
      "t.csv", "a,b,end,label\nA saw,B saw,it,1\nC saw,D saw,me,0\n", 1);
  const Item& item = task.impl().items[0];
  CHECK(item.gold == std::vector<size_t>{1});
  CHECK(item.continuations == Texts{" it", " it"});
  REQUIRE(item.contexts.size() == 2);
  CHECK(item.contexts[1].text() == "C saw me\n\nB saw");
}

TEST_CASE("a list is one that a template has printed; in brackets a column's text stays a text") {
  const auto item = [](const std::string& fields) {
    return task_over(fields, "t.jsonl", R"({"q": "x", "a": "[0, 1]"})").impl().items[0];
  };
  const std::string choice = R"("output_type": "multiple_choice", "doc_to_text": "q", )"
                             R"("doc_to_choice": ["[1, 0]", "[0, 1]"], "doc_to_target": )";
  CHECK(item(choice + "\"a\"").gold == std::vector<size_t>{1});
  CHECK(item(choice + "\"{{a}}\"").gold == std::vector<size_t>{0, 1});
  const std::string answer =
      R"("output_type": "generate_until", "doc_to_text": "q", "doc_to_target": )";
  CHECK(item(answer + "\"a\"").targets == Texts{"[0, 1]"});
  CHECK(item(answer + "\"{{a}}\"").targets == Texts{"0", "1"});
}

TEST_CASE("shots from the items' own file, given twice, leave the item out") {
  TaskOptions options = golden_task("animals");
  options.shots = 2;
  const Task once(options);
  options.fewshot_data = golden("eval/animals.jsonl");
  const Task twice(options);
  for (size_t i = 0; i < once.impl().items.size(); ++i) {
    CHECK(once.impl().items[i].contexts[0].text() == twice.impl().items[i].contexts[0].text());
  }
}

TEST_CASE("prompts by a chat template: shots are turns, the answer follows the template") {
  TaskOptions options = golden_task("animals");
  options.shots = 1;
  const auto chat = std::make_shared<ChatTemplate>(
      "{% for m in messages %}<{{m.role}}>{{m.content}}\n{% endfor %}<assistant>", Json());
  const Task task(options, chat);
  const Item& item = task.impl().items[0];
  CHECK(item.contexts[0].text() ==
        "<user>Question: Where does mom cook?\nAnswer:\n<assistant>in the kitchen\n"
        "<user>Question: What does the cat like to do?\nAnswer:\n<assistant>");
  CHECK(item.continuations[0] == "sleep in the sun");
  CHECK(task.settings().find("chat_template_sha256")->is_string());
}

}  // namespace
}  // namespace nalar::eval
