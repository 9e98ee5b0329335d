"""convert: forms of the small golden models, as a person would ask for them."""

import json
import os
import shutil
import signal
import struct
import subprocess
import time

from harness import BINARY, GOLDEN, CliTest, environment, main, nalar

STORIES = str(GOLDEN / "stories260k" / "stories260K-f32.gguf")
GEMMA = str(GOLDEN / "models" / "gemma3")
LLAMA = str(GOLDEN / "models" / "llama-bias")
START = "Once upon a time"


def answer(model, *more):
    return nalar("run", model, "-t", "1", "--greedy", "--compute", "fp32", "-n", "16", "--raw", START, *more)


class Convert(CliTest):
    def path(self, name):
        return str(self.folder / name)

    def convert(self, *arguments, code=0):
        result = nalar("convert", *arguments)
        self.assertEqual(result.code, code, result.err)
        return result

    def test_a_gguf_file_as_a_folder_and_back_answers_the_same(self):
        folder, back = self.path("hf"), self.path("back.gguf")
        result = self.convert(STORIES, folder)
        self.assertRegex(result.text, r"hf: \d+ tensors, [\d.]+ MB in \d files\n$")
        self.assertEqual({"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                          "tokenizer_config.json"} - set(os.listdir(folder)), set())
        self.convert(folder, back)
        self.assertEqual(answer(folder).out, answer(STORIES).out)
        self.assertEqual(answer(back).out, answer(STORIES).out)

    def test_json_tells_the_files(self):
        out = self.path("m.gguf")
        result = json.loads(self.convert(GEMMA, out, "--json", "--dtype", "bf16").text)
        self.assertEqual(result["files"], [out])
        self.assertEqual(result["tensors"], 93)
        self.assertEqual(result["left_out"], [])

    def test_split_sets_and_shards(self):
        result = json.loads(self.convert(STORIES, self.path("s.gguf"), "--split-size", "300kB", "--json").text)
        self.assertGreater(len(result["files"]), 2)
        self.assertTrue(result["files"][0].endswith(f"/s-00001-of-{len(result['files']):05}.gguf"))
        self.assertEqual(answer(result["files"][0]).out, answer(STORIES).out)
        shards = self.path("shards")
        self.convert(STORIES, shards, "--split-size", "0.3MB")
        self.assertIn("model.safetensors.index.json", os.listdir(shards))
        self.assertEqual(answer(shards).out, answer(STORIES).out)

    def adapter(self):
        folder = self.folder / "style"
        folder.mkdir()
        header, data = {}, b""
        for word in ("q_proj", "o_proj"):
            for half, shape in (("A", [2, 64]), ("B", [64, 2])):
                values = [((i * 7) % 11 - 5) / 10 for i in range(128)]
                blob = struct.pack("<128f", *values)
                header[f"base_model.model.model.layers.0.self_attn.{word}.lora_{half}.weight"] = {
                    "dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(blob)]}
                data += blob
        text = json.dumps(header).encode()
        (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
        (folder / "adapter_config.json").write_text(json.dumps(
            dict(peft_type="LORA", r=2, lora_alpha=8, target_modules=["q_proj", "o_proj"])))
        return str(folder)

    def test_merging_and_forms_of_an_adapter(self):
        adapter = self.adapter()
        adapted = answer(STORIES, "--adapter", adapter)
        self.assertNotEqual(adapted.out, answer(STORIES).out)
        merged, gguf, peft = self.path("merged.gguf"), self.path("lora.gguf"), self.path("peft")
        self.convert(STORIES, merged, "--adapter", adapter)
        self.assertEqual(answer(merged).out, adapted.out)
        self.convert(STORIES, gguf, "--to", "gguf-adapter", "--adapter", adapter)
        self.assertEqual(answer(STORIES, "--adapter", gguf).out, adapted.out)
        self.convert(STORIES, peft, "--to", "peft", "--adapter", gguf)
        self.assertEqual(answer(STORIES, "--adapter", peft).out, adapted.out)
        self.assert_error(nalar("convert", STORIES, peft + "2", "--to", "peft"), 64, "needs one --adapter")

    def test_what_is_refused(self):
        there = self.path("there")
        os.mkdir(there)
        self.assert_error(nalar("convert", STORIES), 64, "OUT is missing")
        self.assert_error(nalar("convert", STORIES, there), 73, "there: exists already")
        self.assert_error(nalar("convert", STORIES, self.path("no/x.gguf")), 73, "no")
        self.assert_error(nalar("convert", STORIES, self.path("x"), "--dtype", "q8_0"), 64, "--dtype")
        self.assert_error(nalar("convert", STORIES, self.path("x"), "--split-size", "many"), 64, "need a size")
        copy = self.path("copy.gguf")
        shutil.copy(STORIES, copy)
        self.assert_error(nalar("convert", copy, copy), 64, "is the input")
        self.assert_error(nalar("convert", self.path("none.gguf"), there + "2"), 66, "none.gguf")
        self.assertEqual(sorted(os.listdir(self.folder)), ["copy.gguf", "there"])

    def test_what_has_no_place_is_named(self):
        mistral = str(GOLDEN / "models" / "mistral-window")
        result = self.convert(mistral, self.path("w.gguf"))
        self.assertIn("sliding_window: llama.cpp attends to everything", result.err.decode())
        self.assert_error(nalar("convert", mistral, self.path("w2.gguf"), "--strict"), 65, "sliding_window")
        self.assertFalse(os.path.exists(self.path("w2.gguf")))

    def with_unknown_tensor(self):
        folder = self.path("unknown")
        self.convert(STORIES, folder)
        path = os.path.join(folder, "model.safetensors")
        with open(path, "rb") as f:
            size, = struct.unpack("<Q", f.read(8))
            header, data = json.loads(f.read(size)), f.read()
        header["model.side.weight"] = {"dtype": "F16", "shape": [3], "data_offsets": [len(data), len(data) + 6]}
        text = json.dumps(header).encode()
        with open(path, "wb") as f:
            f.write(struct.pack("<Q", len(text)) + text + data + b"\1\2\3\4\5\6")
        return folder

    def test_unknown_tensors_are_refused_or_kept(self):
        folder, out = self.with_unknown_tensor(), self.path("u.gguf")
        refused = nalar("convert", folder, out)
        self.assert_error(refused, 65, "tensor model.side.weight is not known in a llama model")
        self.assertIn("--keep-unknown-tensors", refused.err.decode())
        self.assertFalse(os.path.exists(out))
        result = self.convert(folder, out, "--keep-unknown-tensors", "--json")
        self.assertEqual(json.loads(result.text)["kept"], ["model.side.weight"])
        self.assertIn("kept as they are: 1 tensor that is not known in a llama model: model.side.weight",
                      result.err.decode())
        with open(out, "rb") as f:
            self.assertIn(b"\1\2\3\4\5\6", f.read())
        self.assert_error(answer(out), 65, "model.side.weight is not known")
        small = self.path("q8_0.gguf")
        self.assert_error(nalar("quantize", out, small, "--type", "Q8_0"), 65, "model.side.weight is not known")
        quantized = nalar("quantize", out, small, "--type", "Q8_0", "--keep-unknown-tensors", "--json")
        self.assertEqual(quantized.code, 0, quantized.err)
        self.assertEqual(json.loads(quantized.text)["kept"], ["model.side.weight"])
        with open(small, "rb") as f:
            self.assertIn(b"\1\2\3\4\5\6", f.read())

    def test_killed_at_any_moment_there_is_nothing_or_all(self):
        whole = self.path("whole.gguf")
        self.convert(LLAMA, whole)
        with open(whole, "rb") as f:
            want = f.read()
        for i in range(12):
            out = self.path(f"k{i}.gguf")
            process = subprocess.Popen([BINARY, "convert", LLAMA, out], env=environment(), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(0.004 * i)
            process.send_signal(signal.SIGKILL)
            process.wait()
            if os.path.exists(out):
                with open(out, "rb") as f:
                    self.assertEqual(f.read(), want)


if __name__ == "__main__":
    main()
