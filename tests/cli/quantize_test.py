"""nalar quantize: a file that runs, a report, and every way in which it is refused or stopped."""

import hashlib
import json
import os
import random
import signal
import subprocess
import time

from harness import BINARY, GOLDEN, ISOLATED, CliTest, environment, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
WORDS = "the little cat saw a big red ball and ran to her mom who was happy one sunny day in park".split()


def text(words, seed=1):
    draw = random.Random(seed)
    return " ".join(draw.choices(WORDS, k=words)) + "."


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Quantize(CliTest):
    def out(self, name="out.gguf"):
        return str(self.folder / name)

    def quantize(self, *arguments, code=0):
        result = nalar("quantize", *arguments, "-t", "1")
        self.assertEqual(result.code, code, result.err)
        return result

    def refused(self, code, pattern, *arguments, out=None):
        out = out or self.out()
        self.assert_error(nalar("quantize", MODEL, out, *arguments), code, pattern)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(("out", ".tmp"))], [])

    def test_the_result_answers_and_its_report_says_what_it_is(self):
        result = json.loads(self.quantize(MODEL, self.out(), "--type", "q8_0", "--json").text)
        report = json.loads((self.folder / "out.gguf.report.json").read_text())
        self.assertEqual(report, result)
        self.assertEqual(report["source"], {"name": "stories260K-f32.gguf", "sha256": sha256(MODEL)})
        self.assertEqual(report["result"], {"name": "out.gguf", "sha256": sha256(self.out()),
                                            "bytes": os.path.getsize(self.out())})
        self.assertEqual(report["options"], {"type": "Q8_0"})
        self.assertEqual({t["from"] for t in report["tensors"]}, {"F32"})
        self.assertGreater(report["peak_bytes"], 1 << 20)
        self.assertLess(max(t["relative_rmse"] or 0 for t in report["tensors"]), 0.01)
        arguments = ("Once upon a time", "--raw", "--greedy", "-n", "8", "-t", "1")
        self.assertEqual(nalar("run", self.out(), *arguments).text, nalar("run", MODEL, *arguments).text)

    def test_an_unknown_instruction_set_is_an_error(self):
        for arguments in (("quantize", MODEL, self.out(), "--type", "Q4_0"), ("convert", MODEL, self.out())):
            self.assert_error(nalar(*arguments, env={"NALAR_ISA": "mmx"}), 78, "NALAR_ISA: unknown instruction set")

    def test_inspect_verifies_it(self):
        self.quantize(MODEL, self.out(), "--type", "Q8_0")
        shown = json.loads(nalar("inspect", self.out(), "--verify", "--json").text)
        self.assertEqual(shown["verified"]["files"][0]["sha256"], sha256(self.out()))
        self.assertEqual(shown["provenance"]["nalar.source.sha256"], sha256(MODEL))
        with open(self.out(), "r+b") as file:
            file.seek(-40, os.SEEK_END)
            file.write(b"\x55")
        result = nalar("inspect", self.out(), "--verify")
        self.assertEqual(result.code, 65)
        self.assertRegex(result.error_lines[0], "out.gguf: it is not what out.gguf.report.json tells of: got")
        self.assertEqual(nalar("inspect", self.out()).code, 0)
        self.file("out.gguf.report.json", "{}")
        result = nalar("inspect", self.out(), "--verify")
        self.assertEqual(result.code, 65)
        self.assertRegex(result.error_lines[0], "out.gguf.report.json: key result: result is missing")
        os.remove(self.out("out.gguf.report.json"))
        result = nalar("inspect", self.out(), "--verify")
        self.assertEqual(result.code, 66)
        self.assertRegex(result.error_lines[0], "out.gguf.report.json: nothing to verify it against")
        self.assert_error(nalar("inspect", self.out(), "--verify", "--encode", "x"), 64, "--verify needs a report")

    def test_dry_run_writes_nothing_and_knows_the_size(self):
        plan = json.loads(self.quantize(MODEL, "--dry-run", "--type", "Q4_0", "--json").text)
        table = self.quantize(MODEL, "--dry-run", "--type", "Q4_0").text
        self.assertRegex(table, r"(?m)^blk\.0\.attn_q\.weight +\[64, 64\] +F32 → Q4_0 ")
        self.assertRegex(table, r"(?m)^size  .* bits a weight$")
        self.assertEqual(os.listdir(self.folder), [])
        self.quantize(MODEL, self.out(), "--type", "Q4_0")
        self.assertEqual(os.path.getsize(self.out()), plan["bytes"])

    def test_types_by_name_and_by_size(self):
        self.quantize(MODEL, self.out(), "--tensor", "attn_[qk]=Q5_1", "--tensor", "attn|ffn_up=Q8_0",
                      "--output-type", "f16")
        report = json.loads((self.folder / "out.gguf.report.json").read_text())
        types = {t["name"]: t["to"] for t in report["tensors"]}
        self.assertEqual(types["blk.0.attn_k.weight"], "Q5_1")
        self.assertEqual(types["blk.4.ffn_up.weight"], "Q8_0")
        self.assertEqual(types["token_embd.weight"], "F16")  # the head too
        self.assertEqual(types["output_norm.weight"], "F32")
        self.quantize(MODEL, self.out("size.gguf"), "--target-size", "300 kB")
        self.assertLessEqual(os.path.getsize(self.out("size.gguf")), 300_000)
        bits = json.loads(self.quantize(MODEL, "--dry-run", "--target-bpw", "8", "--json").text)
        self.assertLessEqual(bits["bits_per_weight"], 8)

    def test_a_target_of_a_mixs_size_loses_less_than_the_mix(self):
        held = self.file("held.txt", text(1600, seed=2))
        kl = {}
        for name, how in (("mix", ("--type", "Q4_0")), ("target", ("--target-bpw", "7.51"))):
            report = json.loads(self.quantize(MODEL, self.out(name + ".gguf"), *how, "--check", held, "--json").text)
            self.assertLess(report["bits_per_weight"], 7.52)
            kl[name] = report["check"]["kl_divergence"]["value"]
        self.assertLess(kl["target"], 0.8 * kl["mix"])

    def test_calibration_imatrix_and_check(self):
        words = self.file("words.txt", text(4000))
        held = self.file("held.txt", text(1600, seed=2))
        imatrix = self.out("imatrix.gguf")
        common = ("--type", "Q4_0", "--check", held, "--json")
        plan = json.loads(self.quantize(MODEL, "--dry-run", "--calibrate", words, *common).text)
        with_text = json.loads(self.quantize(MODEL, self.out("c.gguf"), "--calibrate", words, "--write-imatrix",
                                             imatrix, *common).text)
        with_imatrix = json.loads(self.quantize(MODEL, self.out("i.gguf"), "--imatrix", imatrix, *common).text)
        without = json.loads(self.quantize(MODEL, self.out("w.gguf"), *common).text)
        self.assertEqual(with_text["statistics"]["sha256"], sha256(words))
        self.assertEqual(with_imatrix["statistics"]["sha256"], sha256(imatrix))
        self.assertEqual(without["statistics"], {"kind": "drawn", "tokens": 16})
        self.assertEqual(plan["bytes"], os.path.getsize(self.out("c.gguf")))
        for report in (with_text, with_imatrix, without):
            self.assertEqual(report["check"]["text_sha256"], sha256(held))
            self.assertGreater(report["check"]["kl_divergence"]["value"], 0)
        kl = [r["check"]["kl_divergence"]["value"] for r in (with_text, without)]
        self.assertLess(kl[0], kl[1])
        shown = json.loads(nalar("inspect", self.out("c.gguf"), "--json").text)
        self.assertIn("Q4_0", [t["type"] for t in shown["types"]])
        keys, report = shown["provenance"], with_text
        self.assertAlmostEqual(keys["nalar.check.kl_divergence"], kl[0], delta=1e-6 * kl[0])
        self.assertEqual(keys["nalar.check.text_sha256"], sha256(held))
        self.assertEqual(keys["nalar.quantize.calibration_sha256"], sha256(words))
        self.assertEqual(report["result"]["sha256"], sha256(self.out("c.gguf")))

    def test_what_cannot_be_is_refused(self):
        words = self.file("short.txt", text(20))
        self.refused(64, 'type: unknown type "Q4_Z"', "--type", "Q4_Z")
        self.refused(64, 'tensor: unknown type "Q9"', "--tensor", "blk=Q9")
        self.refused(64, "need REGEX=TYPE", "--tensor", "blk")
        self.refused(64, 'tensor: invalid pattern "\\["', "--tensor", "[=Q8_0")
        self.refused(64, "matches no matrix", "--tensor", "expert=Q8_0")
        self.refused(64, "rows of 64 values cannot be Q4_K, whose blocks have 256", "--tensor", "attn_q=Q4_K")
        self.refused(64, "the target cannot be met: the least is [0-9]+ bytes", "--target-size", "100kB")
        self.refused(64, "need a size", "--target-size", "4 parsecs")
        self.refused(64, "exclude each other", "--target-size", "1GB", "--target-bpw", "4")
        self.refused(64, "exclude each other", "--type", "Q4_0", "--target-bpw", "4")
        self.refused(64, "write-imatrix needs --calibrate", "--write-imatrix", self.out("i"))
        self.refused(64, "calibrate changes nothing: no tensor gets a quantized type", "--type", "F16",
                     "--calibrate", words)
        self.refused(64, "no-feedback needs --calibrate", "--no-feedback")
        self.refused(65, "short.txt: too short to calibrate with: got [0-9]+ tokens, need 2048", "--calibrate", words)
        self.refused(65, "short.txt: .*older form", "--imatrix", words)
        self.refused(66, "nothing.txt", "--calibrate", self.out("nothing.txt"))
        self.refused(65, "short.txt: ", "--check", words)
        self.refused(66, "nothing.txt", "--check", self.out("nothing.txt"))
        self.refused(73, "no folder: no such folder", out=str(self.folder / "no folder" / "out.gguf"))
        self.assert_error(nalar("quantize"), 64, "MODEL is missing")
        self.assert_error(nalar("quantize", MODEL), 64, "OUT.gguf is missing")

    def test_a_folder_is_quantized_as_the_file_that_convert_makes_of_it(self):
        # F32 is that of the folders: what is copied has the order of rows that GGUF has too.
        for family, type in [(f, t) for f in ("qwen3", "gemma3", "llama-llama3", "llama-bias") for t in ("Q8_0", "F32")]:
            with self.subTest(f"{family} {type}"):
                folder, file = str(GOLDEN / "models" / family), self.out(f"{family}-{type}.gguf")
                self.assertEqual(nalar("convert", folder, file).code, 0)
                data = []
                for source in (folder, file):
                    out = self.out(f"{family}-{type}-{len(data)}.gguf")
                    report = json.loads(self.quantize(source, out, "--type", type, "--json").text)
                    tensors = sum(t["bytes"] for t in report["tensors"])
                    with open(out, "rb") as made:
                        data.append(made.read()[-tensors:])
                # The rows of a llama's q and k lie in another order there: sums over them differ in their last bits,
                # and with what the model computes some ties of the rounding.
                differ = sum(a != b for a, b in zip(*data))
                self.assertLessEqual(differ, len(data[0]) / 1000 if family.startswith("llama") and type == "Q8_0" else 0)

    def test_outputs_that_are_there(self):
        there = self.file("there.gguf", "x")
        self.assert_error(nalar("quantize", MODEL, there), 73, "there.gguf: it exists already")
        model = self.folder / "model.gguf"
        with open(MODEL, "rb") as file:
            model.write_bytes(file.read())
        (self.folder / "link.gguf").symlink_to("model.gguf")
        before = sha256(model)
        for out in ("model.gguf", "link.gguf"):
            self.assert_error(nalar("quantize", str(model), self.out(out)), 64, f"{out}: OUT is the model itself")
        self.assertEqual(sha256(model), before)

    def test_a_quantized_model_only_when_asked(self):
        self.quantize(MODEL, self.out("q8.gguf"), "--type", "Q8_0")
        self.assert_error(nalar("quantize", self.out("q8.gguf"), self.out(), "--type", "Q4_0"), 77,
                          "tensor blk.0.attn_q.weight is Q8_0 already")
        self.quantize(self.out("q8.gguf"), self.out(), "--type", "Q4_0", "--allow-requantize")

    def test_a_full_disk(self):
        def small_files():
            import resource
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        result = nalar("quantize", MODEL, self.out(), "--type", "Q8_0", prepare=small_files)
        self.assert_error(result, 74, "cannot be written: File too large")
        self.assertEqual(os.listdir(self.folder), [])

    def test_killed_at_any_moment_it_is_whole_or_absent(self):
        self.quantize(MODEL, self.out("whole.gguf"), "--type", "Q4_0")
        whole = sha256(self.out("whole.gguf"))
        start = time.monotonic()
        self.quantize(MODEL, self.out("timed.gguf"), "--type", "Q4_0")
        seconds = time.monotonic() - start
        draw = random.Random(5)
        for _ in range(12):
            child = subprocess.Popen([*ISOLATED, BINARY, "quantize", MODEL, self.out(), "--type", "Q4_0", "-t", "1"],
                                     env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(draw.uniform(0, seconds))
            child.kill()
            child.wait()
            if os.path.exists(self.out()):
                self.assertEqual(sha256(self.out()), whole)
                os.remove(self.out())
        # What was left beside it is removed by the next one.
        self.quantize(MODEL, self.out(), "--type", "Q4_0")
        self.assertEqual(sha256(self.out()), whole)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(".tmp")], [])

    def test_stopped_it_says_so(self):
        words = self.file("words.txt", text(200_000))
        child = subprocess.Popen([*ISOLATED, BINARY, "quantize", MODEL, self.out(), "--calibrate", words, "-t", "1"],
                                 env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=300)
        self.assertEqual((child.returncode, out), (75, b""), err)
        self.assertIn(b"stopped, nothing was written", err)
        self.assertEqual(os.listdir(self.folder), ["words.txt"])


if __name__ == "__main__":
    main()
