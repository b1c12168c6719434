"""Makes the catalogues `.mo` that the package reads from the translations `.po` that people write.

    python tools/compile_catalogues.py            # writes every .mo anew
    python tools/compile_catalogues.py --missing  # names the sentences that have no translation, as .po entries

Needs the package and its dependencies, nothing else.
"""

from __future__ import annotations

import ast
import re
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from ingat.actions import ACTIONS
from ingat.descriptions import DESCRIPTIONS

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "ingat"
LOCALE = PACKAGE / "locale"
_MAGIC = 0x950412DE
_NAMES = frozenset({"_", "mark", "translate", "_translate"})
_MAKERS = frozenset({"translate_in", "translator"})
_IN_TEMPLATE = re.compile(r"""(?<!\w)_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


def sentences() -> list[str]:
    """Return every English sentence of the package that is shown in the reader's language, each once."""
    found: dict[str, None] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        found.update(dict.fromkeys(_of_module(ast.parse(path.read_text(encoding="utf-8")))))
    for path in sorted(PACKAGE.rglob("*.html")):
        found.update({str(ast.literal_eval(text)): None for text in _IN_TEMPLATE.findall(path.read_text("utf-8"))})
    found.update({f"{action.summary}.": None for action in ACTIONS})
    found.update({str(meta.description): None for meta in DESCRIPTIONS.values()})
    return list(found)


def _of_module(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _translates(node.func):
            text = node.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def _translates(function: ast.expr) -> bool:
    if isinstance(function, ast.Call):
        return isinstance(function.func, ast.Name) and function.func.id in _MAKERS
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name in _NAMES


def read_po(text: str) -> dict[str, str]:
    """Return the translations of a .po file by their English sentences; the header is under the empty text.

    Knows what our files use: `msgid` and `msgstr`, in one or several strings, and comments.
    """
    entries: dict[str, str] = {}
    parts: dict[str, str] = {}
    current = ""
    for number, raw in enumerate([*text.splitlines(), 'msgid ""'], 1):
        line = raw.strip()
        keyword, _, rest = line.partition(" ")
        if keyword in ("msgid", "msgstr"):
            if keyword == "msgid" and "msgstr" in parts:
                if parts["msgid"] in entries:
                    raise ValueError(f"line {number}: {parts['msgid']!r} is there twice")
                entries[parts["msgid"]] = parts["msgstr"]
                parts = {}
            current, line = keyword, rest
            parts[current] = ""
        if line.startswith('"'):
            parts[current] += ast.literal_eval(line)
        elif line and not line.startswith("#"):
            raise ValueError(f"line {number} is not understood: {raw!r}")
    return entries


def compiled(entries: dict[str, str]) -> bytes:
    """Return the .mo file with these translations; those that are empty are left out."""
    pairs = sorted((key.encode(), value.encode()) for key, value in entries.items() if value)
    count, keys_at = len(pairs), 28
    texts_at = keys_at + 16 * count
    table, blob = {0: b"", 1: b""}, b""
    for side in (0, 1):
        for pair in pairs:
            table[side] += struct.pack("<II", len(pair[side]), texts_at + len(blob))
            blob += pair[side] + b"\0"
    header = struct.pack("<7I", _MAGIC, 0, count, keys_at, keys_at + 8 * count, 0, texts_at)
    return header + table[0] + table[1] + blob


def as_entries(found: Iterable[str]) -> str:
    """Return sentences as entries of a .po file without their translations."""
    return "\n".join(f'msgid {_quoted(text)}\nmsgstr ""\n' for text in found)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def main(words: list[str]) -> int:
    """Compile all catalogues, or name what is missing in them; return the exit code."""
    wanted = sentences()
    missing = 0
    for po in sorted(LOCALE.rglob("*.po")):
        entries = read_po(po.read_text(encoding="utf-8"))
        without = [text for text in wanted if not entries.get(text)]
        missing += len(without)
        if words == ["--missing"]:
            print(as_entries(without))
        else:
            po.with_suffix(".mo").write_bytes(compiled(entries))
            print(
                f"{po.with_suffix('.mo').relative_to(PACKAGE)}: {len(entries) - 1} translations, {len(without)} missing"
            )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
