#pragma once

#include <nalar/leak.h>

#include <string>
#include <vector>

namespace nalar::apps {

// A result of eval --leak for people and for programs. Of what was found only counts and rows.
Json leak_json(const LeakData& data, const LeakResult& result);

struct LeakTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
// The verdict first.
std::vector<LeakTable> leak_tables(const LeakResult& result);

}  // namespace nalar::apps
