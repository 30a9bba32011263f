from __future__ import annotations

import numpy as np
import pytest

from augmentation.compose.casting import KITS, VARIANTS, cast
from augmentation.compose.piece import Note, Track
from augmentation.compose.player import DRUM_BANK, presets
from augmentation.compose.renderer import default_soundfont
from augmentation.compose.soundfont_subset import reduce_soundfont


def _track(program: int, is_drum: bool = False, seconds: float = 1.0) -> Track:
    return Track("x", program, is_drum, (Note(0.0, seconds, 60, 100),))


@pytest.fixture(scope="module")
def fonts(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str]:
    """The packaged soundfont, one with a piano only and one with a kit only."""
    folder, whole = tmp_path_factory.mktemp("fonts"), default_soundfont()
    piano, kit = folder / "piano.sf2", folder / "kit.sf2"
    reduce_soundfont(whole, piano, (0,), ())
    reduce_soundfont(whole, kit, (), (0, 25))
    return str(whole), str(piano), str(kit)


def _casts(track: Track, sources: tuple[str, ...], count: int = 60) -> list:
    return [cast(np.random.default_rng(seed), track, sources) for seed in range(count)]


def test_presets_are_those_of_the_instrument(fonts: tuple[str, str, str]) -> None:
    for program in (0, 24, 48, 81):
        allowed = {(0, program), *VARIANTS.get(program, ())}
        for voices in _casts(_track(program), fonts):
            assert {(v.bank, v.program) for v in voices} <= allowed
            assert all((v.bank, v.program) in presets(v.source) for v in voices)
    for kit in (0, 25, 48):
        for voices in _casts(_track(kit, True), fonts):
            assert voices[0].bank == DRUM_BANK and voices[0].program in KITS.get(kit, (kit,))


def test_every_source_that_can_play_a_track_plays_it_sometimes(fonts: tuple[str, str, str]) -> None:
    whole, piano, kit = fonts
    assert {v[0].source for v in _casts(_track(0), fonts)} == {whole, piano}
    assert {v[0].source for v in _casts(_track(0, True), fonts)} == {whole, kit}
    assert {v[0].source for v in _casts(_track(56), fonts)} == {whole}


def test_a_kit_that_nobody_has_becomes_the_standard_one(fonts: tuple[str, str, str]) -> None:
    ((voice,),) = _casts(_track(48, True), (fonts[2],), 1)
    assert (voice.bank, voice.program) == (DRUM_BANK, 0)


def test_distorted_guitars_are_doubled_and_basses_stay_alone(fonts: tuple[str, str, str]) -> None:
    doubled = [voices for voices in _casts(_track(30), fonts) if len(voices) == 2]
    assert 20 < len(doubled) < 50
    assert all(left.pan < 0 < right.pan and left.detune != right.detune for left, right in doubled)
    assert all(len(voices) == 1 for voices in _casts(_track(33), fonts))
    assert any(len(voices) == 2 for voices in _casts(_track(89), fonts))
    assert all(len(voices) == 1 for voices in _casts(_track(89, seconds=100.0), fonts))


def test_same_generator_same_cast(fonts: tuple[str, str, str]) -> None:
    assert _casts(_track(0), fonts) == _casts(_track(0), fonts)
