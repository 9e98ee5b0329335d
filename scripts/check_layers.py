#!/usr/bin/env python3
"""Checks who includes whom against the tables of lib/README.md.

  scripts/check_layers.py [--list] [ROOT]

Every #include of lib, apps and tests/unit, and the USES and LINKS of each part's CMakeLists.txt, must lie
within the part's row. --list prints the uses of NALAR_MODULE_API, the internals that libnalar_torch needs.
Ends with 1 and one line, file:line: what, for each violation.
"""

import argparse
import pathlib
import re
import sys

# What stands after "#include <": the outside library it is of. The rest is std or the system.
LIBRARIES = [
    (r"openssl/", "openssl"),
    (r"seccomp\.h$", "seccomp"),
    (r"simdjson(/|\.h$)", "simdjson"),
    (r"nlohmann/", "nlohmann"),
    (r"toml\+\+/", "tomlplusplus"),
    (r"sentencepiece", "sentencepiece"),
    (r"pcre2\.h$", "pcre2"),
    (r"utf8proc\.h$", "utf8proc"),
    (r"CLI/", "cli11"),
    (r"(histedit|editline/\w+)\.h$", "edit"),
    (r"fmt/", "fmt"),
    (r"catch2/", "catch2"),
    (r"benchmark/", "benchmark"),
    (r"(torch|ATen|c10|caffe2)/", "torch"),
]
# A CMake target dep_X whose library has another name in the table.
TARGETS = {"crypto": "openssl"}
STANDARD = re.compile(r"[a-z_0-9]+$")  # <vector>, <cmath>, …
SYSTEM = re.compile(
    r"(sys|linux|asm)/\w+\.h$|(unistd|fcntl|signal|sched|pthread|dirent|dlfcn|errno|termios|poll|langinfo"
    r"|elf|link|cpuid|immintrin|x86intrin|stdint|stddef|stdlib|stdio|string|time|pwd|spawn|cxxabi)\.h$")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = {".h", ".cpp", ".inc", ".in"}


class Layers:
    """The two tables: who may include which parts and libraries, and whose each public header is."""

    def __init__(self, readme):
        self.parts = {}      # part → parts it may include
        self.libraries = {}  # part → outside libraries
        self.owner = {}      # public header → part
        rows = [[c.strip() for c in line.strip().strip("|").split("|")]
                for line in readme.read_text().splitlines() if line.startswith("|")]
        for row in rows:
            if len(row) == 3 and re.fullmatch(r"\w+", row[0]) and row[0] != "part":
                ours, _, outside = row[2].partition(";")
                self.parts[row[0]] = set(ours.split())
                self.libraries[row[0]] = set(outside.split())
            elif len(row) == 2 and row[0].endswith(".h"):
                for header in row[0].split():
                    self.owner[header] = row[1]
        self.parts.pop("apps", None)  # may include any public header and nothing else of lib
        if not self.parts or not self.owner:
            sys.exit(f"{readme}: a table is missing")

    def closure(self, part):
        seen, todo = set(), [part]
        while todo:
            p = todo.pop()
            if p not in seen:
                seen.add(p)
                todo += self.parts.get(p, ())
        return seen


class Checker:
    def __init__(self, root):
        self.root = root
        self.layers = Layers(root / "lib/README.md")
        self.problems = []
        self.n_includes = 0
        self.used = {}  # part → parts its sources include

    def problem(self, path, line, text):
        self.problems.append(f"{path.relative_to(self.root)}:{line}: {text}")

    def outside_library(self, header):
        for pattern, library in LIBRARIES:
            if re.match(pattern, header):
                return library
        if STANDARD.match(header) or SYSTEM.match(header):
            return None
        return f"unknown ({header}: add it to scripts/check_layers.py)"

    def includes(self, path):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := INCLUDE.match(line):
                self.n_includes += 1
                yield number, match[1], match[2]

    def part_of(self, header, quoted, path):
        """The part that a header of ours belongs to, or None."""
        if header.startswith("nalar/"):
            name = header.removeprefix("nalar/")
            if name not in self.layers.owner:
                return f"?{name}"
            return self.layers.owner[name]
        first = header.split("/")[0]
        if quoted and first in self.layers.parts and "/" in header:
            return first
        return None

    def check_file(self, path, part, allowed_parts, allowed_libraries):
        for number, bracket, header in self.includes(path):
            target = self.part_of(header, bracket == '"', path)
            if target is not None:
                if target.startswith("?"):
                    self.problem(path, number, f"{header} is not in the table of public headers")
                elif target not in allowed_parts and target != "all":
                    self.problem(path, number, f"{part} may not include {target} ({header})")
                self.used.setdefault(part, {}).setdefault(target, (path, number))
            elif bracket == "<":
                library = self.outside_library(header)
                if library is not None and library not in allowed_libraries:
                    self.problem(path, number, f"{part} may not include {library} ({header})")
            elif not header.startswith("support/") and "/" in header:
                self.problem(path, number, f"{header}: no part has this name")

    def check_lib(self):
        lib = self.root / "lib"
        for path in sorted(lib.rglob("*")):
            if path.suffix not in SOURCES or not path.is_file():
                continue
            relative = path.relative_to(lib)
            if relative.parts[0] == "include":
                part = self.layers.owner.get(path.name)
                if part is None:
                    self.problem(path, 1, "not in the table of public headers of lib/README.md")
                    continue
                if part == "all":
                    continue
            else:
                part = relative.parts[0]
            if part not in self.layers.parts:
                self.problem(path, 1, f"part {part} is not in the table of lib/README.md")
                continue
            self.check_file(path, part, self.layers.parts[part] | {part},
                            self.layers.libraries[part] | {"fmt"})

    def check_apps(self):
        apps = self.root / "apps"
        allowed = self.layers.libraries.get("apps", set()) | {"fmt"}
        for path in sorted(apps.rglob("*")):
            if path.suffix not in SOURCES:
                continue
            for number, bracket, header in self.includes(path):
                if header.startswith("nalar/"):
                    if header.removeprefix("nalar/") not in self.layers.owner:
                        self.problem(path, number, f"{header} is not in the table of public headers")
                elif bracket == '"':
                    if not (path.parent / header).exists() and not (apps / header).exists():
                        self.problem(path, number, f"apps may include only the public headers ({header})")
                elif (library := self.outside_library(header)) and library not in allowed:
                    self.problem(path, number, f"apps may not include {library} ({header})")

    def check_unit_tests(self):
        for folder in sorted((self.root / "tests/unit").glob("*")):
            if folder.name == "apps":  # seen with the public headers, as apps is
                continue
            if folder.name not in self.layers.parts:
                self.problem(folder, 1, "no part has this name")
                continue
            closure = self.layers.closure(folder.name)
            libraries = {"fmt", "catch2"}.union(*(self.layers.libraries[p] for p in closure))
            used = self.used.get(folder.name)  # tests use more than their part's sources
            for path in sorted(folder.rglob("*")):
                if path.suffix in SOURCES:
                    self.check_file(path, folder.name, closure, libraries)
            if used is not None:
                self.used[folder.name] = used

    def check_cmake(self):
        for part in self.layers.parts:
            path = self.root / "lib" / part / "CMakeLists.txt"
            if not path.exists():
                continue
            text = re.sub(r"#.*", "", path.read_text())
            call = re.search(r"nalar_part\(\s*" + part + r"\b([^)]*)\)", text)
            if call is None:
                continue
            line = text[:call.start()].count("\n") + 1
            words = {"SOURCES": set(), "USES": set(), "LINKS": set()}
            current = set()
            for word in call[1].split():
                current = words.get(word, current)
                current.add(word)
            uses = words["USES"] - {"USES"}
            for extra in sorted(uses - self.layers.parts[part]):
                self.problem(path, line, f"USES {extra} is not in the row of {part}")
            for target in sorted(words["LINKS"] - {"LINKS"}):
                name = target.removeprefix("dep_")
                if target.startswith("dep_") and \
                        TARGETS.get(name, name) not in self.layers.libraries[part] | {"fmt"}:
                    self.problem(path, line, f"LINKS {target} is not in the row of {part}")
            for used, (source, number) in sorted(self.used.get(part, {}).items()):
                if used not in uses | {part, "all"}:
                    self.problem(source, number, f"{used} is missing in the USES of lib/{part}")

    def module_api(self):
        for path in sorted((self.root / "lib").rglob("*.h")):
            if path.name == "export.h":
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if "NALAR_MODULE_API" in line:
                    yield f"{path.relative_to(self.root)}:{number}: {line.strip()}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--list", action="store_true", help="list the uses of NALAR_MODULE_API")
    arguments = parser.parse_args()
    checker = Checker(arguments.root.resolve())
    module_api = list(checker.module_api())
    if arguments.list:
        print("\n".join(module_api))
        return 0
    checker.check_lib()
    checker.check_apps()
    checker.check_unit_tests()
    checker.check_cmake()
    for problem in checker.problems:
        print(problem)
    if not checker.problems:
        print(f"{checker.n_includes} includes are within the table; "
              f"{len(module_api)} uses of NALAR_MODULE_API (--list)")
    return 1 if checker.problems else 0


if __name__ == "__main__":
    sys.exit(main())
