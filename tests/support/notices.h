#pragma once

#include <nalar/log.h>

#include <string>
#include <string_view>

namespace nalar::test {

// What is told while this lives.
class Notices {
 public:
  Notices() {
    set_notice_sink([this](std::string_view text) { text_ += std::string(text) + "\n"; });
  }
  ~Notices() { set_notice_sink({}); }
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;

  bool tell(std::string_view what) const { return text_.find(what) != text_.npos; }
  bool none() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace nalar::test
