#include "report/model_card.h"

#include "report/format.h"
#include "sample_record.h"
#include "support/catch.h"

namespace nalar::report {
namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the card of an adapter begins with PEFT's front matter") {
  const std::string card = model_card(sample_record());
  CHECK(
      card.starts_with("---\nbase_model: \"Smol|<b>LM\"\nbase_model_relation: adapter\n"
                       "library_name: peft\npipeline_tag: text-generation\ntags:\n"
                       "- \"base_model:adapter:Smol|<b>LM\"\n- lora\n- nalar\n"));
  CHECK(holds(card, "PeftModel.from_pretrained"));
  CHECK(holds(card, "nalar run BASE --adapter"));
  // The adapter's folder has no tokenizer where the base is a GGUF file.
  CHECK(holds(card, "AutoTokenizer.from_pretrained(\"BASE\")"));
}

TEST_CASE("the card of a whole model does not speak of adapters") {
  TrainingRecord record = sample_record();
  record.whole_model = true;
  record.method = "all weights";
  const std::string card = model_card(record);
  CHECK(holds(card, "library_name: transformers"));
  CHECK_FALSE(holds(card, "dapter_"));
  CHECK_FALSE(holds(card, "PeftModel"));
}

TEST_CASE("the card has the figures, the end of a turn and what is to be filled in") {
  const std::string card = model_card(sample_record());
  CHECK(holds(card, "3.5 → 2.25 nats a token"));
  CHECK(holds(card, "3.25 → 2.5 nats a token (best at update 2)"));
  CHECK(holds(card, "| tokens read | 30,000 |"));
  CHECK(holds(card, "| lr | 0.0002 |"));
  CHECK(holds(card, "| time | 2 min 05 s |"));
  CHECK(holds(card, "7.2 kJ (0.002 kWh)"));
  CHECK(holds(card, R"(&lt;\|im\_end\|\> (id 2))"));
  CHECK(holds(card, "To be filled in:"));
  CHECK(holds(card, std::string(64, 'b')));
  TrainingRecord record = sample_record();
  record.joules.reset();
  record.end_tokens.clear();
  CHECK(holds(model_card(record), "this machine does not tell"));
  CHECK(holds(model_card(record), "not trained to end a turn"));
}

TEST_CASE("nothing in a name is markup, and no folder gets out") {
  TrainingRecord record = sample_record();
  record.name = "x\n# y | <script> `z` [a](b)";
  const std::string card = model_card(record);
  CHECK(holds(card, "# x\\\\n\\# y \\| &lt;script\\> \\`z\\` \\[a\\](b)\n"));
  CHECK_FALSE(holds(card, "someone"));
}

TEST_CASE("figures as people read them") {
  CHECK(count_text(0) == "0");
  CHECK(count_text(999) == "999");
  CHECK(count_text(1000) == "1,000");
  CHECK(count_text(-1234567) == "-1,234,567");
  CHECK(bytes_text(999) == "1.0 kB");
  CHECK(bytes_text(91'700'000) == "91.7 MB");
  CHECK(bytes_text(2'500'000'000) == "2.50 GB");
  CHECK(duration_text(59.9) == "59.9 s");
  CHECK(duration_text(725) == "12 min 05 s");
  CHECK(duration_text(11'220) == "3 h 07 min");
  CHECK(file_name("/a/b/") == "b");
  CHECK(file_name("b") == "b");
  CHECK(file_name("/") == "");
}

}  // namespace nalar::report
