"""Soundfonts made of recordings that come as single files: the Salamander piano and drum kits.

Recordings are cut to their first sound, so that a note sounds when it is asked for, and levelled, so that the velocity
alone decides the loudness and the layer only the colour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

import numpy as np

from augmentation.compose.soundfont import (
    ATTENUATION,
    DRUM_BANK,
    GROUP,
    KEYS,
    LEFT,
    MONO,
    PAN,
    RELEASE,
    RIGHT,
    VELOCITIES,
    Instrument,
    Preset,
    Sample,
    Zone,
    keys,
)
from augmentation.compose.soundfont_subset import compressed, key_range
from munet.errors import RequestError

_LEVEL = 0.18  # RMS of the loudest 50 ms of a recording
_LONGEST_NOTE, _LONGEST_HIT = 9.0, 3.0  # seconds
_ONSET, _LEAD = 0.05, 0.001  # a sound begins that many seconds before this share of its peak
_PITCHES = MappingProxyType({"C": 0, "D#": 3, "F#": 6, "A": 9})
# Layer of the piano (of 16, as its packages are named) -> highest velocity, after the player's curve, that it plays.
PIANO_LAYERS: Mapping[int, int] = MappingProxyType({2: 13, 5: 33, 8: 54, 10: 73, 12: 100, 16: 127})
_HATS, _LEADERS = (42, 44, 46), (35, 36, 38, 40)
_TR_808, _HOT = 25, 120  # centibels that this kit of General MIDI soundfonts is louder than other kits
_BEHIND = 60  # centibels of everything but kick and snare
_DAMPED, _RUNG_OUT = -2100, 2400  # timecents of the release: 0.3 s and 4 s


@dataclass(frozen=True)
class Kit:
    """A drum kit: folder of the recordings inside its package, and for each key the files from soft to loud."""

    name: str
    program: int
    folder: str
    hits: Mapping[int, tuple[str, ...]]


_SONIC = "usr/share/sonic-pi/samples"
_HYDROGEN = "usr/share/hydrogen/data/drumkits"
RECORDED_KITS: tuple[Kit, ...] = (
    Kit("rumpf", 0, f"{_HYDROGEN}/rumpf_kit_z01_h2", MappingProxyType({
        35: ("beats_06-46.flac",), 36: ("beats_06-38.flac",), 38: ("beats_01-21.flac",), 39: ("beats_01-26.flac",),
        40: ("beats_06-25.flac",), 42: ("beats_09-10.flac",),
    })),
    Kit("sonic", 1, _SONIC, MappingProxyType({
        35: ("drum_heavy_kick.flac",), 36: ("drum_bass_soft.flac", "drum_bass_hard.flac"),
        38: ("drum_snare_soft.flac", "drum_snare_hard.flac"), 42: ("drum_cymbal_closed.flac",),
        44: ("drum_cymbal_pedal.flac",), 45: ("drum_tom_lo_soft.flac", "drum_tom_lo_hard.flac"),
        46: ("drum_cymbal_open.flac",), 47: ("drum_tom_mid_soft.flac", "drum_tom_mid_hard.flac"),
        49: ("drum_cymbal_soft.flac", "drum_cymbal_hard.flac"), 50: ("drum_tom_hi_soft.flac", "drum_tom_hi_hard.flac"),
        55: ("drum_splash_soft.flac", "drum_splash_hard.flac"), 56: ("drum_cowbell.flac",),
    })),
    Kit("sonic house", 24, _SONIC, MappingProxyType({
        35: ("bd_tek.flac",), 36: ("bd_haus.flac",), 38: ("sn_dolf.flac",), 39: ("perc_snap.flac",),
        40: ("elec_hi_snare.flac",), 42: ("drum_cymbal_closed.flac",), 46: ("drum_cymbal_open.flac",),
    })),
    Kit("sonic 808", 25, _SONIC, MappingProxyType({
        35: ("bd_pure.flac",), 36: ("bd_808.flac",), 38: ("sn_zome.flac",), 39: ("perc_snap2.flac",),
        40: ("elec_snare.flac",),
    })),
    Kit("sonic club", 26, _SONIC, MappingProxyType({
        35: ("bd_ada.flac",), 36: ("bd_klub.flac",), 38: ("elec_mid_snare.flac",), 40: ("sn_dub.flac",),
    })),
    Kit("audiophob", 27, f"{_HYDROGEN}/Audiophob", MappingProxyType({
        36: ("86335__zgump__tom-0105.wav",), 38: ("25671__walter-odington__garage-city-snare-snappy.wav",),
        39: ("29800__stomachache__3.wav",), 40: ("124382__cubix__8bit-snare.wav",),
        42: ("116973__cbeeching__hat-light.wav",), 46: ("104227__minorr__hhat-paiste-302-14-open-p.wav",),
    })),
)  # fmt: skip


def recording(path: Path, longest: float) -> tuple[np.ndarray, int]:
    """Read a recording, cut to its first sound and `longest` seconds, levelled; `(channels, samples)` and its rate.

    Raises:
        RequestError: the file cannot be read, or there is nothing to hear.
    """
    from augmentation.audio import read_audio  # only whoever makes soundfonts needs it: the renderer does without

    audio, rate = read_audio(path)
    audio = audio[:2]
    loud = np.abs(audio).max(0)
    if not loud.any():
        raise RequestError(f"recording: expected sound, got silence in {path.name!r}")
    first = max(0, int(np.argmax(loud > _ONSET * loud.max())) - round(_LEAD * rate))
    audio = audio[:, first : first + round(longest * rate)]
    fade = min(audio.shape[1], round(0.02 * rate))
    audio[:, audio.shape[1] - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    window = min(audio.shape[1], round(0.05 * rate))
    power = np.square(audio[:, : audio.shape[1] // window * window]).reshape(len(audio), -1, window).mean((0, 2))
    return audio * np.float32(min(_LEVEL / np.sqrt(power.max()), 0.98 / np.abs(audio).max())), rate


def zones_of(
    path: Path, longest: float, pitch: int, settings: Sequence[tuple[int, int]], name: str
) -> tuple[Zone, ...]:
    """Return the zones, one or a stereo pair, that play a recording of MIDI `pitch` under some settings."""
    audio, rate = recording(path, longest)
    pcm = np.round(audio * 32767).astype("<i2")
    if len(pcm) == 1 or np.array_equal(pcm[0], pcm[1]):
        return (Zone(tuple(settings), Sample(name, pcm[0].tobytes(), rate, pitch, kind=MONO)),)
    sides = ((LEFT, -500, "L"), (RIGHT, 500, "R"))
    return tuple(
        Zone((*settings, (PAN, pan)), Sample(name[:18] + letter, channel.tobytes(), rate, pitch, kind=kind))
        for channel, (kind, pan, letter) in zip(pcm, sides, strict=True)
    )


def build_piano(folders: Mapping[int, Path], every: int = 1) -> list[Preset]:
    """Build the Salamander grand from its layers.

    Args:
        folders: layer (a key of `PIANO_LAYERS`) -> folder of its recordings.
        every: take every so many-th recorded note only.

    Returns:
        One preset, program 0, with compressed samples.
    """
    layers = sorted(folders)
    zones, low = [], 0
    for layer in layers:
        high = 127 if layer == layers[-1] else PIANO_LAYERS[layer]
        files = {_pitch(path): path for path in folders[layer].rglob("*.ogg")}
        pitches = sorted(files)[::every]
        bounds = [0, *((a + b) // 2 + 1 for a, b in pairwise(pitches)), 128]
        for pitch, start, end in zip(pitches, bounds[:-1], bounds[1:], strict=True):
            release = _DAMPED if pitch < 90 else _RUNG_OUT  # the highest strings have no dampers
            where = ((KEYS, keys(start, end - 1)), (VELOCITIES, keys(low, high)), (RELEASE, release))
            zones += zones_of(files[pitch], _LONGEST_NOTE, pitch, where, f"piano {layer} {pitch}")
        low = high + 1
    instrument = Instrument("Salamander", tuple(zones))
    return compressed([Preset("Salamander Grand", 0, 0, (Zone((), instrument),))])


def _pitch(path: Path) -> int:
    """MIDI pitch in a name such as `D#3v8.ogg`."""
    found = re.match(r"([A-G]#?)(\d)v\d+", path.name)
    if not found or found[1] not in _PITCHES:
        raise RequestError(f"piano: expected files named as D#3v8.ogg, got {path.name!r}")
    return _PITCHES[found[1]] + 12 * (int(found[2]) + 1)


def build_kits(packages: Sequence[Path], base: Sequence[Preset]) -> list[Preset]:
    """Build the drum kits of `RECORDED_KITS`; the keys that a kit lacks are those of General MIDI's kits.

    Args:
        packages: folders of the unpacked packages; a kit without any of its recordings is left out.
        base: presets of a soundfont with compressed samples, kit 0 (and 24, 25) among them.
    """
    kits = {preset.program: preset for preset in base if preset.bank == DRUM_BANK}
    made = []
    for kit in RECORDED_KITS:
        for folder in (package / kit.folder for package in packages):
            hits = {key: names for key, names in kit.hits.items() if all((folder / name).is_file() for name in names)}
            if hits:
                made.append(_kit(replace(kit, hits=hits), folder, kits.get(min(kit.program, _TR_808), kits[0])))
    return made


def _kit(kit: Kit, folder: Path, base: Preset) -> Preset:
    zones = []
    for key, names in kit.hits.items():
        bounds = [0, *(round(128 * (layer + 1) / len(names)) for layer in range(len(names)))]
        for name, low, high in zip(names, bounds[:-1], bounds[1:], strict=True):
            settings = [(KEYS, keys(key, key)), (VELOCITIES, keys(low, high - 1)), (RELEASE, _RUNG_OUT)]
            if key in _HATS:
                settings.append((GROUP, 1))  # one hi-hat: closing it ends the open one
            if key not in _LEADERS:
                settings.append((ATTENUATION, _BEHIND))
            zones += zones_of(folder / name, _LONGEST_HIT, key, settings, f"{kit.name} {key} {low}")
    instrument = Instrument(kit.name, tuple(zones))
    (own,) = compressed([Preset(kit.name, DRUM_BANK, kit.program, (Zone((), instrument),))])
    rest = _without(base, frozenset(kit.hits), _HOT if base.program == _TR_808 else 0)
    return replace(own, zones=(*own.zones, *rest))


def _without(preset: Preset, taken: frozenset[int], quieter: int) -> tuple[Zone, ...]:
    """Zones of a kit without those of some keys, `quieter` by centibels; its global zone goes into each of them."""
    common = {kind: amount for zone in preset.zones if zone.plays is None for kind, amount in zone.settings}
    kept = []
    for zone in preset.zones:
        if isinstance(zone.plays, Instrument):
            inner = tuple(
                inside
                for inside in zone.plays.zones
                if not isinstance(inside.plays, Sample) or not taken.intersection(range(*_span(inside)))
            )
            settings = {**common, **dict(zone.settings)}
            settings[ATTENUATION] = settings.get(ATTENUATION, 0) + quieter
            ordered = tuple(
                sorted(settings.items(), key=lambda setting: (setting[0] not in (KEYS, VELOCITIES), setting))
            )
            kept.append(Zone(ordered, Instrument(zone.plays.name, inner), zone.modulators))
    return tuple(kept)


def _span(zone: Zone) -> tuple[int, int]:
    low, high = key_range(zone)
    return low, high + 1
