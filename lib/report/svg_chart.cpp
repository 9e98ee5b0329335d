#include "report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/html_text.h"

namespace nalar::report {
namespace {

constexpr double kWidth = 720, kHeight = 300;
constexpr double kLeft = 72, kRight = 16, kTop = 40, kBottom = 48;
constexpr int kTicksX = 8, kTicksY = 6;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void take(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  // A little room on both sides; a single value gets a range around it.
  Range padded(double share) const {
    const double room = high > low ? share * (high - low) : std::max(std::abs(high) * 0.1, 1e-9);
    return {low - room, high + room};
  }
};

bool finite(const ChartPoint& p) { return std::isfinite(p.x) && std::isfinite(p.y); }

// Where values stand in the picture.
struct Frame {
  Range x, y;
  double at_x(double v) const {
    return kLeft + (v - x.low) / (x.high - x.low) * (kWidth - kLeft - kRight);
  }
  double at_y(double v) const {
    return kHeight - kBottom - (v - y.low) / (y.high - y.low) * (kHeight - kTop - kBottom);
  }
};

// Of the points that fall on one column of the picture, the lowest and the highest, in order.
std::vector<ChartPoint> thinned(const std::vector<ChartPoint>& points, const Frame& frame) {
  std::vector<ChartPoint> out;
  for (size_t begin = 0; begin < points.size();) {
    const double column = std::floor(frame.at_x(points[begin].x));
    size_t end = begin, low = begin, high = begin;
    for (; end < points.size() && std::floor(frame.at_x(points[end].x)) == column; ++end) {
      if (points[end].y < points[low].y) low = end;
      if (points[end].y > points[high].y) high = end;
    }
    out.push_back(points[std::min(low, high)]);
    if (low != high) out.push_back(points[std::max(low, high)]);
    begin = end;
  }
  return out;
}

std::string line_at(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format(
      "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", style, x1,
      y1, x2, y2);
}

std::string text_at(double x, double y, const char* anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     html_text(text));
}

std::string axes(const Chart& chart, const Frame& frame) {
  const double bottom = kHeight - kBottom, right = kWidth - kRight;
  std::string out;
  for (const double tick : round_ticks(frame.y.low, frame.y.high, kTicksY)) {
    const double y = frame.at_y(tick);
    out += line_at(kLeft, y, right, y, "grid") +
           text_at(kLeft - 8, y + 4, "end", fmt::format("{:.6g}", tick));
  }
  for (const double tick : round_ticks(frame.x.low, frame.x.high, kTicksX)) {
    if (tick != std::floor(tick)) continue;  // updates are whole
    const double x = frame.at_x(tick);
    out += line_at(x, bottom, x, bottom + 5, "axis") +
           text_at(x, bottom + 20, "middle", fmt::format("{:.6g}", tick));
  }
  out +=
      line_at(kLeft, bottom, right, bottom, "axis") + line_at(kLeft, kTop, kLeft, bottom, "axis");
  out += text_at((kLeft + right) / 2, kHeight - 8, "middle", chart.x_label);
  const double middle = (kTop + bottom) / 2;
  out += fmt::format(
      "<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
      middle, html_text(chart.y_label));
  return out;
}

std::string drawn(const ChartSeries& series, const Frame& frame) {
  std::string path, marks;
  for (const ChartPoint& p : thinned(series.points, frame)) {
    const double x = frame.at_x(p.x), y = frame.at_y(p.y);
    path += fmt::format("{}{:.1f},{:.1f}", path.empty() ? "" : " ", x, y);
    if (series.markers)
      marks += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>\n", x, y);
  }
  return fmt::format("<g class=\"{}\">\n<polyline points=\"{}\"/>\n{}</g>\n",
                     html_text(series.style), path, marks);
}

std::string legend(const std::vector<ChartSeries>& series) {
  if (series.size() < 2) return {};
  std::string out;
  double x = kLeft;
  for (const ChartSeries& s : series) {
    out += fmt::format("<g class=\"{}\">{}</g>", html_text(s.style),
                       line_at(x, kTop - 12, x + 24, kTop - 12, "key"));
    out += text_at(x + 30, kTop - 8, "start", s.name);
    x += 60 + 8 * static_cast<double>(s.name.size());
  }
  return out;
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int most) {
  const double rough = (high - low) / (most - 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (double k = std::ceil(low / step); k * step <= high; ++k) ticks.push_back(k * step + 0.0);
  return ticks;
}

std::string svg_chart(const Chart& chart) {
  std::vector<ChartSeries> series;
  Range x, y;
  for (ChartSeries s : chart.series) {
    std::erase_if(s.points, [](const ChartPoint& p) { return !finite(p); });
    for (const ChartPoint& p : s.points) {
      x.take(p.x);
      y.take(p.y);
    }
    if (!s.points.empty()) series.push_back(std::move(s));
  }
  if (series.empty()) return {};
  const Frame frame{x.padded(0), y.padded(0.05)};
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-label=\"{}\">\n",
      kWidth, kHeight, html_text(chart.title));
  out += fmt::format("<title>{}</title>\n", html_text(chart.title));
  out += axes(chart, frame) + legend(series);
  for (const ChartSeries& s : series) out += drawn(s, frame);
  return out + "</svg>\n";
}

}  // namespace nalar::report
