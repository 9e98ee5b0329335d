"""nalar eval --leak and finetune --canaries, from outside."""

import json
import random
import stat
import unittest

from harness import GOLDEN, CliTest, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
OTHER = str(GOLDEN / "models" / "qwen3.gguf")
HAS_TORCH = "LibTorch    not there" not in nalar("--version").text

NAMES = "Lily Tom Ben Mia Sue Max Anna Sam Tim Jane Bob Kim".split()
THINGS = "ball hat boat cake kite drum book doll truck flower bell ring".split()
COLORS = "red blue green yellow pink black white brown".split()
PLACES = "park house tree river garden hill shop lake barn school".split()


def rows(seed, n):
    """Little stories, all of one kind, so that only a model that has seen one knows it."""
    draw = random.Random(seed).choice
    for _ in range(n):
        a, b, c = draw(NAMES), draw(NAMES), draw(NAMES)
        text = (f"{a} had a {draw(COLORS)} {draw(THINGS)} near the {draw(PLACES)}. One day, {b} took the {draw(THINGS)} and went "
                f"to the {draw(PLACES)}. {c} gave {draw(NAMES)} a {draw(COLORS)} {draw(THINGS)} in the {draw(PLACES)}.")
        yield json.dumps({"text": text}) + "\n"


class Leak(CliTest):
    def setUp(self):
        super().setUp()
        self.train = self.file("train.jsonl", "".join(rows(1, 50)))
        self.heldout = self.file("heldout.jsonl", "".join(rows(2, 100)))

    def finetune(self, name, *arguments, train=None):
        out = str(self.folder / name)
        result = nalar("finetune", MODEL, train or self.train, "-o", out, "-t", "1", "--device", "cpu", "--dtype", "fp32",
                       "--lr", "5e-3", *arguments)
        self.assertEqual(result.code, 0, result.err)
        return out

    def leak(self, *arguments):
        result = nalar("eval", MODEL, "--leak", self.train, "-t", "1", "--json", *arguments)
        self.assertEqual(result.code, 0, result.err)
        return json.loads(result.text)["leak"], result


class CommandLine(Leak):
    def test_usage(self):
        for pattern, arguments in [
                ("--leak needs --adapter", ["--leak", self.train]),
                ("--leak goes alone", ["--leak", self.train, "--text", self.train, "--against", MODEL]),
                ("--heldout needs --leak", ["--text", self.train, "--heldout", self.heldout]),
                ("--decoys needs --leak", ["--text", self.train, "--decoys", "9"]),
                ("--against base needs --adapter", ["--leak", self.train, "--against", "base"]),
                ("--leak-prefix: got .*0", ["--leak", self.train, "--against", MODEL, "--leak-prefix", "0"]),
                ("--decoys: got .*0", ["--leak", self.train, "--against", MODEL, "--decoys", "0"])]:
            with self.subTest(arguments=arguments):
                self.assert_error(nalar("eval", MODEL, *arguments), 64, pattern)

    def bad(self, code, pattern, *arguments):
        output = self.folder / "report.json"
        result = nalar("eval", MODEL, *arguments, "-o", str(output), "-q")
        self.assert_error(result, code, pattern)
        self.assertFalse(output.exists())

    def test_bad_input(self):
        against = ("--against", MODEL)
        bad = self.file("bad.jsonl", '{"text": "One day"}\n{"text": 5}\n')
        self.bad(65, r"bad\.jsonl: line 2: field text: got", "--leak", bad, *against)
        self.bad(65, r"bad\.jsonl: line 2: field text: got", "--leak", self.train, "--heldout", bad, *against)
        self.bad(66, r"none\.jsonl", "--leak", self.train, "--heldout", "none.jsonl", *against)
        self.bad(65, "vocabularies differ", "--leak", self.train, "--against", OTHER)


class Base(Leak):
    def test_a_model_is_never_leaky_against_itself(self):
        samples = self.folder / "samples.jsonl"
        r, result = self.leak("--heldout", self.heldout, "--against", MODEL, "--samples", str(samples))
        self.assertEqual(r["verdict"], "no leak shown")
        self.assertRegex(r["settings"]["train_sha256"] + r["settings"]["heldout_sha256"], "^[0-9a-f]{128}$")
        self.assertEqual((r["settings"]["prefix"], r["settings"]["continuation"]), (50, 50))
        self.assertEqual([t["tested"] for t in r["tests"]], [True, True, False])
        self.assertEqual(r["membership"][0]["auc"]["value"], 0.5)
        self.assertEqual([rate["tpr"] is None for rate in r["membership"][0]["tpr_at_fpr"]], [False, False, True])
        lines = [json.loads(line) for line in samples.read_text().splitlines()]
        self.assertEqual([line["trained_on"] for line in lines], [True] * 50 + [False] * 100)
        self.assertEqual(lines[3]["tuned"], lines[3]["base"])
        self.assertRegex(lines[3]["row"], r"train\.jsonl: line 4$")
        self.assertIn(b"no run.json", result.err)

    def test_without_held_out_rows(self):
        r, result = self.leak("--against", MODEL)
        self.assertEqual(r["membership"], [])
        self.assertIn("no held-out rows", r["tests"][0]["finding"])
        self.assertIn(b"no membership test: it needs --heldout", result.err)

    def test_few_rows(self):
        few = self.file("few.jsonl", "".join(rows(3, 5)))
        r, _ = self.leak("--heldout", few, "--against", MODEL)
        self.assertIn("need 20 of each", r["tests"][0]["finding"])

    def test_rows_in_both_files_are_left_out_and_named(self):
        both = self.file("both.jsonl", "".join(list(rows(2, 30)) + list(rows(1, 2))))
        r, result = self.leak("--heldout", both, "--against", MODEL)
        self.assertEqual((r["heldout_rows"], r["equal_rows_left_out"]), (30, 2))
        self.assertRegex(result.err.decode(), r"left out: 2 held-out rows .*both\.jsonl: line 31, .*both\.jsonl: line 32")

    def test_markdown(self):
        result = nalar("eval", MODEL, "--leak", self.train, "--against", MODEL, "--format", "markdown", "-q")
        self.assertEqual(result.code, 0, result.err)
        self.assertRegex(result.text, r"(?m)^\*\*verdict: no leak shown")
        self.assertRegex(result.text, r"(?m)^\| greedy, verbatim +\|")

    def test_personal_data_is_counted_and_not_told(self):
        train = self.file("mail.jsonl", '{"text": "Write to mia@example.org or call +62 812-3456-7890."}\n' * 2)
        result = nalar("eval", MODEL, "--leak", train, "--against", MODEL, "--json")
        kinds = {p["kind"]: p for p in json.loads(result.text)["leak"]["personal_data"]}
        self.assertEqual(kinds["e-mail"]["in_data"], 2)
        self.assertEqual(len(kinds["phone"]["rows"]), 2)
        self.assertNotIn(b"mia@", result.out + result.err)
        self.assertNotIn(b"3456", result.out + result.err)


@unittest.skipUnless(HAS_TORCH, "LibTorch is not there")
class Tuned(Leak):
    def test_once_is_not_leaky_and_twenty_times_is(self):
        for epochs, verdict in (("1", "no leak shown"), ("20", "leaky")):
            with self.subTest(epochs=epochs):
                adapter = self.finetune("e" + epochs, "--epochs", epochs)
                r, _ = self.leak("--heldout", self.heldout, "--adapter", adapter)
                self.assertEqual(r["verdict"], verdict, r["tests"])
        # The verdict is of the adapter: without it, nothing is there.
        r, _ = self.leak("--heldout", self.heldout, "--adapter", adapter + ":0")
        self.assertEqual(r["verdict"], "no leak shown")

    def test_rows_come_back(self):
        draw = random.Random(5).choice
        stories = [json.dumps({"text": f"{name} had a {draw(COLORS)} {draw(THINGS)}. {name} and {draw(NAMES)} took it to the "
                               f"{draw(PLACES)} and saw a {draw(COLORS)} {draw(THINGS)}."}) + "\n" for name in NAMES for _ in "ab"]
        # Every other is trained on: one story a name, which its beginning tells.
        self.train = self.file("train.jsonl", "".join(stories[::2]))
        heldout = self.file("heldout.jsonl", "".join(stories[1::2]))
        adapter = self.finetune("r", "--epochs", "60")
        r, _ = self.leak("--heldout", heldout, "--adapter", adapter, "--leak-prefix", "8", "--leak-continuation", "12")
        extraction = r["extraction"]
        self.assertGreaterEqual(extraction["tuned"]["verbatim"]["value"], 0.75)
        self.assertEqual(extraction["base"]["verbatim"]["value"], 0)
        self.assertLess(extraction["heldout"]["verbatim"]["value"], 0.25)
        shares = [d["share"]["value"] for d in extraction["tuned"]["discoverable"]]
        self.assertEqual(shares, sorted(shares))
        self.assertEqual([(t["tested"], t["leaky"]) for t in r["tests"]], [(False, False), (True, True), (False, False)])
        self.assertEqual(r["verdict"], "leaky")

    def test_canaries(self):
        adapter = self.finetune("c", "--epochs", "1", "--canaries", "3", "--canary-repeats", "40", "--seed", "9")
        path = self.folder / "c" / "canaries.json"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        canaries = json.loads(path.read_text())
        self.assertEqual((canaries["seed"], canaries["repeats"], len(canaries["secrets"])), (9, 40, 3))
        run = json.loads((self.folder / "c" / "run.json").read_text())
        self.assertEqual((run["data"]["rows_trained"], run["data"]["canary_rows"]), (50, 120))
        for name in ("run.json", "README.md", "report.html", "log.jsonl"):
            text = (self.folder / "c" / name).read_text()
            self.assertFalse(any(secret in text for secret in canaries["secrets"]), name)
        r, result = self.leak("--adapter", adapter, "--decoys", "255")
        self.assertEqual(r["verdict"], "leaky")
        self.assertEqual(r["canaries"]["max_exposure"], 8)
        for canary in r["canaries"]["exposures"]:
            self.assertGreater(canary["tuned"], 5)
        self.assertFalse(any(secret.encode() in result.out + result.err for secret in canaries["secrets"]))
        path.write_text(json.dumps({**canaries, "repeats": 0}))
        self.assert_error(nalar("eval", MODEL, "--leak", self.train, "--adapter", adapter, "-q"), 65,
                          r"canaries\.json: field repeats: got 0")

    def test_rows_that_the_run_held_back(self):
        adapter = self.finetune("v", "--valid-split", "0.5", "--steps", "2", "--max-length", "32")
        samples = self.folder / "samples.jsonl"
        r, result = self.leak("--adapter", adapter, "--samples", str(samples))
        # As the run read them: cut.
        self.assertEqual({json.loads(line)["tokens"] for line in samples.read_text().splitlines()}, {32})
        self.assertEqual((r["training_rows"], r["heldout_rows"]), (25, 25))
        self.assertIn(b"which the run held back", result.err)
        # Other data than the run's are taken as they are.
        self.train = self.heldout
        r, result = self.leak("--adapter", adapter)
        self.assertEqual((r["training_rows"], r["heldout_rows"]), (100, 0))
        self.assertIn(b"not the bytes that the run recorded", result.err)


if __name__ == "__main__":
    main()
