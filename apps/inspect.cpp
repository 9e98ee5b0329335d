#include "inspect.h"

#include <fmt/format.h>
#include <nalar/error.h>
#include <nalar/files.h>
#include <nalar/inspect.h>
#include <nalar/json.h>

#include "help.h"

namespace nalar::apps {
namespace {

constexpr size_t kMaxTextBytes = size_t{64} << 20;
constexpr size_t kMaxJsonBytes = size_t{16} << 20;

// "1,2 3": ids apart by commas or white space.
std::vector<TokenId> parse_ids(std::string_view text, int n_tokens) {
  constexpr std::string_view kApart = ", \t\r\n[]";
  std::vector<TokenId> ids;
  for (;;) {
    const size_t begin = text.find_first_not_of(kApart);
    if (begin == std::string_view::npos) return ids;
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(kApart));
    ids.push_back(parse_number<TokenId>("--decode", word, {0, n_tokens - 1}));
    text.remove_prefix(word.size());
  }
}

// A list is the messages, an object has every variable.
Json template_variables(const std::string& path) {
  const std::string text = read_input(path, kMaxJsonBytes);
  try {
    Json given = parse_json(text);
    if (given.is_object()) return given;
    if (given.is_array()) {
      return Json::Object{{"messages", std::move(given)}, {"add_generation_prompt", true}};
    }
    throw Error(ErrorKind::bad_data,
                fmt::format("got {}, need a list of messages or an object of variables",
                            given.kind_name()));
  } catch (const Error& e) {
    throw e.in_file(path);
  }
}

}  // namespace

const char* InspectCommand::notes() const {
  return "--encode, --decode and --render answer with that alone. SOURCE_DATE_EPOCH sets the clock "
         "of "
         "templates.\nA file whose parts cannot all be read is still told as far as it can; the "
         "first "
         "problem is the error.";
}

void InspectCommand::declare(OptionSet& options) {
  options.positional("PATH", path_,
                     "a .gguf file, a folder of a model or an adapter, a folder or file of a "
                     "tokenizer or template, a data set");
  options.group("Report");
  options.flag({"--tensors", "", "list every tensor"}, tensors_);
  options.flag({"--hashes", "", "SHA-256 of the weight files (reads all of them)"}, hashes_);
  options.flag({"--verify", "",
                "hold the weights against the hashes that quantize (FILE.report.json) or finetune "
                "(run.json) left beside them"},
               verify_);
  options.text({"--model", "MODEL", "of a data set: count the tokens that this model would learn"},
               model_);
  options.group("Tokenizer and template");
  options.text({"--encode", "TEXT", "the ids and pieces of a text; @FILE reads it from a file"},
               encode_);
  options.command_line_only();
  options.flag({"--special", "", "with --encode: control tokens spelled in the text count"},
               special_);
  options.flag({"--add-special", "", "with --encode: with the BOS and EOS that the tokenizer adds"},
               add_special_);
  options.text({"--decode", "IDS", "the text of ids, apart by commas or spaces; @FILE"}, decode_);
  options.command_line_only();
  options.text(
      {"--render", "FILE.json",
       "what the chat template makes of a list of messages, or of an object with every variable"},
      render_);
  options.command_line_only();
  options.group("Input and output");
  options.flag({"--allow-symlinks", "", "follow links that lead out of the folder"},
               allow_symlinks_);
  options.flag({"--raw-output", "", "at a terminal too, control sequences of the text as they are"},
               raw_output_);
}

void InspectCommand::run(const OptionSet&, Streams& streams) {
  if (!path_) throw Error(ErrorKind::usage, "PATH is missing", "nalar inspect --help");
  const int asked = (encode_ ? 1 : 0) + (decode_ ? 1 : 0) + (render_ ? 1 : 0);
  if (asked > 1)
    throw Error(ErrorKind::usage, "--encode, --decode and --render exclude each other");
  if ((special_ || add_special_) && !encode_) {
    throw Error(ErrorKind::usage, "--special and --add-special need --encode");
  }
  streams.out.set_raw(raw_output_);
  if (verify_ && asked > 0) throw Error(ErrorKind::usage, "--verify needs a report");
  if (verify_ && is_dataset(*path_)) {
    throw Error(ErrorKind::usage, "--verify needs a model or an adapter");
  }
  if (asked == 0 && is_dataset(*path_)) return dataset_report(streams);
  if (model_) throw Error(ErrorKind::usage, "--model needs a data set");
  if (asked == 0 && is_adapter(*path_)) return report_adapter(streams.out);
  files_ = ModelFiles::open(*path_, {.allow_symlinks = allow_symlinks_});
  if (encode_) return encode(streams.out);
  if (decode_) return decode(streams.out);
  if (render_) return render(streams.out);
  report(streams);
}

void InspectCommand::report(Streams& streams) const {
  write_report(inspect(files_, {.tensors = tensors_, .hashes = hashes_, .verify = verify_}),
               streams);
}

void InspectCommand::dataset_report(Streams& streams) const {
  if (!model_) return write_report(inspect_dataset(*path_, nullptr, nullptr), streams);
  const auto model = ModelFiles::open(*model_, {.allow_symlinks = allow_symlinks_});
  const auto tokenizer = open_tokenizer(*model);
  const auto chat = open_chat_template(*model, *tokenizer);
  write_report(inspect_dataset(*path_, tokenizer.get(), chat ? &*chat : nullptr), streams);
}

void InspectCommand::write_report(const Inspection& found, Streams& streams) const {
  streams.out.write(common.json ? to_text(found.report) + "\n"
                                : inspect_text(found.report, text_width()));
  streams.out.flush();
  if (found.problem) throw *found.problem;
}

void InspectCommand::report_adapter(Output& out) const {
  const Json report =
      inspect_adapter(*path_, {.tensors = tensors_, .hashes = hashes_, .verify = verify_});
  out.write(common.json ? to_text(report) + "\n" : inspect_text(report, text_width()));
}

void InspectCommand::encode(Output& out) const {
  const auto tokenizer = open_tokenizer(*files_);
  const std::string text =
      encode_->starts_with('@') ? read_input(encode_->substr(1), kMaxTextBytes) : *encode_;
  EncodeOptions how;
  how.add_special = add_special_;
  how.parse_special = special_;
  write_ids(tokenizer->encode(text, how), *tokenizer, out);
}

void InspectCommand::write_ids(const std::vector<TokenId>& ids, const Tokenizer& tokenizer,
                               Output& out) const {
  if (common.json) {
    Json::Array pieces;
    for (const TokenId id : ids) pieces.emplace_back(tokenizer.piece(id));
    out.write(to_text(Json::Object{{"ids", Json::Array(ids.begin(), ids.end())},
                                   {"pieces", std::move(pieces)}}) +
              "\n");
    return;
  }
  for (const TokenId id : ids) {
    out.write(fmt::format("{:>8}  {}\n", id, printable(tokenizer.piece(id))));
  }
}

void InspectCommand::decode(Output& out) const {
  const auto tokenizer = open_tokenizer(*files_);
  const std::string text =
      decode_->starts_with('@') ? read_input(decode_->substr(1), kMaxTextBytes) : *decode_;
  const std::string decoded = tokenizer->decode(parse_ids(text, tokenizer->n_tokens()), true);
  if (common.json) {
    out.write(to_text(Json::Object{{"text", decoded}}) + "\n");
    return;
  }
  out.write(decoded);
  out.end_text();
}

void InspectCommand::render(Output& out) const {
  const std::shared_ptr<const Tokenizer> tokenizer = open_tokenizer_if_any(*files_);
  const std::optional<ChatTemplate> chat =
      tokenizer ? open_chat_template(*files_, *tokenizer) : open_chat_template(*files_);
  if (!chat) throw Error(ErrorKind::no_input, "has no chat template").in_file(*path_);
  const Prompt prompt = chat->render(template_variables(*render_));
  if (common.json) {
    Json json = Json::Object{{"text", prompt.text()}};
    if (tokenizer) {
      const std::vector<TokenId> ids = encode_prompt(prompt, *tokenizer);
      json.set("ids", Json::Array(ids.begin(), ids.end()));
    }
    out.write(to_text(json) + "\n");
    return;
  }
  out.write(prompt.text());
  out.end_text();
}

}  // namespace nalar::apps
