#include "report/event_file.h"

#include <bit>
#include <cstring>

#include "report/crc32c.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"

namespace nalar::report {
namespace {

template <typename T>
T number_at(const std::string& bytes, size_t at) {
  T value;
  REQUIRE(at + sizeof(T) <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

uint32_t masked(std::string_view text) { return masked_crc32c(std::as_bytes(std::span(text))); }

// The records of a file, whose framing is checked.
std::vector<std::string> records(const std::string& path) {
  const std::string bytes = test::read_text(path);
  std::vector<std::string> all;
  for (size_t at = 0; at < bytes.size();) {
    const auto length = number_at<uint64_t>(bytes, at);
    CHECK(number_at<uint32_t>(bytes, at + 8) == masked(bytes.substr(at, 8)));
    REQUIRE(at + 16 + length <= bytes.size());
    all.push_back(bytes.substr(at + 12, length));
    CHECK(number_at<uint32_t>(bytes, at + 12 + length) == masked(all.back()));
    at += 16 + length;
  }
  return all;
}

std::string number(double value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

TEST_CASE("an event file holds its version and its scalars, byte by byte") {
  const std::string folder = test::temporary_folder();
  std::string path;
  {
    EventFile file(io::file_system(), folder, 1000.5);
    const Scalar scalars[] = {{"loss", 2.5}, {"lr", 0.25}};
    file.add(300, 1001.5, scalars);
    file.sync();
    path = file.path();
  }
  CHECK(path == folder + "/events.out.tfevents.0000001000.nalar.0");
  const std::vector<std::string> all = records(path);
  REQUIRE(all.size() == 2);
  CHECK(all[0] == "\x09" + number(1000.5) + "\x1A\x0D" + "brain.Event:2");
  // 300 is 0xAC 0x02; 2.5F is 40200000, 0.25F 3E800000.
  const std::string loss = std::string("\x0A\x04loss\x15\x00\x00\x20\x40", 11);
  const std::string lr = std::string("\x0A\x02lr\x15\x00\x00\x80\x3E", 9);
  CHECK(all[1] == "\x09" + number(1001.5) + "\x10\xAC\x02" + "\x2A\x18" + "\x0A\x0B" + loss +
                      "\x0A\x09" + lr);
}

TEST_CASE("a resumed run opens a new file that voids what came after") {
  const std::string folder = test::temporary_folder();
  EventFile first(io::file_system(), folder, 1000);
  EventFile second(io::file_system(), folder, 1000, 7);
  CHECK(first.path() != second.path());
  const std::vector<std::string> all = records(second.path());
  REQUIRE(all.size() == 2);
  CHECK(all[1] == "\x09" + number(1000) + "\x10\x07" + "\x3A\x02\x08\x01");
  // Killed and resumed within a second.
  const EventFile third(io::file_system(), folder, 1000, 7);
  const EventFile fourth(io::file_system(), folder, 1000, 7);
  CHECK(third.path() == second.path() + ".1");
  CHECK(fourth.path() == second.path() + ".2");
}

}  // namespace nalar::report
