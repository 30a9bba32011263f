from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augmentation.compose.composer import Note, Piece, Track, compose
from augmentation.compose.mastering import loudness
from augmentation.compose.programs import INSTRUMENTS
from augmentation.compose.renderer import default_soundfont, identity, render, render_tracks, soundfonts
from augmentation.compose.soundfont_subset import reduce_soundfont
from munet.errors import RequestError
from munet.music import Chord, MusicPlan

ROOT = Path(__file__).resolve().parents[3]
RATE = 22050


def _piece(*tracks: Track, duration: float = 4.0) -> Piece:
    plan = MusicPlan(duration=duration).complete()
    return Piece(0, "rock", plan, "happy", "calm", tracks)


def _chroma(audio: np.ndarray) -> np.ndarray:
    """Energy of the 12 pitch classes between A2 and A5, `(12,)`, from one long spectrum."""
    size = 4 * RATE
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), size))
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    found = np.zeros(12)
    for pitch in range(45, 76):
        band = np.abs(frequency / (440 * 2 ** ((pitch - 69) / 12)) - 1) < 0.012
        found[pitch % 12] += spectrum[band].max()
    return found


@pytest.mark.parametrize("key", [37, 76])
def test_click_onsets_are_exact(key: int) -> None:
    times = [0.1 + 0.4137 * i for i in range(9)]
    audio = render(_piece(Track("click", 0, True, tuple(Note(t, 0.05, key, 110) for t in times))), 44100)
    envelope = np.abs(audio).max(axis=0)
    for t in times:
        near = envelope[round((t - 0.03) * 44100) : round((t + 0.06) * 44100)]
        onset = np.argmax(near > 0.2 * near.max()) / 44100 - 0.03
        assert 0 <= onset < 0.010


@pytest.mark.parametrize("program", [0, 16, 24, 48])
def test_chords_sound_as_written_and_change_on_time(program: int) -> None:
    symbols = ("C", "F#m", "Bb7", "Ebmaj7", "Bdim", "Gaug")
    notes: list[Note] = []
    for i, symbol in enumerate(symbols):
        chord = Chord.parse(symbol)
        notes += [Note(float(i), 0.9, 55 + (pc - 55) % 12, 90) for pc in chord.pitch_classes()]
    audio = render(_piece(Track("chords", program, False, tuple(notes)), duration=6.0), RATE).mean(axis=0)
    for i, symbol in enumerate(symbols):
        classes = set(Chord.parse(symbol).pitch_classes())
        chroma = _chroma(audio[round((i + 0.2) * RATE) : round((i + 0.85) * RATE)])
        assert set(np.argsort(-chroma)[: len(classes)].tolist()) == classes, symbol


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_every_instrument_sounds_in_tune(name: str) -> None:
    piece = _piece(Track(name, INSTRUMENTS[name], False, (Note(0.0, 1.0, 69, 100),)), duration=1.0)
    audio = render(piece, RATE, dry=True)
    assert np.isfinite(audio).all() and np.abs(audio).max() == pytest.approx(0.89, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(audio.mean(axis=0) * np.hanning(RATE), 4 * RATE))
    frequency = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    if name not in ("tubular bells", "steel drums", "kalimba"):  # inharmonic
        band = (frequency > 200) & (frequency < 5000)
        peak = frequency[band][np.argmax(spectrum[band])]
        octaves = 12 * np.log2(peak / 440)
        # The strongest partial is a small multiple of 440 Hz, its half, or the quint of an organ.
        assert min(abs(octaves - 12 * np.log2(k)) for k in (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10)) < 0.4


def test_velocity_volume_and_pan_are_heard() -> None:
    def loud(audio: np.ndarray) -> float:
        return float(np.sqrt(np.mean(audio**2)))

    soft = Track("piano", 0, False, (Note(0.0, 0.5, 60, 40), Note(2.0, 0.5, 60, 120)))
    audio = render(_piece(soft), RATE)
    assert loud(audio[:, :RATE]) < 0.5 * loud(audio[:, 2 * RATE : 3 * RATE])
    left = Track("flute", 73, False, (Note(0.0, 0.5, 72, 100),), 1.0, -0.8)
    right = Track("flute", 73, False, (Note(2.0, 0.5, 72, 100),), 0.3, 0.8)
    audio = render(_piece(left, right), RATE)
    assert loud(audio[0, :RATE]) > 1.5 * loud(audio[1, :RATE])
    assert loud(audio[:, :RATE]) > 2 * loud(audio[:, 2 * RATE : 3 * RATE])


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_shape_peak_and_loudness(rate: int) -> None:
    for seed in range(3):
        audio = render(compose(seed), rate)
        assert audio.shape == (2, round(10.24 * rate)) and audio.dtype == np.float32
        assert np.isfinite(audio).all() and np.abs(audio).max() <= 0.8901
        assert -18 < loudness(audio, rate) < -10.5
        assert np.abs(render(compose(seed), rate, dry=True)).max() == pytest.approx(0.89, abs=1e-4)


def test_tracks_are_what_is_mixed() -> None:
    piece = compose(5)
    tracks = render_tracks(piece, RATE)
    assert len(tracks) == len(piece.tracks)
    for audio, track in zip(tracks, piece.tracks, strict=True):
        assert audio.shape == (2, round(10.24 * RATE)) and audio.dtype == np.float32
        first = min(note.start for note in track.notes)
        assert not np.abs(audio[:, : max(0, round(first * RATE) - 1)]).any() and audio.any()


def test_true_stereo_without_holes_in_mono() -> None:
    for seed in range(4):
        left, right = render(compose(seed), RATE)
        middle, side = float(np.sum((left + right) ** 2)), float(np.sum((left - right) ** 2))
        assert 1e-4 * middle < side < middle


def test_hits_stay_sharp() -> None:
    """Treatment, room and master leave the rise of a drum as it was, to a millisecond or two."""
    rises = []
    for dry in (True, False):
        found = []
        for seed in range(4):
            notes = tuple(Note(0.3 + i, 0.2, key, 110) for i, key in enumerate((36, 38, 42)))
            piece = replace(_piece(Track("drums", 0, True, notes)), seed=seed)
            envelope = np.abs(render(piece, 44100, dry=dry)).max(axis=0)
            for note in notes:
                near = envelope[round((note.start - 0.01) * 44100) : round((note.start + 0.1) * 44100)]
                found.append((np.argmax(near > 0.9 * near.max()) - np.argmax(near > 0.1 * near.max())) / 44.1)
        rises.append(np.median(found))
    assert abs(rises[1] - rises[0]) < 1.5


def test_sources_may_be_files_or_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = default_soundfont()
    kit, strings = tmp_path / "a.sf2", tmp_path / "b.sf3"
    reduce_soundfont(whole, kit, (), (0,))
    reduce_soundfont(whole, strings, (48,), ())
    assert soundfonts(tmp_path) == (kit, strings) == soundfonts([kit, strings])
    monkeypatch.setenv("MUSTANGO_SOUNDFONT", str(tmp_path))
    assert soundfonts() == (kit, strings) and default_soundfont() == kit
    assert identity() == identity([kit, strings]) != identity(kit)
    both = _piece(
        Track("drums", 0, True, (Note(0.0, 0.5, 38, 100),)), Track("strings", 48, False, (Note(2.0, 1.0, 60, 100),))
    )
    for audio in (render(both, RATE), render(both, RATE, dry=True)):
        assert np.abs(audio[:, : RATE // 2]).max() > 0.05 < np.abs(audio[:, 2 * RATE : 3 * RATE]).max()
    with pytest.raises(RequestError, match="expected a soundfont with program 0"):
        render(_piece(Track("piano", 0, False, (Note(0.0, 0.5, 60, 100),))), RATE)


def test_only_numpy_scipy_and_the_player_are_needed() -> None:
    code = "import sys, augmentation.compose.renderer; print([m for m in sys.argv[1:] if m in sys.modules])"
    unwanted = ("librosa", "soundfile", "soxr", "torch", "numba", "pretty_midi")
    run = subprocess.run([sys.executable, "-c", code, *unwanted], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_same_samples_in_any_order_and_process() -> None:
    pieces = [compose(seed) for seed in (3, 8)]
    first = [render(piece, RATE) for piece in pieces]
    again = [render(piece, RATE) for piece in reversed(pieces)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    code = "import hashlib; from augmentation.compose.composer import compose; "
    code += "from augmentation.compose.renderer import render; "
    code += f"print(hashlib.sha256(render(compose(8), {RATE}).tobytes()).hexdigest())"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(first[1].tobytes()).hexdigest()


def test_silence_and_bad_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not render(_piece(), RATE).any()
    with pytest.raises(ValueError, match="sample_rate: expected"):
        render(_piece(), 10)
    monkeypatch.setenv("MUSTANGO_SOUNDFONT", "/nowhere/at/all.sf2")
    with pytest.raises(FileNotFoundError, match="MUSTANGO_SOUNDFONT"):
        default_soundfont()
