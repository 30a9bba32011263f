from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from augmentation.compose.piece import Note
from augmentation.compose.player import Voice, play, presets
from augmentation.compose.soundfont import (
    DRUM_BANK,
    KEYS,
    LEFT,
    LOOPED,
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
from augmentation.compose.soundfont_subset import key_range, reduce_soundfont
from munet.errors import RequestError

RATE = 22050


def _sine(pitch: int, name: str = "sine", kind: int = 1, level: float = 0.5) -> Sample:
    """One second of a sine at a MIDI pitch, looped over whole periods near its end."""
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    wave = level * np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)
    return Sample(name, np.round(wave * 32767).astype("<i2").tobytes(), RATE, pitch, kind=kind)


def _font() -> list[Preset]:
    """A piano of four mono samples in two velocity layers, strings in stereo, and a kit of two keys."""
    piano = Instrument("piano", tuple(
        Zone(((KEYS, keys(low, low + 31)), (VELOCITIES, keys(*layer))), _sine(low + 16, f"p{low}{layer[0]}"))
        for layer in ((0, 63), (64, 127))
        for low in (0, 32, 64, 96)
    ))  # fmt: skip
    strings = Instrument("strings", (
        Zone(((LOOPED, 0),)),
        Zone(((PAN, -500),), _sine(60, "left", LEFT)),
        Zone(((PAN, 500),), _sine(60, "right", RIGHT, 0.3)),
    ))  # fmt: skip
    hits = tuple(Zone(((KEYS, keys(key, key)),), _sine(key, f"hit{key}")) for key in (36, 38))
    return [
        Preset("piano", 0, 0, (Zone((), piano),)),
        Preset("strings", 0, 48, (Zone((), strings),)),
        Preset("kit", DRUM_BANK, 0, (Zone((), Instrument("kit", hits)),)),
    ]


@pytest.fixture
def font(tmp_path: Path) -> Path:
    write_soundfont(tmp_path / "all.sf2", _font(), "toy", "nobody")
    return tmp_path / "all.sf2"


def _frequency(audio: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(audio[0] * np.hanning(audio.shape[1]), 8 * RATE))
    return float(np.argmax(spectrum)) / 8


def _played(path: Path, bank: int, program: int, pitch: int) -> np.ndarray:
    return play((Note(0.0, 0.9, pitch, 100),), Voice(str(path), bank, program), RATE, RATE)


def test_what_is_written_is_read_again(font: Path, tmp_path: Path) -> None:
    read = read_soundfont(font)
    assert [(p.name, p.bank, p.program) for p in read] == [("piano", 0, 0), ("strings", 0, 48), ("kit", 128, 0)]
    for ours, theirs in zip(_font(), read, strict=True):
        assert [s.data for s in ours.samples()] == [s.data for s in theirs.samples()]
        for told in ("name", "pitch", "rate", "kind", "loop", "cents"):
            assert [getattr(s, told) for s in ours.samples()] == [getattr(s, told) for s in theirs.samples()]
    assert read[1].zones[0].plays.zones[0].plays is None  # the global zone stays first
    write_soundfont(tmp_path / "again.sf2", read, "toy", "nobody")
    assert (tmp_path / "again.sf2").read_bytes() == font.read_bytes()


@pytest.mark.parametrize(("bank", "program", "pitch"), [(0, 0, 57), (0, 0, 90), (0, 48, 64), (DRUM_BANK, 0, 38)])
def test_tinysoundfont_plays_what_was_written(font: Path, bank: int, program: int, pitch: int) -> None:
    heard = _frequency(_played(font, bank, program, pitch))
    assert abs(12 * np.log2(heard / 440) + 69 - pitch) < 0.05


def test_one_channel_comes_back_where_both_are_the_same(font: Path) -> None:
    assert _played(font, 0, 0, 60).shape == (1, RATE)
    left, right = _played(font, 0, 48, 60)
    assert np.abs(left).max() > 1.5 * np.abs(right).max()


@pytest.mark.parametrize("suffix", [".sf2", ".sf3"])
def test_a_reduced_font_holds_what_was_asked_for(font: Path, tmp_path: Path, suffix: str) -> None:
    small = tmp_path / f"small{suffix}"
    size = reduce_soundfont(font, small, (0,), (0,))
    assert size == small.stat().st_size < font.stat().st_size
    assert presets(str(small)) == {(0, 0), (DRUM_BANK, 0)}
    assert _frequency(_played(small, 0, 0, 57)) == pytest.approx(220.0, abs=1.0)


def test_thinning_stretches_neighbours_and_spares_kits(font: Path, tmp_path: Path) -> None:
    one = len(_sine(60).data)
    reduce_soundfont(font, tmp_path / "thin.sf2", (0,), (0,), limit=4 * one)  # 8 samples: every second one stays
    piano, kit = read_soundfont(tmp_path / "thin.sf2")
    zones = piano.zones[0].plays.zones
    assert [key_range(zone) for zone in zones] == [(0, 63), (64, 127)] * 2
    assert len(piano.samples()) == 4 and len(kit.samples()) == 2
    assert _frequency(_played(tmp_path / "thin.sf2", 0, 0, 57)) == pytest.approx(220.0, abs=1.0)


def test_fewer_velocity_layers_cover_all_velocities(font: Path, tmp_path: Path) -> None:
    reduce_soundfont(font, tmp_path / "flat.sf2", (0,), (), layers=1)
    (piano,) = read_soundfont(tmp_path / "flat.sf2")
    assert {key_range(zone, VELOCITIES) for zone in piano.zones[0].plays.zones} == {(0, 127)}
    assert {sample.name for sample in piano.samples()} == {"p064", "p3264", "p6464", "p9664"}


def test_the_left_half_of_a_pair_moves_to_the_middle(font: Path, tmp_path: Path) -> None:
    reduce_soundfont(font, tmp_path / "mono.sf2", (48,), (), mono=(48,))
    (strings,) = read_soundfont(tmp_path / "mono.sf2")
    assert [sample.name for sample in strings.samples()] == ["left"]
    assert _played(tmp_path / "mono.sf2", 0, 48, 60).shape == (1, RATE)


def test_faults_are_told(font: Path, tmp_path: Path) -> None:
    (tmp_path / "text.sf2").write_text("no soundfont")
    with pytest.raises(RequestError, match="expected a SoundFont"):
        read_soundfont(tmp_path / "text.sf2")
    (tmp_path / "half.sf2").write_bytes(font.read_bytes()[:5000])
    with pytest.raises(RequestError, match="expected a whole file"):
        read_soundfont(tmp_path / "half.sf2")
    with pytest.raises(RequestError, match="presets: expected some"):
        reduce_soundfont(font, tmp_path / "none.sf2", (77,), ())
    with pytest.raises(RequestError, match="presets: expected samples"):
        write_soundfont(tmp_path / "none.sf2", [], "nothing")
