#include <fmt/format.h>
#include <nalar/inspect.h>

#include <algorithm>

#include "base/utf8.h"

namespace nalar {
namespace {

constexpr int kKeyWidth = 18;

std::string shown(const Json& value) {
  if (value.is_string()) return base::escaped(value.as_string());
  if (value.kind() == Json::Kind::number) return fmt::format("{:.6g}", value.as_double());
  if (!value.is_array()) return to_text(value);
  std::string list;
  for (const Json& item : value.as_array()) list += (list.empty() ? "" : ", ") + shown(item);
  return list;
}

std::string bytes_text(int64_t bytes) {
  const auto b = static_cast<double>(bytes);
  if (b >= 1e9) return fmt::format("{:.2f} GB", b / 1e9);
  return b >= 1e6 ? fmt::format("{:.1f} MB", b / 1e6) : fmt::format("{:.1f} kB", b / 1e3);
}

class Text {
 public:
  explicit Text(int width) : width_(static_cast<size_t>(std::max(width, 2 * kKeyWidth))) {}

  void row(std::string_view key, const std::string& value) {
    std::string line = fmt::format("{:<{}} ", key, kKeyWidth - 1);
    line += base::escaped(value, std::max(width_ - kKeyWidth, size_t{200}));
    out_ += line + "\n";
  }
  void member(const Json& report, const char* key, const char* title) {
    if (const Json* value = report.find(key)) row(title, shown(*value));
  }
  void object(const Json& report, const char* key) {
    const Json* value = report.find(key);
    if (value == nullptr) return;
    out_ += fmt::format("\n{}\n", key);
    for (const auto& [name, item] : value->as_object())
      row("  " + base::escaped(name, 60), shown(item));
  }
  void line(const std::string& text) { out_ += text + "\n"; }
  std::string take() { return std::move(out_); }

 private:
  size_t width_;
  std::string out_;
};

void add_sizes(const Json& report, Text& text) {
  const Json* parameters = report.find("parameters");
  if (parameters == nullptr) return;
  text.row("parameters",
           fmt::format("{} ({:.1f} M)", parameters->as_int64(), parameters->as_double() / 1e6));
  text.row("weights",
           fmt::format(
               "{}, {:.2f} bits each", bytes_text(report.find("weight_bytes")->as_int64()),
               report.find("bits_per_weight") ? report.find("bits_per_weight")->as_double() : 0));
  for (const Json& type : report.find("types")->as_array()) {
    text.row("  " + type.find("type")->as_string(),
             fmt::format("{} tensors, {}", type.find("tensors")->as_int64(),
                         bytes_text(type.find("bytes")->as_int64())));
  }
}

void add_files(const Json& report, Text& text) {
  const Json* files = report.find("files");
  if (files == nullptr) return;
  text.line("\nfiles");
  for (const Json& file : files->as_array()) {
    text.line(fmt::format("  {}  {}", base::escaped(file.find("path")->as_string()),
                          bytes_text(file.find("bytes")->as_int64())));
    if (const Json* hash = file.find("sha256")) text.line("    sha256 " + hash->as_string());
  }
}

void add_tokenizer(const Json& report, Text& text) {
  const Json* tokenizer = report.find("tokenizer");
  if (tokenizer == nullptr) return;
  text.line("\ntokenizer");
  text.row("  type", fmt::format("{}, from {}", shown(*tokenizer->find("type")),
                                 shown(*tokenizer->find("source"))));
  text.row("  tokens",
           fmt::format("{}, of them {} control tokens", shown(*tokenizer->find("tokens")),
                       shown(*tokenizer->find("control_tokens"))));
  text.row("  adds BOS, EOS", fmt::format("{}, {}", shown(*tokenizer->find("adds_bos")),
                                          shown(*tokenizer->find("adds_eos"))));
  const auto token = [](const Json& t) {
    return fmt::format("{} {}", shown(*t.find("id")), shown(*t.find("piece")));
  };
  for (const auto& [name, value] : tokenizer->find("special")->as_object()) {
    if (value.is_object()) {
      text.row("  " + name, token(value));
    } else {
      for (const Json& item : value.as_array()) text.row("  ends", token(item));
    }
  }
}

void add_tensors(const Json& report, Text& text) {
  const Json* tensors = report.find("tensors");
  if (tensors == nullptr) return;
  text.line("\ntensors");
  for (const Json& t : tensors->as_array()) {
    text.line(fmt::format("  {:<6}  {:>10}  [{}]  {}", shown(*t.find("type")),
                          bytes_text(t.find("bytes")->as_int64()), shown(*t.find("shape")),
                          base::escaped(t.find("name")->as_string())));
  }
}

}  // namespace

std::string inspect_text(const Json& report, int width) {
  Text text(width);
  text.member(report, "path", "path");
  text.member(report, "format", "format");
  text.member(report, "name", "name");
  text.member(report, "architecture", "architecture");
  text.member(report, "licence", "licence");
  add_sizes(report, text);
  text.member(report, "bytes", "bytes");
  text.member(report, "rows", "rows");
  text.member(report, "sha256", "sha256");
  for (const char* part : {"row_formats", "fields", "tokens"}) text.object(report, part);
  text.object(report, "config");
  text.object(report, "adapter");
  text.object(report, "generation");
  add_tokenizer(report, text);
  if (const Json* chat = report.find("chat_template")) {
    text.line("\nchat template");
    text.row("  sha256", chat->find("sha256")->as_string());
    text.row("  bytes", shown(*chat->find("bytes")));
  }
  text.object(report, "provenance");
  if (const Json* verified = report.find("verified")) {
    text.line(fmt::format("\nverified against {}",
                          base::escaped(verified->find("against")->as_string(), 200)));
    for (const Json& file : verified->find("files")->as_array()) {
      text.row("  " + base::escaped(file.find("name")->as_string(), 200),
               shown(*file.find("sha256")));
    }
  }
  add_files(report, text);
  add_tensors(report, text);
  if (const Json* problems = report.find("problems")) {
    text.line("\nproblems");
    for (const Json& problem : problems->as_array()) text.line("  " + shown(problem));
  }
  return text.take();
}

}  // namespace nalar
