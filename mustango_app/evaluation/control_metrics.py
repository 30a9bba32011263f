"""The controllability metrics of the Mustango paper (Melechovsky et al., NAACL 2024), per clip and as published.

They compare what was asked with what was heard, without looking at times: TB and TBT (tempo), CK and CKD (key), PCM,
ECM, CMO and CMOT (chords), BM (beats a bar). `adherence` has the measures that look at times.

Conventions: tempo is BPM; a key is (root, mode); chord symbols are compared as strings where the published script
does so (PCM, ECM, CMO: "Db" is not "C#", "C/E" is not "C") and as chords read by `munet.music.Chord` in CMOT. There
both sides came from one recogniser and were spelled alike; `plan_controls` and `heard_controls` spell them alike here.

A clip scores 0 where something was asked and nothing was found. It scores None, and does not count in a mean, where
nothing was asked. Where the published script stops with an error there is a value here: a missing heard tempo, key or
beats score 0, missing asked ones do not count; a mode other than major and minor is no key; any chord that `Chord`
reads has a type in CMOT. The script also computes, without printing them, deviations of tempo and of the number of
chords (the latter compares the asked number with itself): they are not metrics of the paper and are left out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import fmean
from types import MappingProxyType

from augmentation.hearing.listen import Heard
from munet.music import PITCH_NAMES_SHARP, TEMPO_WORDS, Chord, Key, MusicPlan
from mustango_app.evaluation.adherence import downbeats_measured

CONTROL_METRICS = ("TB", "TBT", "CK", "CKD", "CKD_published", "PCM", "ECM", "CMO", "CMOT", "BM")
# What the published script prints, in its order and by its names.
PUBLISHED_METRICS: Mapping[str, str] = MappingProxyType(
    {"TB": "TB", "TBT": "TBT", "CK": "CK", "CKD": "CKD_published", "PCM": "PCM", "ECM": "ECM"}
    | {"CMAO": "CMO", "CMAOMM": "CMOT", "BC": "BM"}
)
MISSING_BPM = 1000.0  # what the published script takes an asked tempo that is missing for
_BIN_BOUNDS = tuple(high for _, high in TEMPO_WORDS.values())[:-1]
_MODES = frozenset({"major", "maj", "M", "minor", "min", "m"})
_CHORD_TYPES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("", "7", "6", "maj7"), "major")
    | dict.fromkeys(("m", "m6", "m7", "m7b5"), "minor")
    | dict.fromkeys(("dim", "aug"), "diminished or augmented")
)


@dataclass(frozen=True)
class Controls:
    """What a clip was asked for, or what was heard in it, as the metrics see it. None or empty: nothing.

    Attributes:
        bpm: beats per minute.
        key: (root, mode), such as ("C", "minor").
        chords: symbols in their order.
        positions: of the beats in the bar, 1 = downbeat; only the highest matters.
    """

    bpm: float | None = None
    key: tuple[str, str] | None = None
    chords: tuple[str, ...] = ()
    positions: tuple[float, ...] = ()


def tempo_bin(bpm: float) -> int:
    """Number of the tempo word, from 0 (Grave, up to 40 BPM) to 8 (Prestissimo, above 210 BPM)."""
    return bisect_left(_BIN_BOUNDS, bpm)


def tempo_match(asked: float, heard: float | None, tolerance: int = 0) -> float:
    """TB: 1 if both tempi (BPM) have the same tempo word, else 0; TBT: with words at most `tolerance` = 1 apart."""
    return float(heard is not None and abs(tempo_bin(asked) - tempo_bin(heard)) <= tolerance)


def read_key(key: tuple[str, str] | None) -> Key | None:
    """Read (root, mode); None without a key or with a mode that is neither major nor minor.

    Raises:
        ValueError: the root is not a note.
    """
    return None if key is None or key[1] not in _MODES else Key.parse(" ".join(key))


def key_match(asked: Key, heard: Key | None) -> float:
    """CK: 1 for the same mode on a root that sounds the same, else 0."""
    return float(heard is not None and (asked.tonic_pc, asked.mode) == (heard.tonic_pc, heard.mode))


def key_or_relative_match(asked: Key, heard: Key | None) -> float:
    """CKD: CK, or the relative key (C major for A minor, and the reverse)."""
    return max(key_match(asked, heard), key_match(asked.relative(), heard))


def published_key_or_relative_match(asked: Key, heard: Key | None) -> float:
    """CKD as the published script has it: instead of the relative key it takes the other mode three semitones off.

    The direction is reversed: F# major for A minor, Eb minor for C major; true relative keys score 0.
    """
    other_mode = heard is not None and heard.mode != asked.mode
    reversed_relative = asked.tonic_pc + (3 if asked.mode == "major" else -3)
    return max(key_match(asked, heard), float(other_mode and heard.tonic_pc == reversed_relative % 12))


def matched_in_order(asked: Sequence[Hashable], heard: Sequence[Hashable]) -> int:
    """Count the asked items, from the first, that are found one after the other in `heard`, with others between.

    The first item that is not found ends the count: nothing found of the first is 0, whatever follows.
    """
    remaining = iter(heard)
    return next((count for count, item in enumerate(asked) if item not in remaining), len(asked))


def matched_in_any_order(asked: Iterable[Hashable], heard: Iterable[Hashable]) -> int:
    """Count the asked items that are found in `heard`, each heard item being used once."""
    return (Counter(asked) & Counter(heard)).total()


def perfect_chord_match(asked: Sequence[str], heard: Sequence[str]) -> float:
    """PCM: 1 if all asked symbols (one at least) are heard in their order, others between or not, else 0."""
    return float(matched_in_order(asked, heard) == len(asked))


def exact_chord_match(asked: Sequence[str], heard: Sequence[str]) -> float:
    """ECM: share of the asked symbols (one at least) that `matched_in_order` counts."""
    return matched_in_order(asked, heard) / len(asked)


def chord_recall(asked: Sequence[str], heard: Sequence[str]) -> float:
    """CMO (CMAO in the script): share of the asked symbols (one at least) that are heard, in any order."""
    return matched_in_any_order(asked, heard) / len(asked)


def chord_type_recall(asked: Sequence[str], heard: Sequence[str]) -> float:
    """CMOT (CMAOMM in the script): `chord_recall` by sounding root and one of three types; the bass is ignored.

    Raises:
        ValueError: a symbol is not one that `munet.music.Chord` reads.
    """
    return matched_in_any_order(map(_root_and_type, asked), map(_root_and_type, heard)) / len(asked)


def _root_and_type(symbol: str) -> tuple[int, str]:
    """Pitch class (-1 for N) and type of a chord; richer chords have the type of the nearest one of Mustango's ten."""
    chord = Chord.parse(symbol).reduce()
    return chord.root_pc, _CHORD_TYPES[chord.quality]


def meter_match(asked: Sequence[float], heard: Sequence[float]) -> float:
    """BM (BC in the script): 1 if the highest beat positions (one at least asked) are equal, else 0."""
    return float(max(asked) == max(heard, default=None))


def control_scores(asked: Controls, heard: Controls) -> dict[str, float | None]:
    """Score one clip by the names in `CONTROL_METRICS`, each from 0 to 1.

    Returns:
        None for what was not asked; 0 for what was asked and not found. "CKD" is the right one.

    Raises:
        ValueError: a key's root or a chord symbol cannot be read.
    """
    scores: dict[str, float | None] = dict.fromkeys(CONTROL_METRICS)
    if asked.bpm is not None:
        scores["TB"] = tempo_match(asked.bpm, heard.bpm)
        scores["TBT"] = tempo_match(asked.bpm, heard.bpm, tolerance=1)
    asked_key, heard_key = read_key(asked.key), read_key(heard.key)
    if asked_key is not None:
        scores["CK"] = key_match(asked_key, heard_key)
        scores["CKD"] = key_or_relative_match(asked_key, heard_key)
        scores["CKD_published"] = published_key_or_relative_match(asked_key, heard_key)
    if asked.chords:
        scores["PCM"] = perfect_chord_match(asked.chords, heard.chords)
        scores["ECM"] = exact_chord_match(asked.chords, heard.chords)
        scores["CMO"] = chord_recall(asked.chords, heard.chords)
        scores["CMOT"] = chord_type_recall(asked.chords, heard.chords)
    if asked.positions:
        scores["BM"] = meter_match(asked.positions, heard.positions)
    return scores


def published_summary(rows: Iterable[tuple[Controls, Controls]]) -> dict[str, float | None]:
    """Summarise clips as the published script prints them: percentages, by its names and in its order.

    Its two peculiarities are kept: CKD has the direction of relative keys reversed, and an asked tempo that is missing
    counts as 1000 BPM. Clips without asked chords count in the other metrics.

    Args:
        rows: (asked, heard) of each clip.

    Returns:
        A mean in percent for each name in `PUBLISHED_METRICS`; None where no clip counts (the script stops there).
    """
    scores = [
        control_scores(replace(asked, bpm=MISSING_BPM) if asked.bpm is None else asked, heard) for asked, heard in rows
    ]
    summary: dict[str, float | None] = {}
    for name, metric in PUBLISHED_METRICS.items():
        values = [score[metric] for score in scores if score[metric] is not None]
        summary[name] = 100 * fmean(values) if values else None
    return summary


def chord_symbols(chords: Iterable[Chord]) -> tuple[str, ...]:
    """Write chords as the symbols that the metrics compare.

    Qualities are reduced to Mustango's ten, all notes are spelled with sharps, then equal neighbours become one. N is
    dropped at both ends and kept in between, for the paper drops the first and the last entry of its recogniser, which
    are the silence around the music.
    """
    symbols = [symbol for symbol, _ in groupby(str(_respelled(chord.reduce())) for chord in chords)]
    starts_silent, ends_silent = symbols[:1] == ["N"], symbols[-1:] == ["N"]
    return tuple(symbols[starts_silent : len(symbols) - ends_silent])


def _respelled(chord: Chord) -> Chord:
    if chord.is_none:
        return chord
    bass = None if chord.bass is None else PITCH_NAMES_SHARP[chord.bass_pc]
    return Chord(PITCH_NAMES_SHARP[chord.root_pc], chord.quality, bass)


def heard_chord_symbols(heard: Heard) -> tuple[str, ...]:
    """Return the heard Harte labels as `chord_symbols`; none where no chords were found or measured.

    Raises:
        ValueError: a label is not one that `munet.music.Chord` reads.
    """
    return chord_symbols(Chord.from_harte(label) for label, _, _ in heard.chords or ())


def heard_controls(heard: Heard) -> Controls:
    """Return what was heard; the tempo is not rounded, as the paper's is."""
    return Controls(
        bpm=heard.bpm,
        key=_root_and_mode(heard.key),
        chords=heard_chord_symbols(heard),
        positions=tuple(position for _, position in heard.beats or ()),
    )


def plan_controls(plan: MusicPlan) -> Controls:
    """Return what a plan asks for (of a MusicBench row: `augmentation.dataset.records.plan_of`), complete or not."""
    meter = plan.meter or max((position for _, position in plan.beats or ()), default=0)
    return Controls(
        bpm=plan.bpm,
        key=_root_and_mode(plan.key),
        chords=chord_symbols(Chord.parse(symbol) for symbol, _ in plan.chords or ()),
        positions=tuple(range(1, meter + 1)),
    )


def _root_and_mode(key: str | None) -> tuple[str, str] | None:
    if key is None:
        return None
    read = Key.parse(key).as_major_or_minor()
    return read.tonic, read.mode


def control_adherence(plan: MusicPlan, heard: Heard) -> dict[str, float | None]:
    """Score a recording against its plan: `control_scores`, None also for what the installation cannot measure."""
    asked = plan_controls(plan)
    return control_scores(
        Controls(
            bpm=asked.bpm if heard.beats is not None else None,
            key=asked.key if heard.key_confidence is not None else None,
            chords=asked.chords if heard.chords is not None else (),
            positions=asked.positions if downbeats_measured(heard) else (),
        ),
        heard_controls(heard),
    )
