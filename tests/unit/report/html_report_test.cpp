#include "report/html_report.h"

#include <cstdlib>
#include <fstream>
#include <limits>

#include "report/event_file.h"
#include "report/html_text.h"
#include "report/model_card.h"
#include "report/run_json.h"
#include "report/svg_chart.h"
#include "sample_record.h"
#include "support/catch.h"

namespace nalar::report {
namespace {

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("text of others is text of the page") {
  CHECK(html_text("<a href='x'>&\"") == "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
  CHECK(html_text("a\n\tb") == "a\n\tb");
  CHECK_FALSE(holds(html_text("\x1b[2J\x07"), "\x1b"));
  CHECK(html_text("\xef\xbf\xbf\xef\xbf\xbe") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK_FALSE(holds(html_text("\xff"), "\xff"));
}

TEST_CASE("the page has its parts, no script and no address to load from") {
  const std::string page = html_report(sample_record());
  CHECK(count(page, "<svg") == 4);
  CHECK(holds(page, "default-src 'none'"));
  for (const char* none : {"<script", "src=", "href=", "url(", "@import", "someone"}) {
    INFO(none);
    CHECK_FALSE(holds(page, none));
  }
  CHECK(holds(page, "Where?&lt;/pre&gt;&lt;script&gt;"));
  CHECK(holds(page, "<td>203</td>"));
}

TEST_CASE("a run without curves, samples and validation still has a page") {
  const std::string page = html_report({});
  CHECK_FALSE(holds(page, "<svg"));
  CHECK_FALSE(holds(page, "Before and after"));
  CHECK_FALSE(holds(page, "Validation data"));
}

TEST_CASE("ticks are round and inside") {
  CHECK(round_ticks(0, 10, 6) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(round_ticks(-0.3, 1.1, 4) == std::vector<double>{0, 0.5, 1});
  CHECK(round_ticks(1, 3, 3) == std::vector<double>{1, 2, 3});
  for (const double scale : {1e-9, 3e-4, 1.0, 7e5}) {
    const std::vector<double> ticks = round_ticks(scale, 4.7 * scale, 6);
    CHECK(ticks.size() >= 2);
    CHECK(ticks.size() <= 6);
    CHECK(ticks.front() >= scale);
    CHECK(ticks.back() <= 4.7 * scale);
  }
}

TEST_CASE("points stand where they belong") {
  const Chart chart{"t", "x", "y", {{"a", "train", true, {{0, 0}, {10, 1}}}}};
  // x from 72 to 704; y from 252 (low) to 40, with a twentieth of the range above and below.
  const std::string svg = svg_chart(chart);
  CHECK(holds(svg, "<polyline points=\"72.0,242.4 704.0,49.6\"/>"));
  CHECK(count(svg, "<circle") == 2);
}

TEST_CASE("charts of few, equal, many and no points") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(svg_chart({"t", "x", "y", {}}).empty());
  CHECK(svg_chart({"t", "x", "y", {{"a", "train", false, {{0, nan}}}}}).empty());
  const std::string one = svg_chart({"t", "x", "y", {{"a", "train", true, {{5, 2}, {6, nan}}}}});
  CHECK(count(one, "<circle") == 1);
  CHECK_FALSE(holds(one, "nan"));
  CHECK_FALSE(holds(one, "inf"));

  ChartSeries many{"a", "train", true, {}};
  for (int i = 0; i < 100'000; ++i)
    many.points.push_back({i * 1.0, i == 50'123 ? 9.0 : i % 7 * 0.1});
  const std::string thin = svg_chart({"t", "x", "y", {many}});
  CHECK(count(thin, "<circle") <= 2 * 633);
  // The one high point is there still: at the top, a twenty-second of the height below it.
  CHECK(holds(thin, ",49.6 "));
}

// Written for readers_test.py, which has other readers read it.
TEST_CASE("files for other readers", "[.files]") {
  const char* folder = std::getenv("NALAR_TEST_OUTPUT");
  if (folder == nullptr) return;
  const std::string out = folder;
  std::ofstream(out + "/report.html") << html_report(sample_record());
  std::ofstream(out + "/README.md") << model_card(sample_record());
  std::ofstream(out + "/run.json") << run_json(sample_record());
  const auto add = [](EventFile& file, int64_t step, double loss) {
    const Scalar scalars[] = {{"loss", loss}, {"lr", 1e-4}};
    file.add(step, 1000.0 + static_cast<double>(step), scalars);
  };
  EventFile first(io::file_system(), out, 1000);
  for (int step = 1; step <= 5; ++step) add(first, step, step);
  EventFile second(io::file_system(), out, 2000, 4);
  for (int step = 4; step <= 6; ++step) add(second, step, 10 * step);
}

}  // namespace nalar::report
