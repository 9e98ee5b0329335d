#!/usr/bin/env python3
"""Writes lib/chat/unicode_tables.inc: what Python's str knows of Unicode beyond categories and one-to-one case."""
import pathlib
import unicodedata

CHARACTERS = [chr(c) for c in range(0x110000)]


def category(c):
    return unicodedata.category(c)


def ranges(name, test):
    found = []
    for c in filter(test, CHARACTERS):
        if found and found[-1][1] == ord(c) - 1:
            found[-1][1] = ord(c)
        else:
            found.append([ord(c), ord(c)])
    body = "".join(f"    {{0x{a:X}, 0x{b:X}}},\n" for a, b in found)
    return f"constexpr Range {name}[] = {{\n{body}}};\n"


def mappings(name, method):
    rows = []
    for c in CHARACTERS:
        to = method(c)
        if len(to) > 1:
            codes = [ord(x) for x in to] + [0] * (3 - len(to))
            rows.append(f"    {{0x{ord(c):X}, {{{', '.join(f'0x{x:X}' for x in codes)}}}}},\n")
    return f"constexpr Mapping {name}[] = {{\n{''.join(rows)}}};\n"


def main():
    parts = [
        f"// Made by scripts/make_unicode_tables.py from Unicode {unicodedata.unidata_version}.\n",
        ranges("kOtherLower", lambda c: c.islower() and category(c) != "Ll"),
        ranges("kOtherUpper", lambda c: c.isupper() and category(c) != "Lu"),
        ranges("kOtherDigit", lambda c: c.isdigit() and category(c) != "Nd"),
        ranges("kNumericLetter", lambda c: c.isnumeric() and category(c)[0] != "N"),
        mappings("kLongUpper", str.upper),
        mappings("kLongTitle", str.title),
    ]
    path = pathlib.Path(__file__).parent.parent / "lib/chat/unicode_tables.inc"
    path.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
