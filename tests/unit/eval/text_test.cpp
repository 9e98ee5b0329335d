#include <nalar/error.h>
#include <nalar/eval.h>

#include <cmath>

#include "engine/cpu_engine.h"
#include "support/catch.h"
#include "support/error_of.h"
#include "support/material.h"

namespace nalar::eval {
namespace {

using nalar::test::error_of;
using nalar::test::golden;

struct Stories {
  explicit Stories(Compute compute = Compute::fp32, int threads = 1) {
    EngineOptions options;
    options.threads = threads;
    options.compute = compute;
    engine = engine::make_cpu_engine(model, options);
    subject = {engine.get(), open_tokenizer(model->files()), {}};
  }
  std::shared_ptr<const Model> model = open_model(golden("stories260k/stories260K-f32.gguf"));
  std::unique_ptr<Engine> engine;
  Subject subject;
  std::string text = nalar::test::read_text(golden("stories260k/greedy.txt"));
};

// Nats of a forward pass in double precision, written apart from this code, in Python. The engine's
// differs from it by rounding in fp32: some 1e-6 of each of the log-probabilities, which are
// below 20.
constexpr double kRounding = 5e-5;

TEST_CASE("the three conventions, against an independent computation") {
  Stories stories;
  const auto check = [&](const TextOptions& options, double nll, double error, int64_t scored) {
    const TextResult r = evaluate_text(stories.subject, stories.text, options);
    CHECK(r.nll.value == Approx(nll).margin(kRounding));
    CHECK(r.nll.error == Approx(error).margin(kRounding));
    CHECK(r.perplexity.value == Approx(std::exp(nll)).epsilon(kRounding));
    CHECK(r.scored == scored);
  };
  check({Convention::llamacpp, 64, 0}, 0.5700470150816995, 0.06172159305536008, 124);
  check({Convention::hf, 128, 32}, 0.5104031825832014, 0.05116759556215053, 257);
  check({Convention::rolling, 100, 0}, 0.6090676908355454, 0.06402050383632614, 258);
}

TEST_CASE("equal bits for any number of threads") {
  const TextOptions options{Convention::hf, 64, 16};
  Stories one(Compute::automatic, 1), two(Compute::automatic, 2);
  CHECK(evaluate_text(one.subject, one.text, options).nll.value ==
        evaluate_text(two.subject, two.text, options).nll.value);
}

TEST_CASE("bits a byte and a word follow from the nats of all tokens") {
  Stories stories;
  const TextResult r = evaluate_text(stories.subject, stories.text, {Convention::rolling, 100, 0});
  CHECK(r.scored == r.tokens);
  const double nats = r.nll.value * static_cast<double>(r.scored);
  CHECK(r.bits_per_byte.value ==
        Approx(nats / static_cast<double>(stories.text.size()) / std::log(2)));
  CHECK(r.word_perplexity->value == Approx(std::exp(nats / static_cast<double>(r.words))));
  CHECK(r.perplexity.error == Approx(r.perplexity.value * r.nll.error));
}

TEST_CASE("a text that is stopped goes on, with equal bits") {
  Stories stories;
  const TextOptions options{Convention::hf, 64, 16};
  const TextResult whole = evaluate_text(stories.subject, stories.text, options);
  Json state;
  EvalControl control;
  control.save = [&](const Json& s) { state = s; };
  control.on_event = [](const EvalEvent& event) { return event.done < 3; };
  CHECK(error_of([&] {
          evaluate_text(stories.subject, stories.text, options, control);
        }).starts_with("stopped: 3 of"));
  control = {};
  control.resume = parse_json(to_text(state));
  const TextResult rest = evaluate_text(stories.subject, stories.text, options, control);
  CHECK(rest.nll.value == whole.nll.value);
  CHECK(rest.nll.error == whole.nll.error);
  CHECK(rest.bits_per_byte.value == whole.bits_per_byte.value);
  CHECK(error_of([&] { evaluate_text(stories.subject, stories.text + ".", options, control); }) ==
        "state: it belongs to another text or other settings");
}

TEST_CASE("a model is at no distance from itself") {
  Stories stories, reference;
  const ReferenceResult r = evaluate_against_reference(stories.subject, reference.subject,
                                                       stories.text, {Convention::llamacpp, 64, 0});
  CHECK(r.kl.value == 0);
  CHECK(r.kl_max == 0);
  CHECK(r.same_top.value == 1);
  CHECK(r.ratio.value == 1);
  CHECK(r.correlation == Approx(1));
  CHECK(r.text.nll.value ==
        evaluate_text(stories.subject, stories.text, {Convention::llamacpp, 64, 0}).nll.value);
  CHECK(compare_texts(r).verdict == Verdict::no_difference);
}

TEST_CASE("8-bit activations are near the reference, and both texts are scored as alone") {
  Stories fast(Compute::automatic), reference;
  const TextOptions options{Convention::hf, 128, 64};
  const ReferenceResult r =
      evaluate_against_reference(fast.subject, reference.subject, fast.text, options);
  CHECK(r.kl.value >= 0);
  CHECK(r.kl.value < 0.01);
  CHECK(r.text.nll.value == evaluate_text(fast.subject, fast.text, options).nll.value);
  CHECK(r.reference.nll.value == evaluate_text(reference.subject, fast.text, options).nll.value);
  CHECK(r.log_ratio.value == Approx(r.text.nll.value - r.reference.nll.value).margin(1e-12));
}

TEST_CASE("a text that is no UTF-8 is refused with its place") {
  Stories stories;
  std::string text = stories.text;
  text[70] = '\xe9';
  const TextOptions options{Convention::rolling, 100, 0};
  const auto error = [&](const std::string& t) {
    return error_of([&] { evaluate_text(stories.subject, t, options); });
  };
  CHECK(error(text) == "not UTF-8 text: got 0xe9 (at byte 70)");
  CHECK(error(" \n") == "no error");
  CHECK(error("\xff\xfeH") == "not UTF-8 text: this looks like UTF-16");
}

TEST_CASE("a single scored token has no error and shows no difference") {
  Stories stories;
  const ReferenceResult r =
      evaluate_against_reference(stories.subject, stories.subject, "a", {Convention::hf, 100, 0});
  REQUIRE(r.text.scored == 1);
  CHECK(std::isnan(r.text.perplexity.error));
  ReferenceResult other = r;
  other.log_ratio.value = 1;
  CHECK(compare_texts(other).p == 1);
  CHECK(compare_texts(other).verdict == Verdict::no_difference);
}

TEST_CASE("options out of their range") {
  Stories stories;
  const auto error = [&](TextOptions options) {
    return error_of([&] { evaluate_text(stories.subject, stories.text, options); });
  };
  CHECK(error({Convention::llamacpp, 513, 0}) == "--window: got 513, need an integer in 4..512");
  CHECK(error({Convention::hf, 64, 65}) == "--stride: got 65, need an integer in 1..64");
  CHECK(error({Convention::rolling, 64, 8}) == "--stride needs --convention hf");
}

}  // namespace
}  // namespace nalar::eval
