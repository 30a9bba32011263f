"""What a person's caption says of a clip, as a second opinion on what was heard in it.

Two tempi an octave apart fit the same recording, and so do two keys of the same notes: there extractors err most, and a
caption that names one of the two decides. Else the text of a row and its labels would contradict each other. Where they
differ in any other way nobody knows who is right, as a caption is written by ear too: the labels stay, but their
confidence is 0, so that no sentence states them and no model is handed them beside a text that says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from augmentation.reading.stated import Reading, read
from munet.music import Key

SAME_TEMPO = 0.06  # share by which a stated tempo may lie beside what was heard: people round
SAME_TIME = 0.12  # seconds between a chord's change and the downbeat that it is meant for
_PLAIN = 1  # how plainly a tempo is stated: with a unit or a name, not as a bare number or an Italian word
_PLAIN_KEY = 3


def agreed(labels: Mapping[str, Any], caption: str) -> dict[str, Any]:
    """Return the labels of a clip with the octave of the tempo and the mode of the key that its caption states.

    What the caption contradicts gets a `beat_confidence` of 0, or a `keyprob` of `[0.0]`.

    Args:
        labels: `beats`, `bpm`, `meter`, `key`, `chords_time` as `augmentation.dataset.extract` gives them; not changed.
        caption: written by a person.
    """
    reading = read(caption)
    return {**labels, **_at_tempo(labels, reading), **_in_key(labels, reading)}


def _at_tempo(labels: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    bpm, tempo = labels.get("bpm"), reading.tempo
    if not bpm or tempo is None or tempo.rank > _PLAIN or tempo.value.to or tempo.value.low is not None:
        return {}
    if len({one.value.bpm for one in reading.tempos if one.rank <= _PLAIN}) > 1:
        return {}
    if abs(bpm / tempo.value.bpm - 1) <= SAME_TEMPO:
        return {}
    for factor, move in ((2.0, _every_second), (0.5, _twice_as_many)):
        if abs(bpm / factor / tempo.value.bpm - 1) <= SAME_TEMPO:
            return {"bpm": round(bpm / factor, 3), "beats": move(labels)}
    return {} if tempo.value.unit else {"beat_confidence": 0.0}  # of another note: counted otherwise, not contradicted


def _every_second(labels: Mapping[str, Any]) -> list[list[float]]:
    """Beats of half the tempo, two bars as one; of both ways to pair them that whose downbeats more chords begin on.

    Without a downbeat nothing says which beats are left out: then there are none.
    """
    times, positions = labels.get("beats") or [[], []]
    ones = [at for at, position in enumerate(positions) if position == 1]
    if not ones or not labels.get("meter"):
        return [[], []]
    meter, changes = round(labels["meter"]), labels.get("chords_time") or []

    def fits(first: int) -> int:
        downbeats = times[first % (2 * meter) :: 2 * meter]
        return sum(any(abs(change - beat) <= SAME_TIME for beat in downbeats) for change in changes)

    first = max(ones[:2], key=fits)  # the earlier one where both fit alike
    kept = range(first % 2, len(times), 2)
    return [[times[at] for at in kept], [float((at - first) // 2 % meter + 1) for at in kept]]


def _twice_as_many(labels: Mapping[str, Any]) -> list[list[float]]:
    """Beats of twice the tempo, each bar as two."""
    times, positions = labels.get("beats") or [[], []]
    if len(times) < 2 or not labels.get("meter"):
        return [list(times), list(positions)]
    meter = round(labels["meter"])
    gap = times[-1] - times[-2]
    ends = [*times, times[-1] + gap]
    both = [(time, (end - time) / 2, round(at)) for (time, end), at in zip(pairwise(ends), positions, strict=True)]
    found = [(round(time + half * later, 4), float((2 * (at - 1) + later) % meter + 1))
             for time, half, at in both for later in (0, 1)]  # fmt: skip
    inside = [pair for pair in found if pair[0] < labels["duration"]]
    return [[time for time, _ in inside], [position for _, position in inside]]


def _in_key(labels: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    heard, stated = labels.get("key"), reading.key
    if not heard or stated is None or stated.rank > _PLAIN_KEY or len({str(one.value) for one in reading.keys}) > 1:
        return {}
    found, said = Key.parse(" ".join(heard)), stated.value
    if (found.tonic_pc, found.is_minor) == (said.tonic_pc, said.is_minor):
        return {}  # or a church mode, which extractors call by the third that it has
    relative = found.mode != said.mode and set(found.scale()) == set(said.scale())
    return {"key": [said.tonic, said.mode]} if relative else {"keyprob": [0.0]}
