"""A caption made true again after its clip was transposed or played faster or slower.

What the caption states is found by the lexer and readers that read prompts (`augmentation.reading`), and only those
stretches of it are rewritten, as they were written: "in B flat minor" becomes "in C minor", "| Am | F |" becomes
"| Bm | G |", "120 bpm" becomes "138 bpm", "Andante" becomes "Moderato", "after 5 seconds" becomes "after 4.3 seconds".
The result is read again. A sentence in which anything else is read than what should be is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from augmentation.dataset.spelling import is_mixed, spell_alike
from augmentation.reading.lexer import lex
from augmentation.reading.readers.chords import find_chords
from augmentation.reading.readers.key import CHORDAL, find_keys, is_article
from augmentation.reading.readers.meter import find_meters
from augmentation.reading.readers.tempo import Tempo, find_tempos
from augmentation.reading.tokens import Kind, Token, Tokens
from munet.music import TEMPO_WORDS, Chord, Key, tempo_word
from munet.music.checks import BPM_RANGE

_NOTE = re.compile(r"([A-Ha-h])([#♯♭]|b(?=m\b|m\d|min|maj|dim|sus|aug|add|[A-Z\d]|\W|\Z)|[ -]?(?i:sharp|flat)\b)?")
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?](?=\d)[^.!?\n]*)*(?:[.!?]+|\n|\Z)")
ROUNDING = 0.6  # BPM
_BEYOND_MARK = 50.0  # BPM: an open-ended tempo word counts as this wide

# A pace beside a number: BPM between which nobody finds it strange.
_PACES = (("slow", 0.0, 90.0), ("moderate", 80.0, 124.0), ("fast", 112.0, 1000.0))
_PACE_NAMES = tuple(name for name, _, _ in _PACES)
_PACE = re.compile(r"\b(slow|moderate|fast)(?= (?:tempo|pace) (?:of|at)\b)", re.IGNORECASE)

Edit = tuple[int, int, str]  # span in the text, and what stands there instead


@dataclass(frozen=True)
class Facts:
    """What a text states: tempi (BPM), keys (tonic, mode) and chords (root, quality, bass), in order."""

    tempos: tuple[float, ...]
    keys: tuple[tuple[int, str], ...]
    chords: tuple[tuple[int, str, int], ...]

    def moved(self, semitones: int, factor: float) -> Facts:
        """What it should state after the change."""
        return Facts(
            tuple(bpm * factor for bpm in self.tempos),
            tuple(((tonic + semitones) % 12, mode) for tonic, mode in self.keys),
            tuple(((root + semitones) % 12, kind, (bass + semitones) % 12) for root, kind, bass in self.chords),
        )

    def agrees(self, other: Facts) -> bool:
        """Whether another text states this: tempi within rounding or the range of a tempo word, all else equal."""
        near = len(self.tempos) == len(other.tempos) and all(map(_fits, self.tempos, other.tempos))
        return near and (self.keys, self.chords) == (other.keys, other.chords)


def _fits(asked: float, stated: float) -> bool:
    """Whether a tempo is the one asked, or a word (read as the middle of its range) in whose range the one asked is."""
    if abs(asked - stated) <= ROUNDING:
        return True
    ranges = [(low, min(high, low + _BEYOND_MARK)) for low, high in TEMPO_WORDS.values()]
    return any(low - 1 <= asked <= high + 1 for low, high in ranges if round((low + high) / 2) == stated)


def facts_of(text: str) -> Facts:
    """Read what a text states of tempo, key and chords."""
    tokens = lex(text)
    tempos = []
    for statement in find_tempos(tokens):
        tempo: Tempo = statement.value
        tempos += [bpm for bpm in ((tempo.low, tempo.high) if tempo.low else (tempo.bpm, tempo.to)) if bpm]
    keys = tuple((_key(tokens[at]).tonic_pc, _key(tokens[at]).mode) for at in sorted(_key_places(tokens)))
    chords = [_chord(tokens[at]) for at in sorted(_chord_places(tokens))]
    return Facts(tuple(tempos), keys, tuple((chord.root_pc, chord.quality, chord.bass_pc) for chord in chords if chord))


# --- where facts stand ------------------------------------------------------------------------------------------------


def _key_places(tokens: Tokens) -> set[int]:
    """Tokens that name a key: those the reader finds, and every note with its mode in words."""
    stated = {one.first for one in find_keys(tokens)}
    spoken = {
        at
        for at, token in enumerate(tokens)
        if (Kind.KEY in token or Kind.CAMELOT in token) and not is_article(tokens, at)
    }
    return {at for at in stated | {at for at in spoken if Kind.KEY in tokens[at]} if _key(tokens[at]) is not None}


def _chord_places(tokens: Tokens) -> set[int]:
    """Tokens that name a chord: those of lists, and every symbol that can be nothing else ("F#m7", "Bb/D")."""
    keys = _key_places(tokens)
    stated = find_keys(tokens)
    taken = {one.first for one in stated if one.rank != CHORDAL}
    places = {
        at
        for one in find_chords(tokens, taken)
        if one.rank < 2
        for at in range(one.first, one.last)
        if Kind.CHORD in tokens[at] or Kind.SMALL in tokens[at]
    }
    alone = {at for at, token in enumerate(tokens) if Kind.CHORD in token and _unmistakable(tokens, at)}
    return {at for at in (places | alone) - keys if _chord(tokens[at]) is not None}


def _unmistakable(tokens: Tokens, at: int) -> bool:
    """Whether a token is a chord whatever stands around it, or is called one: "F#m7", "the G chord"."""
    text = tokens[at].text
    named = tokens[at + 1].get(Kind.NAME) == "chords" and text != "A"
    return named or (len(text) > 1 and re.search(r"[#b/]|m\d|maj\d|sus|dim|aug|add|[A-G]m7?$", text) is not None)


def _chord(token: Token) -> Chord | None:
    chord = token.get(Kind.CHORD)
    if chord is None and Kind.SMALL in token:
        small = token[Kind.SMALL]
        chord = next(iter(lex(small[0].upper() + small[1:]))).get(Kind.CHORD)
    return None if chord is None or chord.is_none else chord


def _key(token: Token) -> Key | None:
    """Key that a token names, whether its mode is a word, a letter or left out."""
    for kind in (Kind.KEY, Kind.CAMELOT):
        if kind in token:
            return token[kind]
    chord = _chord(token)
    if chord is not None and chord.quality in ("", "m"):
        return Key(chord.root, "minor" if chord.quality else "major")
    return Key(token[Kind.NOTE], "major") if Kind.NOTE in token else None


# --- what stands there instead ----------------------------------------------------------------------------------------


def _renamed(text: str, new: str) -> str | None:
    """`text`, which begins with a note, in the note `new`; None if it does not begin so."""
    match = _NOTE.match(text)
    if match is None:
        return None
    letter, sign = match[1], match[2] or ""
    spoken = re.search(r"sharp|flat", sign, re.IGNORECASE)
    accidental = new[1:]
    if spoken and accidental:
        joint = sign[: len(sign) - len(sign.lstrip(" -"))]
        accidental = joint + ("sharp" if accidental == "#" else "flat")
    return (new[0] if letter.isupper() else new[0].lower()) + accidental + text[match.end() :]


def _new_key(token: Token, semitones: int) -> str:
    key = _key(token)
    moved = key.transpose(semitones)
    if Kind.CAMELOT in token:
        hour = (7 * (moved.tonic_pc - (9 if moved.is_minor else 0)) + 7) % 12 + 1
        return f"{hour}{'A' if moved.is_minor else 'B'}"
    text = _renamed(token.text, moved.tonic) if key.tonic[0].lower() == token.text[0].lower() else None
    if text is None or re.search(r"(?i)dur|moll", token.text):
        return str(moved)
    return text


def _new_chord(token: Token, chord: Chord) -> str:
    """The new chord in the way that the old one was written ("F-sharp minor", "f#m7")."""
    body, _, bass = token.text.partition("/")
    text = _renamed(body, chord.root)
    if text is None:
        return str(chord)
    if bass and chord.bass:
        return f"{text}/{chord.bass}"
    return text + (f"/{bass}" if bass else "")


def _number(value: float, text: str) -> str:
    """A number in the precision of another, but a whole one stays whole."""
    digits = len(text.partition(".")[2]) if re.fullmatch(r"\d+\.\d+", text) else 0
    return f"{value:.{max(digits, 0)}f}"


def _tempo_edits(tokens: Tokens, factor: float) -> Iterator[Edit]:
    for statement in find_tempos(tokens):
        numbers = False
        for at in range(statement.first, statement.last):
            token = tokens[at]
            if Kind.NUMBER in token or token.get(Kind.QUANTITY, (0, ""))[1] == "bpm":
                digits = re.search(r"\d+(?:[.,]\d+)?", token.text)
                if digits is not None:
                    value = float(digits[0].replace(",", ".")) * factor
                    start = token.start + digits.start()
                    yield start, start + len(digits[0]), _number(value, digits[0].replace(",", "."))
                    numbers = True
                elif Kind.QUANTITY in token or Kind.NUMBER in token:
                    value = token[Kind.QUANTITY][0] if Kind.QUANTITY in token else token[Kind.NUMBER]
                    yield token.start, token.end, f"{value * factor:.0f}" + (" bpm" if Kind.QUANTITY in token else "")
                    numbers = True
        if not numbers:
            yield from _word_edits(tokens, statement.first, factor)


def _word_edits(tokens: Tokens, at: int, factor: float) -> Iterator[Edit]:
    """A tempo word: the one in whose range its own middle lies after the change."""
    token = tokens[at]
    if Kind.MARK not in token:
        return
    _, low, high = token[Kind.MARK]
    middle = (low + min(high, low + _BEYOND_MARK)) / 2 * factor
    word = tempo_word(min(max(middle, BPM_RANGE[0]), BPM_RANGE[1]))
    old = token.text
    yield token.start, token.end, word if old[0].isupper() else word.lower()


def _marks_beside(tokens: Tokens, factor: float) -> Iterator[Edit]:
    """Tempo words that stand beside a number ("Moderato 108") and are no statement of their own."""
    stated = {at for one in find_tempos(tokens) for at in range(one.first, one.last)}
    numbers = [one.value.bpm for one in find_tempos(tokens) if one.rank < 3]
    for at, token in enumerate(tokens):
        if Kind.MARK in token and (at not in stated or numbers) and token[Kind.MARK][0] != "Grave":
            bpm = numbers[0] * factor if numbers else None
            if bpm is not None and BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
                word = tempo_word(bpm)
                yield token.start, token.end, word if token.text[0].isupper() else word.lower()


def _time_edits(tokens: Tokens, factor: float) -> Iterator[Edit]:
    """Seconds and clock times: what comes after 6 seconds comes after 5 when it is played 1.2 times as fast."""
    for token in tokens:
        if Kind.CLOCK in token:
            seconds = token[Kind.CLOCK] / factor
            yield token.start, token.end, f"{int(seconds // 60)}:{int(seconds % 60):02d}"
        elif token.get(Kind.QUANTITY, (0, ""))[1] == "second" and Kind.DECADE not in token:
            digits = re.search(r"\d+(?:[.,]\d+)?", token.text)
            if digits:
                start = token.start + digits.start()
                yield (
                    start,
                    start + len(digits[0]),
                    f"{float(digits[0].replace(',', '.')) / factor:.1f}".removesuffix(".0"),
                )


def _edits(tokens: Tokens, semitones: int, factor: float) -> list[Edit]:
    found: dict[int, Edit] = {}
    if semitones:
        keys = _key_places(tokens)
        moved = [_key(tokens[at]).transpose(semitones) for at in sorted(keys)]
        home = moved[0] if moved else None
        for at in keys:
            found[tokens[at].start] = (tokens[at].start, tokens[at].end, _new_key(tokens[at], semitones))
        places = sorted(_chord_places(tokens))
        chords = [_chord(tokens[at]).transpose(semitones) for at in places]
        if home is not None or is_mixed([str(chord) for chord in chords]):
            chords = spell_alike(chords, home)
        for at, chord in zip(places, chords, strict=True):
            found[tokens[at].start] = (tokens[at].start, tokens[at].end, _new_chord(tokens[at], chord))
    if factor != 1:
        for edit in (*_time_edits(tokens, factor), *_tempo_edits(tokens, factor), *_marks_beside(tokens, factor)):
            found[edit[0]] = edit
    return sorted(found.values())


def _apply(text: str, edits: list[Edit]) -> str:
    for start, end, new in reversed(edits):
        text = text[:start] + new + text[end:]
    return text


def _in_pace(text: str, factor: float) -> str:
    """The text with another pace in "a moderate tempo of 128 bpm", where it was right before the change of tempo."""
    tokens, edits = lex(text), []
    stated = [one for one in find_tempos(tokens) if one.rank < 3]
    for match in _PACE.finditer(text):
        after = next((one.value.bpm for one in stated if tokens[one.last - 1].end > match.end()), None)
        if after is None:
            continue
        fits, fitted = ({name for name, low, high in _PACES if low <= bpm <= high} for bpm in (after, after / factor))
        old = match[0].lower()
        if old in fitted - fits:
            place = _PACE_NAMES.index(old)
            new = min(fits, key=lambda name: abs(_PACE_NAMES.index(name) - place))  # of two that fit the nearer one
            edits.append((match.start(), match.end(), new.capitalize() if match[0][0].isupper() else new))
    return _apply(text, edits)


def revise(caption: str, semitones: int = 0, factor: float = 1.0) -> str:
    """Rewrite what a caption states of tempo, key, chords and seconds.

    Args:
        caption: Any text.
        semitones: By which the clip was transposed.
        factor: How many times as fast it is played.

    Returns:
        The caption as it was where it states nothing that changes; else rewritten. A sentence that cannot be made
        true is left out, so that "" is possible.
    """
    if not semitones and factor == 1:
        return caption
    tokens = lex(caption)
    edits = _edits(tokens, semitones, factor)
    revised = _apply(caption, edits)
    if facts_of(caption).moved(semitones, factor).agrees(facts_of(revised)):
        return _in_pace(revised, factor)
    kept = []
    for match in _SENTENCE.finditer(caption):
        if match[0]:
            told = _apply(match[0], _edits(lex(match[0]), semitones, factor))
            if facts_of(match[0]).moved(semitones, factor).agrees(facts_of(told)):
                kept.append(told)
    return _in_pace("".join(kept).strip(), factor)


def states(caption: str) -> frozenset[str]:
    """Which fields a caption states by itself, of "bpm", "key", "chords" and "meter"."""
    facts, tokens = facts_of(caption), lex(caption)
    found = {"bpm": facts.tempos, "key": facts.keys, "chords": facts.chords, "meter": find_meters(tokens)}
    return frozenset(name for name, value in found.items() if value)
