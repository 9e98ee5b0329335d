"""Other readers read what lib/report writes: XML and HTML parsers the page, JSON's the run, YAML's the card's front
matter, tensorboard the event files. Argument: the program test_report. NALAR_TEST_PEERS: a
Python with yaml and tensorboard, without which their tests are skipped."""

import html.parser
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SVG = "{http://www.w3.org/2000/svg}"
READ_EVENTS = """
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
for tag in events.Tags()["scalars"]:
    print(tag, [(e.step, round(e.value, 6)) for e in events.Scalars(tag)])
"""
READ_YAML = "import sys, json, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"


class Balanced(html.parser.HTMLParser):
    VOID = {"meta", "br", "line", "circle", "polyline"}

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        subprocess.run([PROGRAM, "[.files]"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "NALAR_TEST_OUTPUT": str(cls.folder)})

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_the_page(self):
        text = (self.folder / "report.html").read_text(encoding="utf-8")
        root = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(len(list(root.iter(SVG + "svg"))), 4)
        self.assertIn("Where?</pre><script>alert(1)</script>", "".join(root.itertext()))
        page = Balanced()
        page.feed(text)
        self.assertEqual(page.open, [])
        self.assertNotIn("script", page.seen)

    def test_the_run(self):
        run = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        self.assertEqual(run["end_tokens"], {"ids": [2], "pieces": ["<|im_end|>"]})

    def peer(self, code, *arguments, module, stdin=""):
        if subprocess.run([PEER, "-c", f"import {module}"], capture_output=True).returncode != 0:
            self.skipTest(f"{PEER} has no {module}")
        done = subprocess.run([PEER, "-c", code, *arguments], input=stdin, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_front_matter(self):
        card = (self.folder / "README.md").read_text(encoding="utf-8")
        matter = json.loads(self.peer(READ_YAML, module="yaml", stdin=card.split("---\n")[1]))
        self.assertEqual(matter["base_model"], "Smol|<b>LM")
        self.assertEqual(matter["library_name"], "peft")
        self.assertEqual(matter["tags"], ["base_model:adapter:Smol|<b>LM", "lora", "nalar"])

    def test_tensorboard(self):
        seen = self.peer(READ_EVENTS, str(self.folder), module="tensorboard.backend.event_processing.event_accumulator").splitlines()
        # The first three steps of the first file; from 4 on the resumed run's.
        self.assertEqual(seen, ["loss [(1, 1.0), (2, 2.0), (3, 3.0), (4, 40.0), (5, 50.0), (6, 60.0)]",
                                "lr [(1, 0.0001), (2, 0.0001), (3, 0.0001), (4, 0.0001), (5, 0.0001), (6, 0.0001)]"])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    PEER = os.environ.get("NALAR_TEST_PEERS", sys.executable)
    unittest.main(verbosity=2)
