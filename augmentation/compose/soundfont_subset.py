"""Soundfonts cut down to what the composer plays, small enough to travel: `python -m augmentation reduce-soundfont`.

Presets that are not asked for go, the samples that nothing plays any more with them. Large instruments are thinned:
of neighbouring keys one sample serves all. Uncompressed samples can be written as Ogg Vorbis.
"""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from augmentation.compose.soundfont import (
    COMPRESSED,
    DRUM_BANK,
    KEYS,
    LEFT,
    PAN,
    RIGHT,
    VELOCITIES,
    Instrument,
    Preset,
    Sample,
    Zone,
    keys,
    read_soundfont,
    write_soundfont,
)
from munet.errors import RequestError

_MOST_KEYS = 4  # samples that one may stand for; more would be heard as another instrument


def reduce_soundfont(
    source: str | Path,
    target: str | Path,
    programs: Collection[int],
    kits: Collection[int],
    limit: int | None = None,
    mono: Collection[int] = (),
    layers: int | None = None,
) -> int:
    """Write some presets of a soundfont as a smaller one; return its size in bytes.

    Args:
        source: .sf2 or .sf3 file.
        target: file to write; samples are compressed if its name ends in .sf3.
        programs: General MIDI programs (from 0) of bank 0 to keep.
        kits: programs of bank 128, the drum kits, to keep.
        limit: bytes that one instrument's samples may have, about; larger ones are thinned.
        mono: programs of which only the left channel is kept.
        layers: velocity layers that an instrument may keep.

    Raises:
        RequestError: `source` is no soundfont or has none of the presets.
    """
    wanted = {(0, program) for program in programs} | {(DRUM_BANK, kit) for kit in kits}
    presets = [preset for preset in read_soundfont(source) if (preset.bank, preset.program) in wanted]
    if not presets:
        raise RequestError(f"presets: expected some that {str(source)!r} has, got {sorted(wanted)}")
    presets = [_left_only(p) if p.bank == 0 and p.program in mono else p for p in presets]
    if layers:
        presets = _each_instrument(presets, lambda found: _fewer_layers(found, layers))
    if limit:
        hit = {zone.plays for preset in presets if preset.bank == DRUM_BANK for zone in preset.zones}
        presets = _each_instrument(presets, lambda found: found if found in hit else _thinned(found, limit))
    if Path(target).suffix == ".sf3":
        presets = compressed(presets)
    return write_soundfont(target, presets, Path(source).stem)


def _each_instrument(presets: Sequence[Preset], change) -> list[Preset]:
    """Presets with every instrument changed, once, so that what was shared stays shared."""
    made: dict[Instrument, Instrument] = {}
    for preset in presets:
        for zone in preset.zones:
            if isinstance(zone.plays, Instrument) and zone.plays not in made:
                made[zone.plays] = change(zone.plays)
    return [replace(p, zones=tuple(replace(z, plays=made.get(z.plays, z.plays)) for z in p.zones)) for p in presets]


def key_range(zone: Zone, kind: int = KEYS) -> tuple[int, int]:
    """Return the lowest and highest key (or velocity) of a zone."""
    amount = dict(zone.settings).get(kind, keys(0, 127)) & 0xFFFF
    return amount & 0xFF, amount >> 8


def _thinned(instrument: Instrument, limit: int) -> Instrument:
    """The instrument with every second, third or fourth sample of each row of neighbouring keys."""
    samples = dict.fromkeys(zone.plays for zone in instrument.zones if isinstance(zone.plays, Sample))
    step = min(_MOST_KEYS, math.ceil(sum(len(sample.data) for sample in samples) / limit))
    if step < 2:
        return instrument
    rows: dict[tuple, list[Zone]] = {}
    for zone in instrument.zones:
        if isinstance(zone.plays, Sample):
            row = (key_range(zone, VELOCITIES), dict(zone.settings).get(PAN), zone.plays.kind)
            rows.setdefault(row, []).append(zone)
    kept = [zone for zone in instrument.zones if not isinstance(zone.plays, Sample)]
    for row in rows.values():
        row.sort(key=key_range)
        for place in range(0, len(row), step):
            kept.append(_stretched(row[place : place + step]))
    return replace(instrument, zones=tuple(kept))


def _fewer_layers(instrument: Instrument, count: int) -> Instrument:
    """The instrument with `count` of its velocity layers, the loudest among them, spread over all velocities."""
    found = sorted({key_range(zone, VELOCITIES) for zone in instrument.zones if isinstance(zone.plays, Sample)})
    if len(found) <= count:
        return instrument
    chosen = [found[len(found) - 1 - len(found) * place // count] for place in reversed(range(count))]
    lows = [0, *(high + 1 for _, high in chosen[:-1])]
    span = {old: keys(low, old[1]) for low, old in zip(lows, chosen, strict=True)}
    zones = []
    for zone in instrument.zones:
        layer = key_range(zone, VELOCITIES)
        if not isinstance(zone.plays, Sample):
            zones.append(zone)
        elif layer in span:
            settings = ((kind, span[layer] if kind == VELOCITIES else amount) for kind, amount in zone.settings)
            zones.append(replace(zone, settings=tuple(settings)))
    return replace(instrument, zones=tuple(zones))


def _stretched(zones: Sequence[Zone]) -> Zone:
    """The middle one of some zones, over the keys of all."""
    ranges = [key_range(zone) for zone in zones]
    zone = zones[len(zones) // 2]
    span = (KEYS, keys(min(low for low, _ in ranges), max(high for _, high in ranges)))
    return replace(zone, settings=(span, *(s for s in zone.settings if s[0] != KEYS)))


def _left_only(preset: Preset) -> Preset:
    """The preset without the right halves of stereo pairs; the left ones move to the middle."""

    def change(instrument: Instrument) -> Instrument:
        kinds = {zone.plays.kind & ~COMPRESSED for zone in instrument.zones if isinstance(zone.plays, Sample)}
        if RIGHT not in kinds:
            return instrument
        zones = []
        for zone in instrument.zones:
            kind = zone.plays.kind & ~COMPRESSED if isinstance(zone.plays, Sample) else LEFT
            if kind != RIGHT:
                settings = tuple(s for s in zone.settings if s[0] != PAN) if kind == LEFT else zone.settings
                zones.append(replace(zone, settings=settings))
        return replace(instrument, zones=tuple(zones))

    return _each_instrument([preset], change)[0]


def compressed(presets: Sequence[Preset], level: float = 0.6) -> list[Preset]:
    """Return presets whose uncompressed samples became Ogg Vorbis (`level` from 0, best, to 1, smallest)."""
    made: dict[Sample, Sample] = {}
    for preset in presets:
        for sample in preset.samples():
            if sample not in made:
                made[sample] = sample if sample.kind & COMPRESSED else _vorbis(sample, level)

    def change(instrument: Instrument) -> Instrument:
        return replace(
            instrument, zones=tuple(replace(zone, plays=made.get(zone.plays, zone.plays)) for zone in instrument.zones)
        )

    return _each_instrument(presets, change)


def _vorbis(sample: Sample, level: float) -> Sample:
    import soundfile  # only whoever makes soundfonts needs it: the renderer does without

    stream = io.BytesIO()
    pcm = np.frombuffer(sample.data, "<i2")
    soundfile.write(stream, pcm, sample.rate, format="OGG", subtype="VORBIS", compression_level=level)
    return replace(sample, data=stream.getvalue(), kind=sample.kind | COMPRESSED)
