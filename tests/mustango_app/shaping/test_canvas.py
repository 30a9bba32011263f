"""Levels of what is put into a hole, from the plans before and after."""

from __future__ import annotations

import numpy as np
import pytest

from munet.music import MusicPlan, Section
from mustango_app.shaping.canvas import Canvas, Faders

RATE = 1000
CALM, MODERATE = 10 ** (-6 / 20), 10 ** (-2.5 / 20)


def piece(*energies: str | None) -> MusicPlan:
    """Sections of one bar, two seconds each."""
    sections = tuple(Section(name=f"part {index}", bars=1, energy=each) for index, each in enumerate(energies))
    return MusicPlan(bpm=120, meter=4, key="C major", sections=sections).complete()


def faders(before: MusicPlan, after: MusicPlan, first: int, last: int, length: int) -> Faders:
    total = round(before.length * RATE)
    canvas = Canvas.open(np.zeros((2, total), np.float32), first, last, length, RATE)
    return Faders.of(before, after, canvas, last, RATE)


def test_a_change_of_nothing_has_the_levels_that_are_there() -> None:
    plan = piece("calm", "energetic")
    found = faders(plan, plan, 1000, 1500, 500)
    assert len(found.old) == 4000 and np.allclose(found.old[:1900], CALM) and np.allclose(found.old[2000:], 1.0)
    assert np.allclose(found.new, CALM)


def test_a_piece_without_levels_stays_without() -> None:
    plan = MusicPlan(bpm=120, meter=4, key="C major", duration=4.0).complete()
    found = faders(plan, plan, 1000, 2000, 1000)
    assert (found.old == 1).all() and (found.new == 1).all()


def test_a_region_made_calm_is_as_much_softer_as_calm_is() -> None:
    found = faders(
        piece("energetic", "energetic", "energetic"), piece("energetic", "calm", "energetic"), 2000, 4000, 2000
    )
    assert (found.old == 1).all() and found.new[500] == pytest.approx(CALM)


def test_what_is_added_follows_from_what_it_is_added_to() -> None:
    # A piece of one energy has no levels of its own: its sound is at 1, and calm is 3.5 dB below moderate.
    behind = faders(piece("moderate"), piece("moderate", "calm"), 2000, 2000, 2000)
    assert (behind.old[:2000] == 1).all() and behind.new[100] == pytest.approx(CALM / MODERATE)
    before = faders(piece("energetic"), piece("calm", "energetic"), 0, 0, 2000)
    assert before.new[100] == pytest.approx(CALM) and (before.old[2000:] == 1).all()
