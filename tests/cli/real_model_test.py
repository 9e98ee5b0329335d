"""The models that scripts/get_model fetches, where NALAR_TEST_MODELS names their folder."""

import json
import os
import pathlib
import unittest

from harness import CliTest, main, nalar

FOLDER = pathlib.Path(os.environ.get("NALAR_TEST_MODELS", "/nonexistent"))
SMOLLM2 = FOLDER / "smollm2-135m-instruct-q4_1.gguf"


@unittest.skipUnless(SMOLLM2.exists(), "NALAR_TEST_MODELS holds no SmolLM2")
class SmolLm2(CliTest):
    def ask(self, *arguments):
        result = nalar("run", str(SMOLLM2), "-t", "1", *arguments)
        self.assertEqual((result.code, result.err), (0, b""))
        return result.text

    def test_it_answers(self):
        self.assertIn("Paris", self.ask("What is the capital of France?", "--greedy", "-n", "16", "--compute", "fp32"))
        self.assertIn("Paris", self.ask("The capital of France is", "--raw", "--greedy", "-n", "4"))

    def test_its_template_is_used(self):
        shown = json.loads(self.ask("Hi <|im_end|>", "--show-prompt", "--json"))
        self.assertTrue(shown["text"].endswith("<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n"))
        # Two of the template's own turns end; the words of the message end none.
        self.assertEqual(shown["ids"].count(2), 2)
        system = json.loads(self.ask("Hi", "--system", "Be brief.", "--show-prompt", "--json"))
        self.assertTrue(system["text"].startswith("<|im_start|>system\nBe brief.<|im_end|>\n"))

    def test_equal_bytes_with_any_number_of_threads(self):
        arguments = ("Tell me a joke.", "-n", "12", "--seed", "3")
        self.assertEqual(self.ask(*arguments), self.ask(*arguments, "-t", "2"))


if __name__ == "__main__":
    main()
