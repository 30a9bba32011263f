"""How long chords last: stated, given and chosen ones, as the text says it of a piece or of a section."""

from __future__ import annotations

from dataclasses import replace

from augmentation.reading.readers.harmonic_rhythm import HarmonicRhythm
from augmentation.reading.stated import Reading
from munet.music.notation import ChordLine


def in_beats(reading: Reading, bpm: float) -> Reading:
    """Return what a text says, with beats where it says how many seconds chords last ("each chord 8 seconds")."""
    stated = reading.harmonic_rhythm
    if stated is None or stated.value.unit != "second":
        return reading
    rhythm = HarmonicRhythm(1, max(1, round(stated.value.count * bpm / 60)), "beat")
    return replace(reading, harmonic_rhythm=replace(stated, value=rhythm))


def in_rhythm(reading: Reading, line: ChordLine, meter: int) -> ChordLine:
    """Return the chords in bars as the text says how long each of them lasts, if they have no bars of their own."""
    stated = reading.harmonic_rhythm
    if stated is None or line.bars is not None or line.times is not None:
        return line
    return line.paced(meter, stated.value.chords, stated.value.count, stated.value.unit)
