"""run, bench and inspect with a LoRA adapter on the small real model of tests/golden."""

import json
import struct

from harness import GOLDEN, CliTest, main, nalar

MODEL = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
START = "Once upon a time"
D = 64


def safetensors(tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        blob = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(blob)]}
        data += blob
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def run(*arguments, **more):
    return nalar("run", MODEL, "-t", "1", "--greedy", "-n", "12", *arguments, **more)


class Adapter(CliTest):
    def adapter(self, name="style", run_json=None, **config):
        folder = self.folder / name
        folder.mkdir()
        tensors = {}
        for word in ("q_proj", "o_proj"):
            module = f"base_model.model.model.layers.0.self_attn.{word}"
            tensors[f"{module}.lora_A.weight"] = ([2, D], [((i * 7) % 11 - 5) / 10 for i in range(2 * D)])
            tensors[f"{module}.lora_B.weight"] = ([D, 2], [((i * 5) % 13 - 6) / 10 for i in range(2 * D)])
        (folder / "adapter_model.safetensors").write_bytes(safetensors(tensors))
        settings = dict(peft_type="LORA", r=2, lora_alpha=8, target_modules=["q_proj", "o_proj"],
                        base_model_name_or_path="stories260K") | config
        (folder / "adapter_config.json").write_text(json.dumps(settings))
        if run_json is not None:
            (folder / "run.json").write_text(json.dumps(run_json))
        return str(folder)

    def test_it_changes_the_answer_by_its_scale(self):
        adapter = self.adapter()
        base, adapted = run(START), run(START, "--adapter", adapter)
        self.assertEqual((adapted.code, adapted.err), (0, b""))
        self.assertNotEqual(base.out, adapted.out)
        self.assertEqual(run(START, "--adapter", adapter + ":0").out, base.out)
        self.assertEqual(run(START, "--adapter", adapter + ":1").out, adapted.out)
        self.assertEqual(run(START, "--adapter", adapter + ":0.5", "--adapter", adapter + ":0.5").out, adapted.out)
        detail = run(START, "--adapter", adapter + ":0.5", "--verbose").err.decode()
        self.assertIn(f"adapter {adapter}: 0.0 M parameters, scale 0.5", detail)
        colon = self.adapter("a:2")
        self.assertEqual(run(START, "--adapter", colon).out, adapted.out)
        self.assertEqual(run(START, "--adapter", colon + ":0").out, base.out)

    def test_its_end_tokens_end_the_answer(self):
        plain = self.adapter()
        whole = json.loads(run(START, "--adapter", plain, "--json").text)
        self.assertEqual(whole["finish_reason"], "length")
        last = json.loads(run(START, "--adapter", plain, "--json", "--logprobs", "0").text)["logprobs"][3]["id"]
        ending = self.adapter("ending", run_json={"end_tokens": {"ids": [last], "pieces": ["x"]}})
        ended = json.loads(run(START, "--adapter", ending, "--json").text)
        self.assertEqual(ended["finish_reason"], "eos")
        self.assertTrue(whole["text"].startswith(ended["text"]))

    def test_another_base_is_a_notice_or_an_error(self):
        adapter = self.adapter(run_json={"base": {"name": "other", "fingerprint": "00"}})
        result = run(START, "--adapter", adapter)
        self.assertEqual(result.code, 0)
        self.assertIn(f"notice: {adapter}: was trained on another base (other)", result.err.decode())
        self.assert_error(run(START, "--adapter", adapter, "--strict"), 65, "was trained on another base")

    def test_what_is_no_adapter(self):
        adapter = self.adapter()
        self.assert_error(run(START, "--adapter", adapter + "x"), 66, "stylex: no such folder")
        self.assert_error(run(START, "--adapter", adapter + ":x"), 64, "--adapter DIR:SCALE: got \"x\", need a number")
        self.assert_error(run(START, "--adapter", MODEL), 66, "not an adapter: its key general.type")
        self.assert_error(run(START, "--adapter", __file__), 66, "not a folder")
        self.assert_error(run(START, "--adapter", self.adapter("r", r=0)), 65, "key r: got 0, need an integer in 1..65536")
        self.assert_error(run(START, "--adapter", self.adapter("rank", r=3)), 65, "q_proj.lora_A.weight does not fit the base")
        pickle = self.folder / "pickle"
        pickle.mkdir()
        (pickle / "adapter_config.json").write_text("{}")
        (pickle / "adapter_model.bin").write_bytes(b"PK")
        self.assert_error(run(START, "--adapter", str(pickle)), 77, "pickle")
        self.assert_error(nalar("inspect", str(pickle)), 65, "peft_type")

    def test_bench_and_dry_run_take_it(self):
        adapter = self.adapter()
        result = nalar("bench", MODEL, "-p", "4", "-n", "2", "-r", "1", "-t", "1", "--adapter", adapter, "--json")
        self.assertEqual(json.loads(result.text)["adapters"], [adapter])
        need = [json.loads(run("--dry-run", "--json", *more).text)["weights_bytes"]
                for more in ((), ("--adapter", adapter))]
        self.assertEqual(need[1] - need[0], 4 * 2 * 2 * 2 * D)

    def test_inspect_tells_what_it_is_made_of(self):
        adapter = self.adapter(use_rslora=True, run_json={
            "base": {"name": "stories", "fingerprint": "ab"}, "end_tokens": {"ids": [2], "pieces": ["</s>"]}})
        report = json.loads(nalar("inspect", adapter, "--json", "--tensors", "--hashes").text)
        self.assertEqual(report["format"], "PEFT adapter")
        self.assertEqual(report["parameters"], 2 * 2 * 2 * D)
        told = report["adapter"]
        self.assertEqual((told["rank"], told["alpha"], told["rslora"]), (2, 8, True))
        self.assertAlmostEqual(told["scale"], 8 / 2 ** 0.5)
        self.assertEqual(told["targets"], ["q_proj", "o_proj"])
        self.assertEqual((told["base"], told["base_fingerprint"], told["end_tokens"]), ("stories", "ab", [2]))
        self.assertEqual(len(report["tensors"]), 4)
        self.assertEqual(len(report["files"][0]["sha256"]), 64)
        text = nalar("inspect", adapter).text
        for piece in ("PEFT adapter", "rank", "5.65685", "q_proj, o_proj", "stories"):
            self.assertIn(piece, text)


if __name__ == "__main__":
    main()
