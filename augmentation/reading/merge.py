"""What several tokens are together: numbers in words, numbers with their unit, notes with their mode or quality,
instruments with the solo that they play."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from augmentation.reading.tokens import Kind, Token
from munet.music import Chord, Key, PlanError
from munet.music.symbols import read_chord

__all__ = ["merge_clocks", "merge_harmony", "merge_numbers", "merge_solos", "parse_chord"]

_AND_A_HALF = ("and", "a", "half")
_PLAYED = (Kind.MACHINE, Kind.NEAR, Kind.INSTRUMENT, Kind.USUAL)
_EDGES = ("", ",", ";", ":", ".", "\n", "(", ")", "[", "]", "-", ">", "\u2192", "|", "/", "+", "&", "then", "and",
          "into", "by")  # fmt: skip
_BEGINS = ("starts", "begins", "comes", "enters")
_BEFORE_SOLO = ("a", "the", "another", "long", "short", "big", "final", "last", "one")


@lru_cache(maxsize=512)
def parse_chord(symbol: str) -> Chord | None:
    """Return the chord of a symbol, H being B; None if it is not understood."""
    try:
        return read_chord(symbol, german=symbol.startswith("H"))[0]
    except PlanError:
        return None


# --- numbers, their units, words for them


def merge_numbers(text: str, tokens: Sequence[Token]) -> list[Token]:
    """Join number words ("one hundred and twenty"), and numbers with the unit behind them."""
    merged: list[Token] = []
    index = 0
    while index < len(tokens):
        value, after = _number(tokens, index)
        if value is None:
            merged.append(tokens[index])
            index += 1
            continue
        if [token.word for token in tokens[after : after + 3]] == [*_AND_A_HALF] and (
            after + 3 < len(tokens) and Kind.UNIT in tokens[after + 3]
        ):
            value, after = value + 0.5, after + 3  # "two and a half minutes"
        hundreds, behind = _hundreds(tokens, index, value, after)
        if hundreds is not None:
            value, after = hundreds, behind
        unit_at = after + 1 if after < len(tokens) and tokens[after].text == "-" else after
        unit = tokens[unit_at].get(Kind.UNIT) if unit_at < len(tokens) else None
        start, end = tokens[index].start, tokens[after - 1].end
        spaced = unit is not None and len(tokens[unit_at].text) == 1 and tokens[unit_at].text.isupper()
        if unit is None or spaced:
            merged.append(Token(text[start:end], start, end, {Kind.NUMBER: value, Kind.WORD: text[start:end].lower()}))
            index = after
            continue
        end = tokens[unit_at].end
        merged.append(Token(text[start:end], start, end, {Kind.QUANTITY: (value, unit)}))
        index = unit_at + 1
    return merged


def _hundreds(tokens: Sequence[Token], index: int, value: float, after: int) -> tuple[float | None, int]:
    """Return the number of "one twenty", spoken for a tempo, and the index behind it; (None, index) of anything else,
    such as "one thirty second loop"."""
    step = after + (after < len(tokens) and tokens[after].text == "-")
    if value not in (1, 2) or after != index + 1 or not tokens[index].text.isalpha() or step >= len(tokens):
        return None, index
    tens, behind = _number(tokens, step)
    if tens is None or not 10 <= tens <= 99 or not tokens[step].text.isalpha():
        return None, index
    unit = tokens[behind].get(Kind.UNIT) if behind < len(tokens) else None
    return (None, index) if unit not in (None, "bpm") else (100 * value + tens, behind)


def merge_clocks(text: str, tokens: Sequence[Token]) -> list[Token]:
    """Join two times of a clock with a dash between them, which are a length: "intro (0:00-0:10)"."""
    merged: list[Token] = []
    index = 0
    while index < len(tokens):
        token, last = tokens[index], tokens[index + 2] if index + 2 < len(tokens) else None
        joined = last is not None and tokens[index + 1].text in ("-", "~") and Kind.CLOCK in token
        if joined and last is not None and Kind.CLOCK in last and last[Kind.CLOCK] > token[Kind.CLOCK]:
            span = (token[Kind.CLOCK], last[Kind.CLOCK])
            readings = {Kind.QUANTITY: (span[1] - span[0], "second"), Kind.SPAN: span}
            merged.append(Token(text[token.start : last.end], token.start, last.end, readings))
            index += 3
        else:
            merged.append(token)
            index += 1
    return merged


def _number(tokens: Sequence[Token], index: int) -> tuple[float | None, int]:
    """Return the number that begins at a token and the index behind it; (None, index) if there is none."""
    if Kind.NUMBER not in tokens[index]:
        return None, index
    total, last = tokens[index][Kind.NUMBER], tokens[index][Kind.NUMBER]
    after = index + 1
    if not tokens[index].text[0].isalpha():
        return total, after
    while after < len(tokens):
        step = after + (tokens[after].text == "-" or (last >= 100 and tokens[after].word == "and"))
        value = tokens[step].get(Kind.NUMBER) if step < len(tokens) and tokens[step].text[0].isalpha() else None
        if value is None or not value < last or last < 20 or (last < 100 and value > 9):
            break
        total, last, after = total + value, value, step + 1
    return total, after


# --- notes with accidentals, modes and qualities in words


def merge_harmony(text: str, tokens: Sequence[Token]) -> list[Token]:
    """Join notes with the accidental and the mode or quality in words behind them: "e flat minor", "A minor 7th"."""
    merged: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        note = _note_name(token)
        step = index + 1
        at = _word_at(tokens, step, Kind.ACCIDENTAL) if note is not None and len(note) == 1 else None
        if note is not None and at is not None and _accidental_fits(tokens, index, at):
            note, step = note + tokens[at][Kind.ACCIDENTAL], at + 1
        mode_at = _word_at(tokens, step, Kind.MODE) if note else None
        quality_at = _word_at(tokens, step, Kind.QUALITY) if note else None
        readings: dict[Kind, Any] = {}
        if note and quality_at is not None and token.text[0].isupper():
            readings = {Kind.CHORD: parse_chord(note + tokens[quality_at][Kind.QUALITY])}
            step = quality_at + 1
        elif note and mode_at is not None:
            readings = _in_mode(note, tokens[mode_at][Kind.MODE])
            step = mode_at + 1
        elif note and step > index + 1:
            readings = (
                {Kind.NOTE: note, Kind.CHORD: parse_chord(note)} if token.text[0].isupper() else {Kind.SMALL: note}
            )
        if readings:
            token = Token(text[token.start : tokens[step - 1].end], token.start, tokens[step - 1].end, readings)
        merged.append(token)
        index = step if readings else index + 1
    return merged


def _note_name(token: Token) -> str | None:
    """Return the note that a token names by itself: "Bb", "e"; of words in small letters too."""
    if Kind.NOTE in token:
        return token[Kind.NOTE]
    small = token.get(Kind.SMALL, "")
    return small[0].upper() + small[1:] if re.fullmatch(r"[a-g][#b]?", small) else None


def _word_at(tokens: Sequence[Token], index: int, kind: Kind) -> int | None:
    """Return the index of a token of a kind, a hyphen skipped."""
    if index < len(tokens) and tokens[index].text == "-" and kind is not Kind.QUALITY:
        index += 1
    return index if index < len(tokens) and kind in tokens[index] else None


def _accidental_fits(tokens: Sequence[Token], index: int, at: int) -> bool:
    """Whether "A sharp" is a note, not "a sharp sound": a mode follows, or nothing that it could describe."""
    if tokens[index].text not in ("A", "a"):
        return tokens[index].text.isupper() or _word_at(tokens, at + 1, Kind.MODE) is not None or (
            index > 0 and tokens[index - 1].word in ("in", "of", "key", ":"))  # fmt: skip
    if _word_at(tokens, at + 1, Kind.MODE) is not None or _word_at(tokens, at + 1, Kind.QUALITY) is not None:
        return True
    if tokens[index].text != "A":
        return False
    return at + 1 >= len(tokens) or (Kind.PUNCT in tokens[at + 1] and tokens[at + 1].text != "-")


def merge_solos(text: str, tokens: Sequence[Token]) -> list[Token]:
    """Join instruments with the "solo" behind them, which is a section too; a bare "solo" in a list of sections is one
    ("verse, chorus, solo, chorus")."""
    merged: list[Token] = []
    form = any(Kind.SECTION in token for token in tokens)
    for index, token in enumerate(tokens):
        before = merged[-1] if merged else None
        if token.word != "solo":
            merged.append(token)
        elif before is not None and Kind.SECTION not in before and any(kind in before for kind in _PLAYED):
            readings = {**before.readings, Kind.SECTION: "solo"}
            merged[-1] = Token(text[before.start : token.end], before.start, token.end, readings)
        else:
            listed = form and _edge(tokens, index, -1) and _edge(tokens, index, 1)
            begins = index + 1 < len(tokens) and tokens[index + 1].word in _BEGINS  # "the solo starts at bar 17"
            listed = listed or (begins and tokens[index - 1].word in _BEFORE_SOLO)
            merged.append(replace(token, readings={**token.readings, Kind.SECTION: "solo"}) if listed else token)
    return merged


def _edge(tokens: Sequence[Token], index: int, step: int) -> bool:
    """Whether what stands before or behind a token may part it from others in a list."""
    at = index + step
    while step < 0 <= at and tokens[at].word in _BEFORE_SOLO:
        at -= 1
    if not 0 <= at < len(tokens):
        return True
    behind = step > 0 and any(kind in tokens[at] for kind in (Kind.QUANTITY, Kind.REPEAT))
    return tokens[at].word in _EDGES or Kind.SECTION in tokens[at] or behind


def _in_mode(note: str, mode: str) -> dict[Kind, Any]:
    readings: dict[Kind, Any] = {Kind.KEY: Key(note, mode)}
    if mode in ("minor", "major"):
        readings[Kind.CHORD] = parse_chord(note + ("m" if mode == "minor" else ""))
    return readings
