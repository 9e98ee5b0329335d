#include "data/turns.h"

#include <algorithm>
#include <optional>

#include "data/row.h"

namespace nalar::data {
namespace {

// A text that no conversation has, of letters alone so that no filter of a template changes it.
constexpr std::string_view kMarker = "Zqxjnalarmarkzqxj";

bool is_assistant(const Json& message) { return message.find("role")->as_string() == "assistant"; }

class TurnFinder {
 public:
  TurnFinder(const Conversation& conversation, const ChatTemplate& chat)
      : conversation_(conversation), chat_(chat) {}

  RenderedChat run() {
    try {
      out_.prompt = render(conversation_.messages, false);
    } catch (const Error& e) {
      throw Error(e.kind(), fmt::format("chat template: {}", e.what()), e.hint());
    }
    out_.text = out_.prompt.text();
    if (add_tagged()) return std::move(out_);
    for (size_t i = 0; i < conversation_.messages.size(); ++i) {
      if (is_assistant(conversation_.messages[i])) out_.turns.push_back(find(i));
    }
    for (const Turn& turn : out_.turns) check_calls(turn);
    check_order();
    return std::move(out_);
  }

 private:
  Prompt render(Json::Array messages, bool add_generation_prompt) const {
    return chat_.render(Json::Object{{"messages", std::move(messages)},
                                     {"tools", conversation_.tools},
                                     {"documents", nullptr},
                                     {"add_generation_prompt", add_generation_prompt}});
  }

  // nullopt where the template refuses these messages.
  std::optional<std::string> try_render(Json::Array messages, bool add_generation_prompt) const {
    try {
      return render(std::move(messages), add_generation_prompt).text();
    } catch (const Error& e) {
      if (e.kind() != ErrorKind::bad_data) throw;
      return std::nullopt;
    }
  }

  bool add_tagged() {
    std::vector<size_t> assistants;
    for (size_t i = 0; i < conversation_.messages.size(); ++i) {
      if (is_assistant(conversation_.messages[i])) assistants.push_back(i);
    }
    size_t at = 0;
    bool inside = false;
    for (const PromptSpan& span : out_.prompt.spans) {
      const size_t end = at + span.text.size();
      if (span.generation && !inside) {
        out_.turns.push_back({{at, end}, 0, Turn::How::tagged});
      } else if (span.generation) {
        out_.turns.back().text.end = end;
      }
      inside = span.generation;
      at = end;
    }
    if (out_.turns.empty()) return false;
    if (out_.turns.size() != assistants.size()) {
      throw Error(ErrorKind::bad_data,
                  fmt::format("the chat template's generation tags mark {} turns of {}",
                              out_.turns.size(), assistants.size()));
    }
    for (size_t n = 0; n < assistants.size(); ++n) out_.turns[n].message = assistants[n];
    return true;
  }

  Turn find(size_t i) const {
    const auto& messages = conversation_.messages;
    const auto first = messages.begin();
    const auto turn = first + static_cast<ptrdiff_t>(i);
    const auto before = try_render(Json::Array(first, turn), true);
    const auto with = turn + 1 == messages.end() ? std::optional(out_.text)
                                                 : try_render(Json::Array(first, turn + 1), false);
    if (before && with && with->starts_with(*before) && out_.text.starts_with(*with)) {
      return {{before->size(), with->size()}, i, Turn::How::prefix};
    }
    return {content(i), i, Turn::How::content};
  }

  // Where a message's own text lies: between what a rendering with another text in its place has in
  // common with this one, before and behind.
  TextRange content(size_t i) const {
    check_others_shown(i);
    const Json* own = conversation_.messages[i].find("content");
    Json::Array messages = conversation_.messages;
    messages[i].set("content", kMarker);
    const auto marked = try_render(std::move(messages), false);
    const size_t at = marked ? marked->find(kMarker) : std::string::npos;
    // Beside tool calls the text is not the whole turn.
    const Json* calls = conversation_.messages[i].find("tool_calls");
    const bool text_alone =
        own != nullptr && own->is_string() && (calls == nullptr || calls->is_null());
    if (!text_alone || at == std::string::npos) not_shown(i);
    const std::string_view head = std::string_view(*marked).substr(0, at);
    const std::string_view tail = std::string_view(*marked).substr(at + kMarker.size());
    const bool fits = tail.find(kMarker) == std::string_view::npos &&
                      out_.text.size() >= head.size() + tail.size() &&
                      out_.text.starts_with(head) && out_.text.ends_with(tail);
    if (!fits) not_shown(i);
    const TextRange range{head.size(), out_.text.size() - tail.size()};
    const std::string_view shown =
        std::string_view(out_.text).substr(range.begin, range.end - range.begin);
    if (own->as_string().find(shown) == std::string::npos) not_shown(i);
    return range;
  }

  // A template that leaves out what was asked would teach answers to nothing.
  void check_others_shown(size_t i) const {
    for (size_t n = 0; n < i; ++n) {
      const Json& message = conversation_.messages[n];
      const Json* content = message.find("content");
      if (message.find("role")->as_string() != "user") continue;
      if (content == nullptr || !content->is_string()) continue;
      std::string_view text = content->as_string();
      const size_t begin = text.find_first_not_of(" \t\r\n");
      if (begin == std::string_view::npos) continue;
      text = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
      if (out_.text.find(text) == std::string::npos) not_shown(n);
    }
  }

  // A template that leaves out the calls of tools would teach to end instead of calling.
  void check_calls(const Turn& turn) const {
    const Json* calls = conversation_.messages[turn.message].find("tool_calls");
    if (calls == nullptr || !calls->is_array()) return;
    const std::string text = out_.text.substr(turn.text.begin, turn.text.end - turn.text.begin);
    for (const Json& call : calls->as_array()) {
      const Json* function = call.find("function");
      const Json* name = function == nullptr ? call.find("name") : function->find("name");
      if (name != nullptr && name->is_string() &&
          text.find(name->as_string()) == std::string::npos) {
        not_shown(turn.message);
      }
    }
  }

  void check_order() const {
    size_t at = 0;
    for (const Turn& turn : out_.turns) {
      if (turn.text.begin < at) not_shown(turn.message);
      at = turn.text.end;
    }
  }

  [[noreturn]] void not_shown(size_t i) const {
    throw Error(ErrorKind::bad_data,
                fmt::format("the chat template ({:.12}) does not show messages[{}] as it is",
                            chat_.hash(), i),
                "another template, or rows of prompt/completion");
  }

  const Conversation& conversation_;
  const ChatTemplate& chat_;
  RenderedChat out_;
};

}  // namespace

RenderedChat render_chat(const Conversation& conversation, const ChatTemplate& chat) {
  return TurnFinder(conversation, chat).run();
}

}  // namespace nalar::data
