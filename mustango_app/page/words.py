"""The words of the page, in every language that has a file in `languages/`.

A language is one TOML file named by its code (`en.toml`, `zh.toml`); a new one is a new file with the same names. What
a file leaves out is said in English. The browser chooses: Gradio translates what stands still (`gr.I18n`), and what is
written here follows the same `Accept-Language`.

Styles, energies and instruments are values, English in plans and links; a file's `[names]` says how they are shown.

What other rooms say (refusals, notes on a plan) is English and has its home there; a file's `[sentences]` says it in
its own language: English with named places ("a number from {low} to {high}") = the same with these places. What stands
in a place is looked up again. What Gradio itself says in a corner of the page is replaced in the browser
(`toasts.js`) by a file's `[toasts]`, in the same form.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from munet.errors import RequestError

FOLDER = Path(__file__).parent / "languages"
FIRST = "en"  # the language that is whole
LONGEST_ECHO = 160  # characters of what is expected, and of what came, that a refusal tells
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"", re.S)
_REFUSAL = re.compile(r"([\w.]+): expected (.*?), got (.*)", re.S)


class Words:
    """Sentences of one language.

    Args:
        code: of the language, such as "zh".
        table: name -> sentence with places in braces.
        sentences: English that other rooms say, with places in braces -> the same in this language.
        names: style, energy or instrument -> how it is shown.
        toasts: what Gradio says -> the same in this language.
    """

    def __init__(
        self,
        code: str,
        table: Mapping[str, str],
        sentences: Mapping[str, str],
        names: Mapping[str, str],
        toasts: Mapping[str, str],
    ) -> None:
        self.code, self._table, self.names, self.toasts = code, table, names, toasts
        self._phrases = {english: own for english, own in sentences.items() if "{" not in english}
        self._sentences = [(template(english), own) for english, own in sentences.items()]

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a sentence with its places filled; English where this language has none."""
        return self._table[name].format(**values)

    def has(self, name: str) -> bool:
        """Whether there is such a sentence."""
        return name in self._table

    def count(self, name: str, count: int, /, **values: object) -> str:
        """Return the sentence for one or, named with `_many`, for several things."""
        return self(name if count == 1 else f"{name}_many", count=count, **values)

    def refusal(self, error: RequestError | str, fields: Mapping[str, str]) -> tuple[str | None, str]:
        """Return the field that a refusal is about (None: none of the plan's) and its sentence in the label's words.

        Args:
            error: "name: expected X, got Y".
            fields: the refusal's name -> the field that it is about.
        """
        name, colon, rest = str(error).partition(": ")
        name = name.partition(".")[0]  # "sections.bars" is about the sections
        if not colon or not name.isidentifier():
            return None, str(error)
        field = fields.get(name)
        label = self.label(field or name)
        parts = _REFUSAL.fullmatch(str(error))
        if parts is None:
            return field, f"{label}: {rest}"
        expected, got = (cut(self.sentence(part)) for part in parts.groups()[1:])
        return field, self("refused", field=label, expected=expected, got=got)

    def label(self, name: str) -> str:
        """Return the page's word for an argument."""
        key = f"label_{name}"
        return self(key) if self.has(key) else name.replace("_", " ").capitalize()

    def phrase(self, english: str) -> str:
        """Return the program's own name for something in this language, and whatever else it is as it is."""
        return self._phrases.get(english, english)

    def sentence(self, english: str) -> str:
        """Return what another room says in this language, as it is where the language has no words for it.

        What stands between quotation marks is somebody's own, and stays.
        """
        if _QUOTED.fullmatch(english):
            return english
        parts = english.split(", ")
        if all(part in self.names for part in parts):
            return ", ".join(self.names[part] for part in parts)
        for pattern, own in self._sentences:
            if found := pattern.fullmatch(english):
                return own.format(**{name: self.sentence(part) for name, part in found.groupdict().items()})
        return english


def cut(text: str) -> str:
    """Return a text that is at most as long as a refusal tells."""
    return f"{text[:LONGEST_ECHO]}…" if len(text) > LONGEST_ECHO else text


def template(english: str) -> re.Pattern[str]:
    """Return the pattern of a sentence with named places."""
    parts = re.split(r"\{(\w+)\}", english)
    return re.compile("".join(f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)), re.S)


@functools.cache
def languages() -> Mapping[str, Words]:
    """Return the words of all languages by their codes, English first."""
    files = sorted(FOLDER.glob("*.toml"), key=lambda path: (path.stem != FIRST, path.stem))
    read = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in files}
    english = read[FIRST]["words"]
    return MappingProxyType(
        {
            code: Words(
                code,
                MappingProxyType({**english, **table["words"]}),
                table.get("sentences", {}),
                MappingProxyType(table.get("names", {})),
                MappingProxyType(table.get("toasts", {})),
            )
            for code, table in read.items()
        }
    )


def words_of(request: Any) -> Words:
    """Return the words for a visitor by their `gr.Request`, English without one."""
    headers = getattr(request, "headers", None) or {}
    return words_for(headers.get("accept-language"))


def words_for(accepted: str | None) -> Words:
    """Return the words for an `Accept-Language` header, English if it names no language of ours."""
    ranked = []
    for index, part in enumerate((accepted or "")[:500].split(",")):
        code, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), index, code.partition("-")[0].lower()))
        except ValueError:
            continue
    known = languages()
    return next((known[code] for _, _, code in sorted(ranked) if code in known), known[FIRST])


def translations() -> dict[str, dict[str, str]]:
    """Return the words of all languages by code, as `gr.I18n` takes them for what stands still on the page."""
    return {code: {**words._table, **_locks(words)} for code, words in languages().items()}


def _locks(words: Words) -> dict[str, str]:
    """The label of each field's lock, whose sentence holds the field's own label."""
    labels = {name.removeprefix("label_"): text for name, text in words._table.items() if name.startswith("label_")}
    return {f"lock_{name}": words("lock", field=text.partition(" (")[0]) for name, text in labels.items()}
