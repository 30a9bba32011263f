"""Label arithmetic: the row of a clip that was transposed, played faster or slower, or cut short.

A `Record` is a row in hand (MusicBench's fields, see `augmentation.dataset.records`); dicts stay at the edge of the
files. The music itself is computed by `munet.music.MusicPlan`. All fields that say the same thing change together:
`beats`, `chords`, `chords_time`, `bpm`, `key` with its alternative, `duration` and the composer's `plan`. A field that
a row lacks, or holds as null, stays so.

A `prompt_*` sentence whose fact changed is emptied, and `main_caption` falls back to `alt_caption`, which states no
facts: an old sentence would be false. `augmentation.dataset.sentences.state_row` draws new ones from the new labels.
Times are seconds, tempo is beats per minute (BPM).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from augmentation.dataset.records import MODE_WORDS, plan_of
from augmentation.dataset.spelling import is_mixed, spell_alike
from munet.music import Chord, Key, MusicPlan


def _fields(plan: MusicPlan) -> dict[str, Any]:
    """Fields of a row that hold a plan, but for the key, which a row may write in several ways."""
    beats, chords = plan.beats or (), plan.chords or ()
    return {
        "beats": [[time for time, _ in beats], [float(position) for _, position in beats]],
        "bpm": plan.bpm,
        "chords": [symbol for symbol, _ in chords],
        "chords_time": [time for _, time in chords],
        "duration": plan.duration,
        "plan": plan.to_dict(),
    }


def _stated(plan: MusicPlan) -> dict[str, Any]:
    """What each sentence of a row is about."""
    return {
        "prompt_ch": [symbol for symbol, _ in plan.chords or ()],
        "prompt_bt": max((position for _, position in plan.beats or ()), default=None),
        "prompt_bpm": plan.bpm,
        "prompt_key": plan.key,
    }


def _transposed_key(value: Any, semitones: int) -> Any:
    """A row's key, moved: `["E", "major"]`, `["E major", "C# minor"]`, `["E major", None]`, `"E major"` or nothing."""
    if not value:
        return copy.deepcopy(value)
    if isinstance(value, str):
        return str(Key.parse(value).transpose(semitones))
    if len(value) == 2 and isinstance(value[1], str) and value[1].lower() in MODE_WORDS:
        return [Key.parse(" ".join(value)).transpose(semitones).tonic, value[1]]
    return [_transposed_key(part, semitones) for part in value]


@dataclass(frozen=True)
class Record:
    """A row in hand: its music, read once, and its fields, which say the same; methods return new ones.

    Attributes:
        plan: what the row says of the music.
        fields: the row, in MusicBench's fields.
    """

    plan: MusicPlan
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Record:
        """Read a row, which is not touched.

        Raises:
            RequestError: If a field is malformed (`munet.music.PlanError` names it).
        """
        return cls(plan_of(row), copy.deepcopy(dict(row)))

    @property
    def alternative_key(self) -> str | None:
        """Second key of a row that holds two, as in `["E major", "C# minor"]`."""
        value = self.fields.get("key")
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2 or not all(value):
            return None
        return None if value[1].lower() in MODE_WORDS else value[1]

    def with_fields(self, **changes: Any) -> Record:
        """Other captions, sentences or names; labels are changed by the methods below."""
        return replace(self, fields={**self.fields, **changes})

    def transpose(self, semitones: int) -> Record:
        """Labels of the clip moved in pitch, `semitones` up.

        Chords are spelled in the new key if the row has a key, otherwise flats stay flats and sharps stay sharps; a
        slash bass moves with its chord. What would mix both, or be called Cb or E#, is spelled alike
        (`augmentation.dataset.spelling`). The alternative key moves too.
        """
        plan = self.plan.transpose(semitones)
        symbols = [symbol for symbol, _ in plan.chords or ()]
        if semitones % 12 and not plan.sections and is_mixed(symbols):
            chords = spell_alike([Chord.parse(symbol) for symbol in symbols], Key.parse(plan.key) if plan.key else None)
            plan = plan.with_(chords=[(str(chord), time) for chord, (_, time) in zip(chords, plan.chords, strict=True)])
        moved = self._relabelled(plan)
        if "key" not in self.fields:
            return moved
        return moved.with_fields(key=_transposed_key(self.fields["key"], semitones))

    def stretch(self, factor: float) -> Record:
        """Labels of the clip played `factor` times as fast: times are divided by it, the tempo is multiplied.

        Nothing is rounded, and nothing dropped (see `crop`).

        Args:
            factor: Old length over new length of the clip, above 1 for faster.

        Raises:
            RequestError: If the tempo leaves the 30 to 300 BPM of a `MusicPlan`.
        """
        return self._relabelled(self.plan.stretch(factor))

    def crop(self, seconds: float) -> Record:
        """Labels of the first `seconds` of the clip: beats and chords that begin before; a shorter clip stays as it is.

        The tempo stays, also where too few beats are left to count it.

        Raises:
            RequestError: If `seconds` is not a length of a clip.
        """
        plan = self.plan
        if plan.duration is not None and seconds >= plan.duration:
            return self
        if plan.sections or plan.melody:
            return self._relabelled(plan.crop(0.0, seconds))
        cropped = plan.with_(
            chords=[(symbol, time) for symbol, time in plan.chords or () if time < seconds],
            beats=[(time, position) for time, position in plan.beats or () if time < seconds],
            duration=seconds,
        )
        return self._relabelled(cropped)

    def _relabelled(self, plan: MusicPlan) -> Record:
        """Write the fields of another plan; sentences that would be false now are emptied."""
        row = dict(self.fields)
        result = row | {name: value for name, value in _fields(plan).items() if row.get(name) is not None}
        before, after = _stated(self.plan), _stated(plan)
        false = [name for name in before if before[name] != after[name] and row.get(name)]
        result |= dict.fromkeys(false, "")
        if false and "alt_caption" in row and "main_caption" in row:
            result["main_caption"] = result["alt_caption"]
        return Record(plan, result)


def transpose_row(row: Mapping[str, Any], semitones: int) -> dict[str, Any]:
    """New row of a clip moved in pitch, see `Record.transpose`."""
    return dict(Record.of(row).transpose(semitones).fields)


def stretch_row(row: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """New row of a clip played `factor` times as fast, see `Record.stretch`."""
    return dict(Record.of(row).stretch(factor).fields)


def crop_row(row: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """New row of the first `seconds` of a clip, see `Record.crop`."""
    return dict(Record.of(row).crop(seconds).fields)
