"""Gates below which labels are neither told nor handed on, and chords that are spelled alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augmentation.dataset.records import plan_of
from augmentation.dataset.spelling import is_mixed, spell_alike
from augmentation.dataset.trust import reliable
from augmentation.training_data import CorpusClips
from munet.music import Chord, Key

ROW = {
    "beats": [[0.5, 1.0, 1.5], [1.0, 2.0, 1.0]], "bpm": 120.0, "meter": 2, "key": ["A", "minor"],
    "chords": ["N", "Am", "E"], "chords_time": [0.0, 0.5, 1.0], "duration": 2.0,
}  # fmt: skip
SURE = {"beat_confidence": 0.5, "beat_phase": 0.9, "keyprob": [1.0], "chord_confidence": 0.8}


@pytest.mark.parametrize(
    ("confidence", "hidden"),
    [
        ({}, ()),
        ({"beat_confidence": 0.29}, ("beats", "bpm", "meter")),
        ({"beat_phase": 0.4}, ("beats", "bpm", "meter")),
        ({"keyprob": [0.5]}, ("key",)),
        ({"chord_confidence": 0.49}, ("chords",)),
    ],
)
def test_what_is_below_its_gate_is_hidden_and_nothing_else(confidence: dict, hidden: tuple[str, ...]) -> None:
    row = {**ROW, **SURE, **confidence}
    plan, whole = reliable(plan_of(row), row), plan_of(row)
    for name in ("bpm", "meter", "key", "beats", "duration"):
        assert getattr(plan, name) == (None if name in hidden else getattr(whole, name)), name
    assert plan.chords == (None if "chords" in hidden else (("Am", 0.5), ("E", 1.0)))


def test_labels_without_confidence_are_taken_at_their_word() -> None:
    assert reliable(plan_of(ROW), ROW).bpm == 120.0 and reliable(plan_of(ROW), ROW).key == "A minor"


def test_a_model_is_not_handed_what_is_below_the_gate(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 8000)
    row = {**ROW, **SURE, "beat_phase": 0.1, "file_name": "a.wav", "main_caption": "A"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    plan = CorpusClips(str(tmp_path)).read(0, 8000, 2.0).plan
    assert plan.bpm is None and plan.beats is None and plan.key == "A minor"


@pytest.mark.parametrize(
    ("symbols", "key", "expected"),
    [
        ("C# Bb5 Cb/Gb", "E major", "C# A#5 B/F#"),
        ("C# Bb5 Cb/Gb", "Ab major", "Db Bb5 B/Gb"),
        ("A# D# Fm", None, "Bb Eb Fm"),
        ("F#m C#m D", "C major", "F#m C#m D"),
    ],
)
def test_a_list_is_in_sharps_or_in_flats(symbols: str, key: str | None, expected: str) -> None:
    chords = spell_alike([Chord.parse(symbol) for symbol in symbols.split()], key and Key.parse(key))
    assert " ".join(map(str, chords)) == expected
    assert not is_mixed(expected.split())


def test_mixed_lists_are_known() -> None:
    assert is_mixed(["C#", "Bb"]) and is_mixed(["Cb"]) and is_mixed(["C/E#"])
    assert not is_mixed(["N", "C#m", "F#"])
