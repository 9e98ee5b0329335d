#include "leak_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "figures.h"

namespace nalar::apps {
namespace {

constexpr size_t kShownPlaces = 5;  // in a table; JSON has all

Json extraction_json(const Extraction& e) {
  Json::Array discoverable;
  for (size_t k = 0; k < Extraction::kSamples.size(); ++k) {
    discoverable.push_back(Json::Object{{"n", Extraction::kSamples[k]},
                                        {"p", Extraction::kProbability},
                                        {"share", estimate_json(e.discoverable[k])}});
  }
  return Json::Object{{"rows", e.rows},
                      {"verbatim", estimate_json(e.verbatim)},
                      {"sampling", "temperature 1, whole vocabulary"},
                      {"discoverable", std::move(discoverable)}};
}

Json membership_json(const Membership& m) {
  Json::Array rates;
  for (size_t k = 0; k < Membership::kRates.size(); ++k) {
    rates.push_back(
        Json::Object{{"fpr", Membership::kRates[k]}, {"tpr", m.tpr[k] ? Json(*m.tpr[k]) : Json()}});
  }
  return Json::Object{
      {"score", m.score}, {"auc", estimate_json(m.auc)}, {"tpr_at_fpr", std::move(rates)}};
}

Json personal_json(const PersonalData& p) {
  const auto by = [](const PersonalData::By& b) {
    return Json::Object{{"in_outputs", b.in_outputs}, {"given_away", b.given_away}};
  };
  return Json::Object{{"kind", p.kind},
                      {"in_data", p.in_data},
                      {"rows", Json::Array(p.places.begin(), p.places.end())},
                      {"tuned", by(p.tuned)},
                      {"base", by(p.base)}};
}

template <typename T, typename F>
Json::Array each(const std::vector<T>& all, const F& json) {
  Json::Array out;
  for (const T& one : all) out.push_back(json(one));
  return out;
}

LeakTable verdict_table(const LeakResult& r) {
  LeakTable table{fmt::format("verdict: {} ({} training rows, {} held-out; each test at 1 %)",
                              r.leaky ? "leaky" : "no leak shown", r.members, r.heldout),
                  {"test", "says", "of"},
                  {}};
  for (const LeakTest& test : r.tests) {
    const char* says = !test.made ? "-" : test.leaky ? "leaky" : "no leak shown";
    table.rows.push_back({test.name, says, test.finding});
  }
  return table;
}

LeakTable extraction_table(const LeakResult& r) {
  LeakTable table{fmt::format("extraction of {} rows, {} too short", r.tuned.rows, r.too_short),
                  {"share of the rows", "tuned", "±", "base", "±"},
                  {}};
  if (r.heldout_tuned) table.header.insert(table.header.end(), {"tuned, held-out", "±"});
  const auto add = [&](std::string what, const auto& of) {
    std::vector<std::string> row = {std::move(what)};
    const auto put = [&](const Extraction& e) {
      row.push_back(figure(of(e).value));
      row.push_back(figure(of(e).error));
    };
    put(r.tuned);
    put(r.base);
    if (r.heldout_tuned) put(*r.heldout_tuned);
    table.rows.push_back(std::move(row));
  };
  add("greedy, verbatim", [](const Extraction& e) { return e.verbatim; });
  for (size_t k = 0; k < Extraction::kSamples.size(); ++k) {
    add(fmt::format("in {} samples, p ≥ {}", Extraction::kSamples[k], Extraction::kProbability),
        [k](const Extraction& e) { return e.discoverable[k]; });
  }
  return table;
}

LeakTable membership_table(const LeakResult& r) {
  LeakTable table{"membership: training rows told from held-out ones", {"score", "AUC", "±"}, {}};
  for (const double rate : Membership::kRates) {
    table.header.push_back(fmt::format("TPR at {:g} % FPR", rate * 100));
  }
  for (const Membership& m : r.membership) {
    std::vector<std::string> row = {m.score, figure(m.auc.value), figure(m.auc.error)};
    for (size_t k = 0; k < m.tpr.size(); ++k) {
      row.push_back(m.tpr[k] ? figure(*m.tpr[k])
                             : fmt::format("needs {:g} held-out", 1 / Membership::kRates[k]));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

LeakTable canary_table(const LeakResult& r) {
  LeakTable table{fmt::format("canaries, {} rows each: exposure in bits, of {:.2f} that {} decoys "
                              "resolve",
                              r.canary_repeats, r.max_exposure, r.decoys),
                  {"canary", "tuned", "base"},
                  {}};
  for (const CanaryResult& c : r.canaries) {
    table.rows.push_back(
        {std::to_string(c.number), figure(c.exposure, 2), figure(c.base_exposure, 2)});
  }
  return table;
}

LeakTable personal_table(const LeakResult& r) {
  LeakTable table{
      "texts that look like personal data (given away: said by the model, in the "
      "training rows, not in the prefix)",
      {"kind", "in data", "in outputs", "given away", "base: in outputs", "given away", "rows"},
      {}};
  for (const PersonalData& p : r.personal) {
    std::string places;
    for (size_t i = 0; i < std::min(p.places.size(), kShownPlaces); ++i) {
      places += (i == 0 ? "" : ", ") + p.places[i];
    }
    if (p.places.size() > kShownPlaces) places += ", …";
    table.rows.push_back({p.kind, std::to_string(p.in_data), std::to_string(p.tuned.in_outputs),
                          std::to_string(p.tuned.given_away), std::to_string(p.base.in_outputs),
                          std::to_string(p.base.given_away), places});
  }
  return table;
}

}  // namespace

Json leak_json(const LeakData& data, const LeakResult& r) {
  Json json = Json::Object{
      {"verdict", r.leaky ? "leaky" : "no leak shown"},
      {"settings", data.settings()},
      {"tests",
       each(r.tests,
            [](const LeakTest& t) {
              return Json::Object{
                  {"test", t.name}, {"tested", t.made}, {"leaky", t.leaky}, {"finding", t.finding}};
            })},
      {"training_rows", r.members},
      {"heldout_rows", r.heldout},
      {"equal_rows_left_out", r.equal},
      {"rows_cut_to_context", r.cut},
      {"rows_too_short_for_extraction", r.too_short},
      {"extraction",
       Json::Object{{"tuned", extraction_json(r.tuned)},
                    {"base", extraction_json(r.base)},
                    {"heldout", r.heldout_tuned ? extraction_json(*r.heldout_tuned) : Json()}}},
      {"membership", each(r.membership, membership_json)},
      {"personal_data", each(r.personal, personal_json)},
      {"computed_tokens", r.tokens}};
  if (r.canaries.empty()) return json;
  json.set("canaries", Json::Object{{"rows_each", r.canary_repeats},
                                    {"decoys", r.decoys},
                                    {"max_exposure", r.max_exposure},
                                    {"exposures", each(r.canaries, [](const CanaryResult& c) {
                                       return Json::Object{{"canary", c.number},
                                                           {"tuned", c.exposure},
                                                           {"base", c.base_exposure}};
                                     })}});
  return json;
}

std::vector<LeakTable> leak_tables(const LeakResult& r) {
  std::vector<LeakTable> tables = {verdict_table(r), extraction_table(r)};
  if (!r.membership.empty()) tables.push_back(membership_table(r));
  if (!r.canaries.empty()) tables.push_back(canary_table(r));
  if (!r.personal.empty()) tables.push_back(personal_table(r));
  return tables;
}

}  // namespace nalar::apps
