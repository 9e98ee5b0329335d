#!/usr/bin/env python3
"""What jinja2 makes of templates, for the tests of lib/chat.

    make_golden_templates.py                  writes tests/golden/templates/probes.json
    make_golden_templates.py --real DIR OUT   renders every template of DIR/{llama.cpp,chujiezheng} with every chat of
                                              DIR/contexts into OUT (JSON; not for the repository). The tests
                                              read it where NALAR_TEST_RENDERED says.

Needs jinja2 3.1.6 and transformers, whose own environment is used. The clock stands at 2025-07-10 12:00:00.
"""
import datetime
import json
import pathlib
import sys
import warnings

import jinja2
from transformers.utils import chat_template_utils

import template_probes

ROOT = pathlib.Path(__file__).resolve().parent.parent


class StoppedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2025, 7, 10, 12, 0, 0)


chat_template_utils.datetime = StoppedClock
compile_template = chat_template_utils._cached_compile_jinja_template


def render(template, variables):
    """The text, or None where jinja2 refuses the template or fails."""
    try:
        return compile_template(template).render(**json.loads(json.dumps(variables)))
    except Exception:
        return None


def write_probes():
    cases = [[t, render(t, template_probes.DATA)] for t in template_probes.templates()]
    rows = ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in cases)
    data = json.dumps(template_probes.DATA, ensure_ascii=False, separators=(",", ":"))
    path = ROOT / "tests/golden/templates/probes.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"jinja2":"{jinja2.__version__}","data":{data},\n"cases":[\n{rows}\n]}}\n')
    print(f"{path}: {len(cases)} cases, {sum(c[1] is None for c in cases)} errors")


def write_real(folder, out):
    templates = [p for part in ("llama.cpp", "chujiezheng") for p in sorted((folder / part).glob("*.jinja"))]
    cases = []
    for template in templates:
        for context in sorted((folder / "contexts").glob("*.json")):
            text = render(template.read_text(), json.loads(context.read_text()))
            cases.append([str(template.relative_to(folder)), str(context.relative_to(folder)), text])
    out.write_text(json.dumps(cases, ensure_ascii=False))
    print(f"{out}: {len(cases)} cases, {sum(c[2] is None for c in cases)} errors")


def main():
    assert render("{{ 1 + 1 }}", {}) == "2"
    assert jinja2.__version__ == "3.1.6"
    warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["--real"]:
        write_real(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    else:
        write_probes()


if __name__ == "__main__":
    main()
