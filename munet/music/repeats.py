"""The frame of a written chord line: separators, bar lines and repeats unfolded, symbols not yet read.

"|: Am | F C :| x3", "Gm7 x4, Bm7", "(Am F) x2, G", "G % C %", "| C / / G |".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from munet.music.checks import PlanError

_TIMES = re.compile(r"\(?(?<![\w#@.])(?:[x\u00d7*]\s?(\d{1,2})|(\d{1,2})\s?[x\u00d7])(?![\w#])\)?", re.IGNORECASE)
_TOKEN = re.compile(r"\n|,|;|:?\|+:?|\(|\)|\x00\d+|%|[^\s,;|%]+")
_MOST = 999  # chords or bars; what a longer line is for nobody knows
_CLOSERS = ("\n", ")")


@dataclass(frozen=True)
class Written:
    """Symbols as they are written: `tokens` in order and, where there are bar lines, those of each bar."""

    tokens: tuple[str, ...]
    bars: tuple[tuple[str, ...], ...] | None


def unfold(text: str) -> Written:
    """Return the symbols of a line, repeats written out.

    Raises:
        PlanError: a repeat has nothing to repeat, or the whole has more than 999 chords.
    """
    plain = re.sub(r"(?<=\w)\([^()\s]*\)", lambda match: match[0].replace(",", ""), text)  # "C7(b9,#11)"
    plain = re.sub(r"[-=]+>|[→>»~·•…]|\.\.\.|\s-+\s|[\[\]{}\"“”]", " ", f" {plain.strip()} ")
    plain = _TIMES.sub(lambda match: f" \x00{match[1] or match[2]} ", plain)
    found = [piece for token in _TOKEN.findall(plain) for piece in _pieces(token)]
    if any("|" in token for token in found):
        bars = _Bars(found).read()
        return Written(tuple(symbol for bar in bars for symbol in bar), bars)
    return Written(tuple(_unfold_plain(found)), None)


def _pieces(token: str) -> list[str]:
    """Split what dashes join ("Am-F-C", "ii-V-I", "1-5-6-4"), but not the minus of "A-7", "6-" or "2-7"."""
    token = token if "|" in token else token.strip("'`:")
    if len(token) > 1 and token.endswith(")") and token.count(")") > token.count("("):
        return [*_pieces(token[:-1]), ")"]
    if token in ("-", "--", ""):
        return []
    if token.endswith(".") and token not in (".",) and not re.fullmatch(r"(?i)n\.c\.", token):
        token = token.rstrip(".") or "."
    if re.fullmatch(r"[b#]?[1-7]-(?:6|7|9|11)?", token):
        return [token]
    pieces = [piece for piece in re.split(r"(?<=[^-])-(?=[A-Ha-hIViv#]|[1-7](?:-|$|[^\d]))", token) if piece]
    if len(pieces) > 1 and re.fullmatch(r"[A-Ha-h].*", token) and any(piece[0].isdigit() for piece in pieces):
        # Letters: a digit after a minus belongs to the minor chord before it.
        pieces = [piece for piece in re.split(r"(?<=[^-])-(?=[A-Ha-h])", token) if piece]
    return pieces


def _unfold_plain(tokens: Sequence[str]) -> list[str]:
    out: list[str] = []
    for line in _split(tokens, "\n"):
        repeats = [i for i, token in enumerate(line) if token[0] == "\x00"]
        whole = len(repeats) == 1 and repeats[0] == len(line) - 1 and "(" not in line
        start = len(out)
        _unfold_line(line[:-1] if whole else line, out)
        if whole:
            _repeat(out, start, line[-1])
    return out


def _unfold_line(line: Sequence[str], out: list[str]) -> None:
    """Append a line; "x2" repeats the group in brackets, the item between commas, or what follows the last repeat."""
    start, opened, closed = len(out), [], None
    for token in line:
        if token in (",", ";"):
            start, closed = len(out), None
        elif token == "(":
            opened.append(len(out))
        elif token == ")":
            closed = opened.pop() if opened else None
        elif token[0] == "\x00":
            _repeat(out, start if closed is None else closed, token)
            start, closed = len(out), None
        elif token in ("%", "/"):
            out.append(_last(out, token))
        else:
            out.append(token)
            closed = None


def _split(tokens: Sequence[str], mark: str) -> list[list[str]]:
    groups: list[list[str]] = [[]]
    for token in tokens:
        if token == mark:
            groups.append([])
        else:
            groups[-1].append(token)
    return [group for group in groups if group]


def _repeat(out: list, start: int, token: str) -> None:
    times = int(token[1:])
    if start >= len(out) or times < 1:
        raise PlanError("chords", "chords before a repeat", f"x{times}")
    out += out[start:] * (times - 1)
    if len(out) > _MOST:
        raise PlanError("chords", f"at most {_MOST} chords or bars", len(out))


def _last(symbols: Sequence[str], token: str) -> str:
    if not symbols:
        raise PlanError("chords", "a chord before the sign that repeats it", token)
    return symbols[-1]


@dataclass
class _Bars:
    """Reads tokens with bar lines; `mark` is the bar from which the next repeat counts."""

    tokens: Sequence[str]
    bars: list[tuple[str, ...]] = field(default_factory=list)
    bar: list[str] = field(default_factory=list)
    mark: int = 0
    times: str | None = None  # of the open bar

    def read(self) -> tuple[tuple[str, ...], ...]:
        """Return the symbols of each bar."""
        following = [*self.tokens[1:], "\n"]
        for token, after in zip(self.tokens, following, strict=True):
            if "|" in token:
                self._bar_line(token, after)
            elif token == "\n":
                self._close()
                self.mark = len(self.bars)
            elif token[0] == "\x00":
                self._repeat(token, after)
            elif token == "%" and not self.bar and (after == "%" or "|" in after or after == "\n"):
                if not self.bars:
                    raise PlanError("chords", "a bar before the sign that repeats it", "%")
                self.bar = list(self.bars[-1])
            elif token in ("%", "/", "."):
                before = self.bar or [symbol for bar in self.bars[-1:] for symbol in bar]
                self.bar.append(_last(before, token))
            elif token not in (",", ";", "(", ")"):
                self.bar.append(token)
        self._close()
        return tuple(self.bars)

    def _close(self) -> None:
        if self.bar:
            self.bars.append(tuple(self.bar))
            if self.times:
                _repeat(self.bars, len(self.bars) - 1, self.times)
        self.bar, self.times = [], None

    def _bar_line(self, token: str, after: str) -> None:
        self._close()
        if token.startswith(":"):
            # How often is said after the sign; without a word it is twice.
            if after[0] != "\x00":
                _repeat(self.bars, self.mark, "\x002")
                self.mark = len(self.bars)
        elif token.endswith(":"):
            self.mark = len(self.bars)

    def _repeat(self, token: str, after: str) -> None:
        if not self.bar:
            _repeat(self.bars, self.mark, token)
            self.mark = len(self.bars)
        elif after == "\n":
            self._close()
            _repeat(self.bars, self.mark, token)
            self.mark = len(self.bars)
        else:
            self.times = token
