#include "report/html_report.h"

#include <fmt/format.h>

#include "report/format.h"
#include "report/html_text.h"
#include "report/svg_chart.h"

namespace nalar::report {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --line: #c8ccd2; --train: #1f6fb4; --valid: #c2410c; --soft: #f2f4f7; }
@media (prefers-color-scheme: dark) {
  :root { --line: #474d56; --train: #6cb2f2; --valid: #ff9d5c; --soft: #23272e; }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem .3rem 0; text-align: left;
  vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: normal; opacity: .8; width: 40%; }
svg { width: 100%; height: auto; margin: .5rem 0; }
svg text { fill: currentColor; font: 12px system-ui, sans-serif; }
.axis { stroke: currentColor; }
.grid { stroke: var(--line); }
.train { stroke: var(--train); fill: var(--train); }
.valid { stroke: var(--valid); fill: var(--valid); }
.key { stroke-width: 3; }
polyline { fill: none; stroke-width: 1.6; }
pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0; }
.hash { font: 13px ui-monospace, monospace; }
)";

std::string table(const std::vector<Row>& rows) {
  std::string out = "<table>\n";
  for (const auto& [name, value] : rows) {
    out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", html_text(name),
                       html_text(value));
  }
  return out + "</table>\n";
}

std::string section(const char* title, const std::string& content) {
  return content.empty() ? "" : fmt::format("<h2>{}</h2>\n{}", title, content);
}

std::string files(const std::vector<FileHash>& all) {
  std::string out;
  for (const FileHash& file : all) {
    out += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}<br/><span class=\"hash\">SHA-256 "
        "{}</span></td></tr>\n",
        html_text(file_name(file.name)), bytes_text(file.bytes), html_text(file.sha256));
  }
  return out.empty() ? "" : "<table>\n" + out + "</table>\n";
}

std::vector<ChartPoint> points(const std::vector<CurvePoint>& curve, double CurvePoint::*value) {
  std::vector<ChartPoint> out;
  for (const CurvePoint& p : curve) out.push_back({static_cast<double>(p.step), p.*value});
  return out;
}

std::vector<ChartPoint> points(const std::vector<ValidPoint>& curve) {
  std::vector<ChartPoint> out;
  for (const ValidPoint& p : curve) out.push_back({static_cast<double>(p.step), p.loss});
  return out;
}

std::string curves(const TrainingRecord& r) {
  const auto one = [&r](const char* title, const char* label, double CurvePoint::*value) {
    return svg_chart({title, "update", label, {{label, "train", false, points(r.curve, value)}}});
  };
  return svg_chart({"Loss",
                    "update",
                    "loss, nats a token",
                    {{"training", "train", false, points(r.curve, &CurvePoint::loss)},
                     {"validation", "valid", true, points(r.valid)}}}) +
         one("Learning rate", "learning rate", &CurvePoint::lr) +
         one("Norm of the gradient", "gradient norm", &CurvePoint::gradient_norm) +
         one("Speed", "tokens a second", &CurvePoint::tokens_per_s);
}

std::string samples(const TrainingRecord& r) {
  std::string out;
  for (const Sample& sample : r.samples) {
    out += "<table>\n";
    for (const auto& [name, text] :
         {std::pair("prompt", &sample.prompt), std::pair("in the data", &sample.expected),
          std::pair("before", &sample.before), std::pair("after", &sample.after)}) {
      out += fmt::format(
          "<tr><th scope=\"row\" style=\"width: 8rem\">{}</th><td><pre>{}</pre></td></tr>\n", name,
          html_text(*text));
    }
    out += "</table>\n";
  }
  return out;
}

}  // namespace

std::string html_report(const TrainingRecord& r) {
  const std::string name = html_text(file_name(r.name));
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{0}: training report</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n"
      "<p>{2}, trained from {3} by {4}.</p>\n",
      name, kStyle, r.whole_model ? "A model" : "An adapter",
      html_text(without_folders(r.base_name)), html_text(r.method));
  out += section("Result", table(result_rows(r)));
  out += section("Curves", curves(r));
  out += section("Before and after", samples(r));
  out += section("Data", files(r.data_files) + table(rows_of(r.data)));
  out += section("Validation data", files(r.valid_files));
  out += section("Settings", table(rows_of(r.settings)));
  out += section("Origin", table(origin_rows(r)) + files(r.base_files));
  return out + "</body>\n</html>\n";
}

}  // namespace nalar::report
