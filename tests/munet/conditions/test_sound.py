"""The sound code: what it says of latents, what plans make likely, and what a piece keeps."""

from __future__ import annotations

import pytest
import torch

from munet.conditions.aligned import FIRST_STYLE_ROW
from munet.conditions.sound import FEWEST_FRAMES, QUIET, WHO_PLAYS, SoundCode, is_drumless, sound_features

ROWS = FIRST_STYLE_ROW + 2
CHANNELS, FRAMES, BINS = 4, 32, 2
DRUMS = 52


def windows(count: int = 400, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents whose first component is louder with one player, whose second follows a pitch class, and noise."""
    generator = torch.Generator().manual_seed(seed)
    aligned = torch.zeros(count, ROWS)
    aligned[:, DRUMS] = torch.randint(2, (count,), generator=generator).float()
    aligned[torch.arange(count), torch.randint(12, (count,), generator=generator)] = 1
    latents = 0.1 * torch.randn(count, CHANNELS, FRAMES, BINS, generator=generator)
    latents[:, 0, :, 0] += 2 * aligned[:, DRUMS, None] + torch.randn(count, 1, generator=generator)
    latents[:, 1, :, 0] += 5 * aligned[:, 0, None]
    latents[:, 2] *= (torch.randn(count, 1, 1, generator=generator)).exp()
    return latents, aligned


@pytest.fixture(scope="module")
def code() -> SoundCode:
    latents, aligned = windows()
    code = SoundCode(CHANNELS * BINS, ROWS, 4)
    assert not code.fitted
    code.fit(sound_features(latents), aligned, spreads=1)
    assert code.fitted
    return code


def test_features_are_means_and_logarithms_of_deviations() -> None:
    latents = torch.tensor([1.0, 3.0]).view(1, 1, 2, 1)
    assert torch.allclose(sound_features(latents), torch.tensor([[2.0, 1.0 + QUIET]]).log() * torch.tensor([[0.0, 1.0]])
                          + torch.tensor([[2.0, 0.0]]))  # fmt: skip


def test_codes_are_of_size_one_and_tell_balance_but_not_notes(code: SoundCode) -> None:
    latents, _ = windows()
    found = code.of(latents)
    assert torch.allclose(found.mean(dim=0), torch.zeros(4), atol=1e-3)
    assert torch.corrcoef(torch.stack([found[:, 0], latents[:, 0, :, 0].mean(dim=1)]))[0, 1].abs() > 0.99
    # The component that follows the harmony varies most of all, and is in no code.
    assert torch.corrcoef(torch.cat([found.T, latents[:, 1, :, 0].mean(dim=1)[None]]))[-1, :-1].abs().max() < 0.3
    spread = latents[:, 2].std(dim=1).log().mean(dim=1)
    assert torch.corrcoef(torch.stack([found[:, 3], spread]))[0, 1].abs() > 0.9


def test_who_plays_leads_one_to_expect_a_sound(code: SoundCode) -> None:
    latents, aligned = windows(seed=1)
    frames = aligned[:, :, None].expand(-1, -1, FRAMES)
    found, expected = code.of(latents), code.expected(frames)
    assert torch.corrcoef(torch.stack([found[:, 0], expected[:, 0]]))[0, 1] > 0.6
    told = [0, 3]  # the others are chance
    left = (found - expected)[:, told]
    noise = torch.randn(2000, CHANNELS, FRAMES, BINS, generator=torch.Generator().manual_seed(2))
    drawn = code.drawn(noise)[:, told]
    assert torch.allclose(drawn.std(dim=0), left.std(dim=0), rtol=0.15)
    assert torch.allclose(torch.corrcoef(drawn.T), torch.corrcoef(left.T), atol=0.2)


def test_nothing_is_asked_where_it_is_open_who_plays(code: SoundCode) -> None:
    latents, aligned = windows(2, seed=9)
    aligned[0, WHO_PLAYS] = 1
    frames = aligned[:, :, None].expand(-1, -1, FRAMES)
    deviation = torch.ones(2, 4)
    asked = code.asked(frames, deviation)
    assert torch.allclose(asked[0], code.expected(frames)[0] + 1) and not asked[1].any()
    shift = code.shift(latents, asked)
    assert shift[0].any() and not shift[1].any()


def test_where_no_drums_play_nothing_moves_their_way(code: SoundCode) -> None:
    latents, _ = windows(3, seed=8)
    drums = torch.nn.functional.normalize(code.expecting[:, 1 + DRUMS], dim=0)
    told = code.of(latents)
    asked = told + torch.tensor([1.0, 1.0, -1.0])[:, None] * drums + torch.tensor([0.0, 0.0, 0.0, 0.3])
    after = code.of(latents + code.shift(latents, asked, torch.tensor([True, False, True])))
    moved = ((after - told)[:, :3] @ drums[:3]).tolist()
    free = ((code.of(latents + code.shift(latents, asked)) - told)[:, :3] @ drums[:3]).tolist()
    assert moved[0] < 0.1 * free[0]
    assert moved[1:] == pytest.approx(free[1:], abs=1e-4)  # where they play, or where it goes away from them


def test_drums_play_where_they_hit_once() -> None:
    aligned = torch.zeros(2, ROWS, FRAMES)
    aligned[1, DRUMS, 3] = 1
    assert is_drumless(aligned).tolist() == [True, False]


def test_the_noise_alone_decides_what_is_drawn(code: SoundCode) -> None:
    noise = torch.randn(3, CHANNELS, FRAMES, BINS, generator=torch.Generator().manual_seed(3))
    drawn = code.drawn(noise)
    assert torch.equal(drawn, code.drawn(noise.clone()))
    assert not torch.allclose(drawn[0], drawn[1])
    assert torch.allclose(code.drawn(noise[1:2]), drawn[1:2], atol=1e-6)  # whatever else is in the batch


def test_a_shift_gives_latents_the_means_that_a_code_tells(code: SoundCode) -> None:
    latents, _ = windows(3, seed=6)
    asked = code.of(latents) + torch.tensor([1.0, -2.0, 0.5, 0.7])
    shift = code.shift(latents, asked)
    assert shift.shape == (3, CHANNELS, 1, BINS)
    after = code.of(latents + shift)
    assert torch.allclose(after[:, :3], asked[:, :3], atol=1e-3)
    assert torch.allclose(after[:, 3], code.of(latents)[:, 3], atol=1e-4)  # of how much they vary
    smallest = torch.linalg.pinv(code.axes[:3, : CHANNELS * BINS]) @ (asked - code.of(latents))[:, :3].T
    assert torch.allclose(shift.flatten(1), smallest.T, atol=1e-3)


def test_what_is_there_keeps_its_sound(code: SoundCode) -> None:
    latents, aligned = windows(2, seed=4)
    frames = aligned[:, :, None].expand(-1, -1, FRAMES)
    drawn = torch.ones(2, 4)
    first = torch.arange(FRAMES) < FEWEST_FRAMES
    whole = torch.ones(FRAMES, dtype=torch.bool)
    kept = code.kept(drawn, latents, first, 1.0, frames)
    assert torch.allclose(kept + code.expected(frames[:, :, first]), code.of(latents[:, :, first]), atol=1e-5)
    few = torch.arange(FRAMES) < FEWEST_FRAMES - 1
    assert torch.equal(code.kept(drawn, latents, few, 1.0, frames), drawn)
    # Made anew in part: all frames count, and the deviation lies between what was and what is drawn.
    own = code.of(latents, whole) - code.expected(frames)
    assert torch.allclose(code.kept(drawn, latents, ~whole, 0.25, frames), own.lerp(drawn, 0.25), atol=1e-5)
