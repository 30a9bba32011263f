"""Long pieces, loops and known latents through the whole pipeline at toy size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler

from munet.codec.joins import turned_down
from munet.diffusers_pipeline import MustangoPipeline
from munet.long_form import Known, windows_over
from munet.music import MusicPlan, Section
from munet.themes import with_themes
from munet.training.settings import NOISE_SCHEDULE
from tests.tiny import tiny_pipeline

PLAN = MusicPlan(bpm=120, meter=4, key="C major", duration=4.0).complete()
BOUNDED = {**NOISE_SCHEDULE, "rescale_betas_zero_snr": False}


@pytest.fixture(scope="module")
def pipeline() -> MustangoPipeline:
    return tiny_pipeline()


def run(pipeline: MustangoPipeline, seconds: float = 4.0, plan: MusicPlan = PLAN, **options):
    generator = torch.Generator().manual_seed(3)
    return pipeline("rock", plan, seconds, 3, generator=generator, output_type="latent", **options).audios


@pytest.fixture
def windowed(pipeline: MustangoPipeline):
    pipeline.register_to_config(window_frames=20)
    yield pipeline
    pipeline.register_to_config(window_frames=None)


def test_a_piece_that_fits_is_made_as_before(pipeline: MustangoPipeline) -> None:
    whole = run(pipeline, 1.6)
    pipeline.register_to_config(window_frames=20)
    assert torch.equal(run(pipeline, 1.6), whole)
    pipeline.register_to_config(window_frames=None)


@pytest.mark.parametrize("scheduler", [DPMSolverMultistepScheduler, EulerDiscreteScheduler])
def test_one_window_under_a_mask_of_nothing_is_the_whole(pipeline: MustangoPipeline, scheduler: type) -> None:
    pipeline = MustangoPipeline(**pipeline.components | {"scheduler": scheduler(**BOUNDED)})
    pipeline.set_progress_bar_config(disable=True)
    whole = run(pipeline)
    none = Known(torch.zeros_like(whole), torch.zeros(whole.shape[2], dtype=torch.bool))
    assert torch.allclose(run(pipeline, known=none), whole, atol=1e-4)


def test_longer_pieces_are_made_in_windows(windowed: MustangoPipeline) -> None:
    steps: list[int] = []
    latents = run(windowed, callback_on_step_end=lambda _p, step, _t, tensors: steps.append(step) or tensors)
    assert latents.shape == (1, 4, 50, 2) and latents.isfinite().all()
    assert steps == [0, 1, 2]
    assert windows_over(50, 20, False).starts == (0, 15, 30)
    start = run(windowed, plan=PLAN.with_(chords=[("F#m", 0.0)]))
    assert not torch.allclose(start, latents), "the conditions count"


def test_a_window_knows_only_its_own_stretch(windowed: MustangoPipeline) -> None:
    """A chord of the last second reaches windows that end before only through what they share with its own."""
    other = PLAN.with_(chords=[*((c, t) for c, t in PLAN.chords if t < 3.5), ("F#dim", 3.5)])
    first, second = run(windowed), run(windowed, plan=other)
    changed = (first - second).abs().amax(dim=(0, 1, 3))
    assert changed[:15].max() < 1e-4 and changed[45:].min() > 1e-2


def song(*names: str, bpm: float = 120) -> MusicPlan:
    return MusicPlan(bpm=bpm, meter=4, key="C major", sections=[Section(name, bars=1) for name in names]).complete()


def test_sections_that_return_have_their_noise_again() -> None:
    noise = torch.randn(2, 4, 100, 2, generator=torch.Generator().manual_seed(0))
    plans = [song("verse", "chorus", "Chorus 2", "outro"), MusicPlan(duration=8.0)]
    themes = with_themes(noise, plans, 12.5)
    assert torch.equal(themes[0, :, 50:75], noise[0, :, 25:50]), "a chorus of 2 s begins at 2 s and again at 4 s"
    for frames in (slice(0, 50), slice(75, 100)):
        assert torch.equal(themes[0, :, frames], noise[0, :, frames])
    assert torch.equal(themes[1], noise[1]), "without sections nothing changes"
    parts = with_themes(noise, [song("part 1", "part 2"), song("part 1", "part 2")], 12.5)
    assert torch.equal(parts, noise)


def test_a_theme_is_cut_to_the_shorter_of_two_sections() -> None:
    sections = [Section("verse", bars=1), Section("chorus", bars=1), Section("verse", bars=2)]
    plan = MusicPlan(bpm=110, meter=4, key="C major", sections=sections).complete()
    noise = torch.randn(1, 4, 109, 2, generator=torch.Generator().manual_seed(0))
    themes = with_themes(noise, [plan], 12.5)
    # At 110 BPM a bar lasts 27.3 frames: the third section begins at 54.5 and is moved by 55, to 81.8.
    assert torch.equal(themes[0, :, 55:82], noise[0, :, :27])
    assert torch.equal(themes[0, :, 82:], noise[0, :, 82:])


def test_a_returning_section_sounds_alike_in_the_pipeline(windowed: MustangoPipeline) -> None:
    plan = song("chorus", "verse", "chorus")
    latents = run(windowed, 6.0, plan)
    first, verse, again = latents[:, :, 5:20], latents[:, :, 30:45], latents[:, :, 55:70]
    assert (first - again).abs().mean() < 0.5 * (first - verse).abs().mean()
    given = torch.randn(1, 4, 75, 2, generator=torch.Generator().manual_seed(3))
    assert not torch.equal(run(windowed, 6.0, plan, latents=given), latents), "given noise is taken as it is"


def test_prompts_of_sections_reach_their_windows(windowed: MustangoPipeline) -> None:
    def piece(words: str) -> MusicPlan:
        sections = (Section("verse", bars=1), Section("chorus", bars=1, prompt=words))
        return MusicPlan(bpm=120, meter=4, key="C major", sections=sections).complete()

    first, second = run(windowed, plan=piece("a trumpet")), run(windowed, plan=piece("a distorted guitar"))
    changed = (first - second).abs().amax(dim=(0, 1, 3))
    assert changed[:10].max() < 0.1 * changed[40:].max()


def test_known_frames_stay_and_the_rest_is_made(pipeline: MustangoPipeline) -> None:
    frames = 50
    latents = torch.randn(1, 4, frames, 2, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(frames) < 20
    made = run(pipeline, known=Known(latents, mask))
    assert torch.equal(made[:, :, :20], latents[:, :, :20])
    assert not torch.isclose(made[:, :, 20:], latents[:, :, 20:]).all()
    with pytest.raises(ValueError, match="known: expected at least one frame to make"):
        run(pipeline, known=Known(latents, torch.ones(frames, dtype=torch.bool)))
    with pytest.raises(ValueError, match="known: expected latents"):
        run(pipeline, known=Known(latents[:, :, :3], mask))


def test_only_what_is_to_be_made_is_asked_for(windowed: MustangoPipeline) -> None:
    """A hole in a long piece costs one window, and its sound is decoded with all that was known around it."""
    latents = torch.randn(1, 4, 400, 2, generator=torch.Generator().manual_seed(1))
    mask = (torch.arange(400) < 200) | (torch.arange(400) >= 206)
    assert windows_over(400, 20, False, Known(latents, mask)).starts == (193,)
    made = run(
        windowed, 32.0, PLAN.with_(duration=32.0, beats=None, chords=None).complete(), known=Known(latents, mask)
    )
    assert torch.equal(made[:, :, mask], latents[:, :, mask])
    assert not torch.isclose(made[:, :, ~mask], latents[:, :, ~mask]).any(dim=1).all()


@pytest.mark.parametrize("windows", [None, 20])
def test_strength_says_how_much_is_made_anew(pipeline: MustangoPipeline, windows: int | None) -> None:
    pipeline.register_to_config(window_frames=windows)
    latents = torch.randn(1, 4, 50, 2, generator=torch.Generator().manual_seed(1))
    nothing = Known(latents, torch.zeros(50, dtype=torch.bool))
    steps: list[int] = []
    options = {"callback_on_step_end": lambda _p, step, _t, tensors: steps.append(step) or tensors}
    near = run(pipeline, known=nothing, strength=0.4, **options)
    assert steps == [0], "one of three steps is left"
    whole = run(pipeline, known=nothing, strength=1.0)
    assert (near - latents).square().mean() < 0.5 * (whole - latents).square().mean()
    if windows is None:
        assert torch.allclose(whole, run(pipeline), atol=1e-5)
    pipeline.register_to_config(window_frames=None)
    for wrong, options in ((0.0, {"known": nothing}), (1.5, {"known": nothing}), (0.5, {})):
        with pytest.raises(ValueError, match="strength: expected"):
            run(pipeline, strength=wrong, **options)


def test_a_loop_has_no_beginning(windowed: MustangoPipeline) -> None:
    """Noise and plan turned by half a loop give the loop turned by half."""
    beats = MusicPlan(bpm=120, meter=1, duration=4.0, chords=[("C", 0.0)], loop=True).complete()
    noise = torch.randn(1, 4, 50, 2, generator=torch.Generator().manual_seed(0))
    first = run(windowed, plan=beats, latents=noise, circular=True)
    turned = run(windowed, plan=beats, latents=noise.roll(25, 2), circular=True)
    assert windows_over(50, 20, True).starts == (0, 12, 25, 38)
    assert first.isfinite().all() and turned.shape == first.shape


def test_channels_of_a_clip_are_turned_down_together() -> None:
    stereo = torch.tensor([[[1.9, 0.0], [0.5, 0.1]], [[0.2, 0.1], [0.3, 0.0]]])
    down = turned_down(stereo)
    assert np.isclose(down[0, 0, 0], 0.95) and np.isclose(down[0, 1, 0], 0.25)
    assert torch.equal(down[1], stereo[1])
