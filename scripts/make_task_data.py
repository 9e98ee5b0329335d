#!/usr/bin/env python3
"""Turns data of evaluation tasks, in the forms they are handed out in, into rows that nalar eval reads.

    make_task_data.py FORM FILE [LABELS] -o OUT.jsonl

Forms: piqa (valid.jsonl and valid-labels.lst), copa (copa-dev.xml or copa-test.xml), winogrande (dev.jsonl and
dev-labels.lst), arc (ARC-*-Test.jsonl as AI2 hands it out), boolq (dev.jsonl), hellaswag (hellaswag_val.jsonl).
The others (data sets of Hugging Face written with to_json, .csv and .tsv) are read by nalar eval as they are.
"""

import argparse
import json
import pathlib
import sys
import xml.etree.ElementTree


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def labels(path):
    if path is None:
        sys.exit("make_task_data.py: this form needs LABELS")
    return path.read_text(encoding="utf-8").split()


def zipped(rows, marks, key, convert):
    if len(rows) != len(marks):
        sys.exit(f"make_task_data.py: {len(rows)} rows, but {len(marks)} labels")
    return [{**row, key: convert(mark)} for row, mark in zip(rows, marks)]


def piqa(path, marks):
    return zipped(lines(path), labels(marks), "label", int)


def winogrande(path, marks):
    rows = lines(path)
    return rows if all("answer" in row for row in rows) else zipped(rows, labels(marks), "answer", str)


def copa(path, _):
    root = xml.etree.ElementTree.parse(path).getroot()
    return [{"premise": item.findtext("p"), "choice1": item.findtext("a1"), "choice2": item.findtext("a2"),
             "question": item.get("asks-for"), "label": int(item.get("most-plausible-alternative")) - 1}
            for item in root.iter("item")]


def arc(path, _):
    rows = []
    for row in lines(path):
        choices = row["question"]["choices"]
        rows.append({"id": row["id"], "question": row["question"]["stem"], "answerKey": row["answerKey"],
                     "choices": {"text": [c["text"] for c in choices], "label": [c["label"] for c in choices]}})
    return rows


def boolq(path, _):
    return [{"passage": row["passage"], "question": row["question"], "label": int(row["answer"])}
            for row in lines(path)]


def hellaswag(path, _):
    return [{**{key: row[key] for key in ("activity_label", "ctx_a", "ctx_b", "endings")},
             "label": int(row["label"])} for row in lines(path)]


FORMS = {f.__name__: f for f in (piqa, winogrande, copa, arc, boolq, hellaswag)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", choices=FORMS)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("labels", type=pathlib.Path, nargs="?")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    rows = FORMS[arguments.form](arguments.file, arguments.labels)
    with arguments.output.open("x", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{len(rows)} rows", file=sys.stderr)


if __name__ == "__main__":
    main()
