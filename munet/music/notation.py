"""Lines of chords as people write them: the one reader behind `--chords`, the page's field and the prompt.

What it reads, in any mixture that makes sense:

- symbols of `symbols.read_chord`: "Am7 F♯dim Bb/F N.C.", "A minor, D minor", German "Hm", small "am f c g";
- separators: spaces, commas, dashes, arrows; bars "| Am | F C |", whose chords share them; "/" or "." in a bar is one
  more beat or slot of the chord before;
- repeats: "%" (the bar, or the chord), "|: Am | F :|", "x2" after a line, a bar line, an item between commas or
  "(Am F)";
- times: "G@0 Em@2.5" (seconds);
- degrees in a key: "ii-V-I", "bVII", "V7/V", and Nashville's "1 5 6- 4";
- "capo 2": everything sounds two semitones higher.

A line is read whole or refused by the name of what is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from munet.music.checks import PlanError
from munet.music.chords import Chord
from munet.music.degrees import home_of, is_number, is_numeral, read_degree, read_number
from munet.music.grid import bar_starts, spread_chords, without_repeats
from munet.music.keys import Key
from munet.music.notes import Note
from munet.music.repeats import Written, unfold
from munet.music.spelling import UNICODE
from munet.music.symbols import is_german, read_chord

_CAPO = re.compile(
    r"\(?\bcapo(?:\s+(?:on|at|in))?[\s:=]*(?:fret\s*)?(\d{1,2})(?:st|nd|rd|th)?(?:\s+fret)?\b\)?[,.;:]?", re.I
)
_HIGHEST_FRET = 11
_SPOKEN = re.compile(
    r"(?<![\w#])([A-Ha-h](?:[#b](?!\w)|is|es)?)[ -](?:(major|maj|minor|min)|(half[- ]diminished)|(diminished|dim)"
    r"|(augmented|aug)|(dominant)|(suspended|sus))\b"
    r"(?:[ -](seventh|seven|7th|7|sixth|six|6th|6|ninth|nine|9th|9)(?!\w))?",
    re.I,
)
_ACCIDENTAL = re.compile(r"(?<![\w#])([A-Ha-h])[ -](sharp|flat)\b", re.I)
_ADDED = (("sev", "7"), ("six", "6"), ("nin", "9"))
_SECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_LINE_FORM = "a line of chord symbols"

Reader = Callable[[str], tuple[Chord, str | None]]


@dataclass(frozen=True)
class ChordLine:
    """Chords of a line, in order.

    Args:
        symbols: canonical symbols, repeats written out.
        bars: the symbols of each bar, where the text has bar lines.
        times: start seconds, where the text has them.
        notes: what was brought to something near, and other remarks.
    """

    symbols: tuple[str, ...]
    bars: tuple[tuple[str, ...], ...] | None = None
    times: tuple[float, ...] | None = None
    notes: tuple[Note, ...] = ()

    def place(self, beats: Sequence[tuple[float, int]], meter: int, duration: float) -> tuple[tuple[str, float], ...]:
        """Return (symbol, start second), placed on beats.

        Bars stand on the bars of the beats, cycled, and their chords share them by whole beats as far as that goes;
        symbols without bars are spread by `grid.spread_chords`; times stay.

        Args:
            beats: (second, position in the bar).
            meter: beats per bar.
            duration: seconds.

        Raises:
            PlanError: there are more chords or bars than fit, or times past the duration.
        """
        if self.times is not None:
            if self.times[-1] >= duration:
                raise PlanError("chords", f"times before the duration, {duration:g} s", self.times[-1])
            return tuple(zip(self.symbols, self.times, strict=True))
        if self.bars is None:
            return spread_chords(self.symbols, beats, meter, duration)
        return self._place_bars([beat for beat in beats if beat[0] < duration], meter, duration)

    def _place_bars(
        self, beats: Sequence[tuple[float, int]], meter: int, duration: float
    ) -> tuple[tuple[str, float], ...]:
        bars, starts = self.bars or (), bar_starts(beats, meter) or [0]
        seconds = [second for second, _ in beats] + [duration]
        if len(bars) > len(starts):
            raise PlanError("chords", f"at most the {len(starts)} bars that {duration:g} s have", f"{len(bars)} bars")
        placed: list[tuple[str, float]] = []
        for number, (first, end) in enumerate(pairwise([*starts, len(beats)])):
            symbols = bars[number % len(bars)]
            for place, symbol in enumerate(symbols):
                at = first + _beat_of(place, len(symbols), meter)
                if at < end:
                    whole = int(at)
                    second = seconds[whole] + (at - whole) * (seconds[whole + 1] - seconds[whole])
                    placed.append((symbol, round(second, 9)))
        if placed:
            placed[0] = placed[0][0], 0.0
        return without_repeats(placed)

    def paced(self, meter: int, chords: int, count: int, unit: str) -> ChordLine:
        """Return the line in bars, each chord as long as the others; the last one fills its bar.

        Args:
            meter: beats per bar.
            chords, count, unit: so many chords in so many of a "bar" or "beat"; one of the two numbers is 1.
        """
        if unit == "bar":
            whole = self.symbols * (chords if len(self.symbols) % chords else 1)  # until it ends with a bar
            groups = [whole[at : at + chords] for at in range(0, len(whole), chords)]
            return replace(self, bars=tuple(group for group in groups for _ in range(count)), times=None)
        sounding = [symbol for symbol in self.symbols for _ in range(count)]
        sounding += sounding[-1:] * (-len(sounding) % meter)
        bars = tuple(tuple(sounding[at : at + meter]) for at in range(0, len(sounding), meter))
        return replace(self, bars=bars, times=None)

    def over(self, bars: int, meter: int) -> tuple[str, ...]:
        """Return the symbols of so many bars: the line goes round, a bar a chord where it has no bars of its own.

        Every bar has as many of them, one a beat if they are not all alike ("| Am F | C |"), so that they can be spread
        evenly.

        Args:
            bars: how many.
            meter: beats per bar.
        """
        rounds = self.bars or tuple((symbol,) for symbol in self.symbols)
        if len({len(bar) for bar in rounds}) > 1:
            rounds = tuple(tuple(bar[beat * len(bar) // meter] for beat in range(meter)) for bar in rounds)
        return tuple(symbol for number in range(bars) for symbol in rounds[number % len(rounds)])

    def transpose(self, semitones: int) -> ChordLine:
        """Return the line moved by `semitones`."""

        def moved(symbols: Sequence[str]) -> tuple[str, ...]:
            return tuple(str(Chord.parse(symbol).transpose(semitones)) for symbol in symbols)

        bars = None if self.bars is None else tuple(moved(bar) for bar in self.bars)
        return replace(self, symbols=moved(self.symbols), bars=bars)


def _beat_of(place: int, chords: int, meter: int) -> float:
    """Return the beat of a bar, from 0, on which one of its chords begins."""
    return place * meter // chords if chords <= meter else place * meter / chords


def read_chord_line(text: str, key: Key | None = None, german: bool | None = None) -> ChordLine:
    """Read a line (or several) of chords, see this module's docstring.

    Args:
        text: what a person wrote; a key ("C major") is no line of chords.
        key: home of degrees; without one C major, or A minor if they begin with minor's i.
        german: whether "B" is B flat; None where the line itself is to tell, by an H.

    Raises:
        PlanError: naming what is not understood.
    """
    if not isinstance(text, str):
        raise PlanError("chords", _LINE_FORM, text)
    capo = _CAPO.search(text)
    written = unfold(_spoken_as_symbols(text.translate(UNICODE) if capo is None else _without(text, capo)))
    if not written.tokens:
        raise PlanError("chords", _LINE_FORM, text)
    line = _timed(written) if any("@" in token for token in written.tokens) else _read(written, key, german)
    if capo is None:
        return line
    fret = int(capo[1])
    if not 0 <= fret <= _HIGHEST_FRET:
        raise PlanError("chords", f"a capo up to fret {_HIGHEST_FRET}", capo[0])
    note = Note(capo[0].strip(), "chords", f"sounds {fret} semitones higher than written", True)
    return replace(line.transpose(fret), notes=(*line.notes, note))


def parse_chord_line(text: str) -> tuple[tuple[str, float | None], ...]:
    """Return (symbol, second or None) of each chord that `read_chord_line` reads."""
    line = read_chord_line(text)
    return tuple(zip(line.symbols, line.times or [None] * len(line.symbols), strict=True))


def _without(text: str, match: re.Match[str]) -> str:
    return (text[: match.start()] + " " + text[match.end() :]).translate(UNICODE)


def _spoken_as_symbols(text: str) -> str:
    """Write chords in words ("E minor seventh") as symbols; one alone is a key."""
    written = text
    text = _ACCIDENTAL.sub(lambda match: match[1] + ("#" if match[2].lower() == "sharp" else "b"), text)
    matches = list(_SPOKEN.finditer(text))
    rest = re.sub(r"[\s,.;|-]+", "", _SPOKEN.sub("", text))
    if len(matches) == 1 and not rest:
        raise PlanError("chords", f"{_LINE_FORM}, not a key", written)
    return _SPOKEN.sub(_symbol_of, text)


def _symbol_of(match: re.Match[str]) -> str:
    root, third, half, dim, aug, _, sus, added = match.groups()
    quality = "m7b5" if half else "dim" if dim else "aug" if aug else "sus4" if sus else ""
    minor = bool(third) and third.lower().startswith("min")
    number = next((n for word, n in _ADDED if added and (added.lower().startswith(word) or added[0] == n)), "")
    if half:
        number = ""
    if third and not minor and number in ("7", "9"):
        number = "maj" + number
    if sus and number:
        return f"{root.upper()[0]}{root[1:]}{number}sus4"
    return f"{root.upper()[0]}{root[1:]}{'m' if minor else ''}{quality}{number}"


def _timed(written: Written) -> ChordLine:
    pairs = [token.partition("@") for token in written.tokens]
    for (_, at, second), token in zip(pairs, written.tokens, strict=True):
        if not at:
            raise PlanError("chords", f"{_LINE_FORM}, all with @seconds or all without", token)
        if not _SECONDS.fullmatch(second):
            raise PlanError("chords", "seconds after @, as in Em@2.5", token)
    times = tuple(float(second) for _, _, second in pairs)
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise PlanError("chords", "ascending times", times)
    line = _read(Written(tuple(symbol for symbol, _, _ in pairs), None))
    return replace(line, times=times)


def _read(written: Written, key: Key | None = None, german: bool | None = None) -> ChordLine:
    tokens = [token for token in written.tokens if token]
    reader, notes = _reader(tokens, key, german)
    found: dict[str, str] = {}
    for token in written.tokens:
        if token in found:
            continue
        chord, remark = reader(token)
        found[token] = str(chord)
        if remark:
            notes.append(Note(token, "chords", remark, True))
    bars = None if written.bars is None else tuple(tuple(found[t] for t in bar) for bar in written.bars)
    return ChordLine(tuple(found[token] for token in written.tokens), bars, None, tuple(notes))


def _reader(tokens: Sequence[str], key: Key | None, german: bool | None) -> tuple[Reader, list[Note]]:
    """Choose how the tokens of a line are read: as degrees, as Nashville numbers or as symbols."""
    named = [token for token in tokens if not _is_silence(token)]
    if not named:
        return read_chord, []
    if all(map(is_numeral, named)):
        home = key or home_of(named)
        return _beside_silence(lambda token: read_degree(token, home)), _note_of_home(named, key, home)
    if all(map(is_number, named)):
        home = key or Key("C", "major")
        literal = any(re.search(r"\d(?:-|m(?!aj))", token) for token in named)
        return _beside_silence(lambda token: read_number(token, home, literal)), _note_of_home(named, key, home)
    german = any(map(is_german, named)) if german is None else german
    small, notes = _meaning_of_small(named)
    if german and any(re.match(r"[Bb](?![b#]|es)", token) for token in named):
        notes.append(Note("B", "chords", "is B flat, as B natural is written H", True))
    return (lambda token: read_chord(token, german, small)), notes


def _beside_silence(reader: Reader) -> Reader:
    return lambda token: read_chord(token) if _is_silence(token) else reader(token)


def _note_of_home(tokens: Sequence[str], key: Key | None, home: Key) -> list[Note]:
    if key is not None:
        return []
    return [Note(" ".join(dict.fromkeys(tokens)), "chords", f"degrees are read in {home}, as no key is stated", True)]


def _is_silence(token: str) -> bool:
    return token.upper().strip(".") in ("N", "NC", "N.C")


def _meaning_of_small(tokens: Sequence[str]) -> tuple[str, list[Note]]:
    """Return what a small root adds: "m" beside capitals; nothing where all are small, a habit of typing."""
    small = [token for token in tokens if token[0].islower()]
    bare = [token for token in small if not re.match(r"[a-h](?:#|b(?!$)|is|es)?(?:m|dim|aug|sus|°|o|ø)", token)]
    if len(small) < len(tokens):
        outcome = "small letters are minor chords"
        return "m", [Note(" ".join(dict.fromkeys(bare)), "chords", outcome, True)] if bare else []
    outcome = "all letters are small: chords without an m are read as major"
    return "", [Note(" ".join(dict.fromkeys(bare)), "chords", outcome, True)] if bare else []
