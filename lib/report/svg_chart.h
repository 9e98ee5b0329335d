#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nalar::report {

struct ChartPoint {
  double x = 0, y = 0;
};

struct ChartSeries {
  std::string name;   // in the legend, where there are several
  std::string style;  // a class of the page: "train", "valid"
  bool markers = false;
  std::vector<ChartPoint> points;  // x rising
};

struct Chart {
  std::string title, x_label, y_label;
  std::vector<ChartSeries> series;
};

// An <svg> element with axes, ticks at round numbers, and a line a series; "" when no series has a
// finite point. Colours are those of the page (currentColor and the series' classes). A series of
// many points is thinned to its extremes per column of the picture.
std::string svg_chart(const Chart& chart);

// Round numbers (1, 2 or 5 times a power of ten) that lie in [low, high], at most `most`,
// ascending. REQUIRES low < high, most ≥ 2.
std::vector<double> round_ticks(double low, double high, int most);

}  // namespace nalar::report
