"""The fields of a plan, one after the other: what is fixed, else what the text states, else what suits it.

Each function returns the value and its source. What is left open is chosen among alternatives by `Asked.pick`, and each
field has its own choice: fixing one leaves the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from augmentation.reading import priors
from augmentation.reading.readers.arrangement import Word
from augmentation.reading.readers.chords import PROGRESSION
from augmentation.reading.readers.meter import count_bar, dance
from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind
from munet.music import Key, MusicPlan, PlanError, estimate_key, key_in_mode
from munet.music.checks import DEFAULT_DURATION
from munet.music.notation import ChordLine, read_chord_line
from mustango_app.planning.asked import Asked
from mustango_app.planning.changes import PART_BARS, TAIL_BARS, last_change, parts_told
from mustango_app.planning.rhythm import in_rhythm
from mustango_app.planning.source import DEFAULT, FROM_BEATS, FROM_CHORDS, FROM_SECTIONS, GIVEN, STATED, Origin, Source

_DEFAULT_METER = 4
_TAIL = 0.5  # seconds that the last chord or beat given sounds, if no duration is
_BPM_STEP = 2  # priors propose even tempi, as people do
_MODAL = MappingProxyType({  # degrees of the mode's own scale
    "dorian": ("i IV", "i VII IV i", "i IV VII IV"),
    "phrygian": ("i II", "i II III II"),
    "lydian": ("I II", "I II I V"),
    "mixolydian": ("I VII IV I", "I v I VII"),
    "locrian": ("i° II", "i° II iii II"),
})  # fmt: skip

Count = tuple[float | None, int | None, str | None]


def main_word(words: Sequence[Word]) -> Word | None:
    """Return the mood or pace that counts: the first of the more special rows of the tables."""
    order = {id(prior): place for place, prior in enumerate((*priors.PACES.values(), *priors.MOODS.values()))}
    return min(words, key=lambda word: (order[id(word.prior)], word.index), default=None)


def counted(asked: Asked) -> Count:
    """Return (BPM, beats a bar, beat unit) of what the text states, so that the bar has its length in seconds."""
    tempo, meter = asked.reading.tempo, asked.reading.meter
    if "bpm" in asked.given or asked.plan.beats:
        return None, meter.value[0] if meter else None, None
    if "meter" in asked.given:
        return tempo.value.bpm if tempo else None, None, tempo.value.unit if tempo and _countable(tempo) else None
    return count_bar(tempo.value if tempo else None, meter.value if meter else None)


def _countable(tempo: Statement) -> bool:
    return tempo.value.unit in ("quarter", "dotted quarter", "half", "eighth")


def choose_meter(asked: Asked, count: Count, style: Word | None) -> tuple[int, Source]:
    """Return the beats of a bar."""
    if asked.plan.meter is not None:
        return asked.plan.meter, GIVEN
    if asked.plan.beats:
        return max(position for _, position in asked.plan.beats), FROM_BEATS
    statement = asked.reading.meter
    if count[1] is not None:
        # A dance names its metre and its style at once; the style says more to a reader.
        by_dance = statement is not None and dance(asked.reading.tokens[statement.first]) is not None
        return count[1], Source(Origin.SUGGESTED, style.source) if by_dance and style else STATED
    if style and style.prior.meter:
        return style.prior.meter, Source(Origin.SUGGESTED, style.source)
    return _DEFAULT_METER, DEFAULT


def choose_bpm(asked: Asked, count: Count, words: Sequence[Word | None]) -> tuple[float, Source]:
    """Return the tempo fixed or stated, else one in the range on which pace, style and mood (in this order) agree."""
    if asked.plan.bpm is not None:
        return asked.plan.bpm, GIVEN
    if asked.plan.beats and len(asked.plan.beats) > 1:
        return MusicPlan(beats=asked.plan.beats).complete().bpm or 0.0, FROM_BEATS
    if count[0] is not None:
        return count[0], STATED
    low, high = priors.DEFAULT_TEMPO
    used: list[str] = []
    for word in words:
        if word is None or word.prior.tempo is None:
            continue
        lowest, highest = word.prior.tempo
        both = (max(low, lowest), min(high, highest)) if used else (lowest, highest)
        if both[0] <= both[1]:
            (low, high), used = both, [*used, word.source]
    rhythm = asked.reading.harmonic_rhythm
    if rhythm is not None and rhythm.value.unit == "second":  # a tempo in which chords last whole beats
        beat = 60 / rhythm.value.count
        whole = [beat * number for number in range(max(1, round(low / beat)), max(1, round(high / beat)) + 1)]
        return asked.pick("bpm", whole), STATED
    first = -(-int(low) // _BPM_STEP) * _BPM_STEP
    tempi = range(first, int(high) + 1, _BPM_STEP) or (round((low + high) / 2),)
    return float(asked.pick("bpm", tempi)), Source(Origin.SUGGESTED, " + ".join(used)) if used else DEFAULT


def choose_duration(asked: Asked, bpm: float, meter: int, line: ChordLine | None) -> tuple[float, Source]:
    """Return the length in seconds; of one stated in bars, and of chords in bars, whole bars."""
    if asked.plan.duration is not None:
        return asked.plan.duration, GIVEN
    bar = 60 * meter / bpm
    if asked.bars is not None:
        return round(asked.bars * bar, 9), GIVEN
    starts = [*asked.plan.beat_times(), *(second for _, second in asked.plan.chords or ())]
    needed = max(starts) + _TAIL if starts else 0.0  # what was given outlasts what the text says
    longest = asked.longest or float("inf")
    statement = asked.reading.length
    if statement is not None:
        unit, number = statement.value
        stated = number if unit == "seconds" else round(number * bar, 9)
        if stated >= needed:
            return min(stated, max(longest, needed)), STATED
    if (last := last_change(asked.reading, bar)) and last + TAIL_BARS * bar > DEFAULT_DURATION:
        return min(round((round(last / bar) + TAIL_BARS) * bar, 9), max(longest, needed)), FROM_SECTIONS
    if (told := PART_BARS * parts_told(asked.reading) * bar) > DEFAULT_DURATION and not asked.plan.loop:
        return min(round(told, 9), max(longest, needed)), FROM_SECTIONS
    if line is not None and line.bars is not None and len(line.bars) * bar > DEFAULT_DURATION:
        return min(round(len(line.bars) * bar, 9), max(longest, needed)), FROM_CHORDS
    return max(DEFAULT_DURATION, needed), DEFAULT


def whole_bars(
    asked: Asked, bpm: float, meter: int, duration: float, sources: Mapping[str, Source]
) -> tuple[float, float]:
    """Return tempo and length of a loop, which has whole bars: the length gives way, or the tempo where only it can."""
    bars = max(1, round(duration * bpm / 60 / meter))
    if "duration" not in asked.given and not asked.plan.beats:
        if asked.longest is not None and bars * meter * 60 / bpm > asked.longest:
            bars = max(1, bars - 1)
        return bpm, round(bars * meter * 60 / bpm, 9)
    return (bpm if sources["bpm"].is_fixed else 60 * meter * bars / duration), duration


def stated_line(asked: Asked, key: Key | None, meter: int) -> tuple[ChordLine | None, Source]:
    """Return the chords fixed without times, else those of the text; None if there are none.

    Args:
        asked: the request.
        key: home of degrees.
        meter: beats per bar.

    Raises:
        PlanError: naming a symbol of the text's list that is not understood.
    """
    if asked.line is not None:
        return in_rhythm(asked.reading, asked.line, meter), GIVEN
    statement = asked.reading.chords
    if statement is None or asked.plan.chords:
        return None, GIVEN
    return in_rhythm(asked.reading, read_chord_line(statement.value, key), meter), STATED


def has_bars(asked: Asked) -> bool:
    """Whether the chords that are fixed or stated have bars of their own."""
    if asked.line is not None:
        return asked.line.bars is not None
    chords = asked.reading.chords
    return chords is not None and read_chord_line(chords.value, None).bars is not None


def is_named_progression(asked: Asked) -> bool:
    """Whether the chords that count are a progression by name ("12 bar blues")."""
    chords = asked.reading.chords
    return asked.line is None and chords is not None and chords.rank == PROGRESSION


def choose_key(asked: Asked, line: ChordLine | None, words: Sequence[Word | None]) -> tuple[Key, Source]:
    """Take the key from the chords, in the mode that is stated beside them; without chords the mode that mood or style
    suggests, and a common tonic."""
    stated = asked.reading.modes[0].value if asked.reading.modes else None
    sounding = [(symbol, 1.0) for symbol in (line.symbols if line else ()) if symbol != "N"]
    if asked.plan.chords:
        duration = asked.plan.duration or max(second for _, second in asked.plan.chords) + _TAIL
        spans = MusicPlan(chords=asked.plan.chords, duration=duration).chord_intervals()
        sounding = [(str(chord), end - start) for start, end, chord in spans if end > start and not chord.is_none]
    if sounding:
        return key_in_mode(sounding, stated) if stated else estimate_key(sounding), FROM_CHORDS
    word = next((word for word in words if word and word.prior.mode), None)
    if stated or word:
        mode = stated or (word.prior.mode if word else None) or "major"
        source = STATED if stated else Source(Origin.SUGGESTED, word.source if word else None)
    else:
        mode, source = asked.pick("mode", ("major", "minor")), DEFAULT
    tonics = priors.MINOR_TONICS if Key("C", mode).is_minor else priors.MAJOR_TONICS
    tokens = asked.reading.tokens
    denied = [tokens[at].get(Kind.KEY) for at in asked.reading.arrangement.denied]  # "not in C major"
    return Key(asked.pick("tonic", [one for one in tonics if Key(one, mode) not in denied]), mode), source


def choose_progression(asked: Asked, key: Key, style: Word | None) -> tuple[ChordLine, Source]:
    """Choose a progression of the style in the mode of `key`; a church mode has its own."""
    by_style = key.mode not in _MODAL and style is not None and style.prior.progressions(_mode(key))
    source = Source(Origin.SUGGESTED, style.source) if by_style and style else DEFAULT
    return progressions(asked, key, style)[0], source


def progressions(asked: Asked, key: Key, style: Word | None) -> tuple[ChordLine, ...]:
    """Return all progressions that suit: the chosen one, then in turn those with other chords, then other orders."""
    mode = _mode(key)
    if key.mode in _MODAL:
        rows: Sequence[str] = _MODAL[key.mode]
    else:
        common = priors.MINOR_PROGRESSIONS if mode == "minor" else priors.MAJOR_PROGRESSIONS
        rows, key = (style.prior.progressions(mode) if style else ()) or common, Key(key.tonic, mode)
    chosen = asked.pick("chords", range(len(rows)))
    lines = dict.fromkeys(tuple(read_chord_line(row, key).symbols) for row in (*rows[chosen:], *rows[:chosen]))
    chosen_line, *others = lines
    others.sort(key=lambda symbols: set(symbols) == set(chosen_line))
    return tuple(ChordLine(symbols, None, None) for symbols in (chosen_line, *others))


def _mode(key: Key) -> str:
    return key.as_major_or_minor().mode


def place(
    line: ChordLine, beats: Sequence[tuple[float, int]], meter: int, duration: float, forgiving: bool
) -> tuple[tuple[str, float], ...]:
    """Place chords on the beats; if forgiving, cut bars that do not fit, spread more chords than beats evenly."""
    if forgiving and line.bars is not None:
        bars = max(1, sum(position == 1 for _, position in beats))
        line = ChordLine(line.symbols, line.bars[:bars], None, line.notes)
    try:
        return line.place(beats, meter, duration)
    except PlanError:
        if not forgiving:
            raise
    starts = [round(i * duration / len(line.symbols), 6) for i in range(len(line.symbols))]
    pairs = list(zip(line.symbols, starts, strict=True))
    return tuple(pair for i, pair in enumerate(pairs) if i == 0 or pair[0] != pairs[i - 1][0])
