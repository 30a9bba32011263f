"""Levels of sections: read off the plan, set on the sound."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from munet.codec.limiter import CEILING, limited
from munet.dynamics import RAMP, Dynamics, gains_of, level_points
from munet.long_form import StreamedSound
from munet.music import MusicPlan, Section
from tests.munet.codec.stereo_toys import tiny_codec

RATE = 1000
CALM, MODERATE = 10 ** (-6 / 20), 10 ** (-2.5 / 20)


def piece(*energies: str | None, loop: bool = False, energy: str | None = None) -> MusicPlan:
    """Sections of one bar, two seconds each."""
    sections = tuple(Section(name=f"part {index}", bars=1, energy=each) for index, each in enumerate(energies))
    return MusicPlan(bpm=120, meter=4, key="C major", sections=sections, loop=loop, energy=energy).complete()


@pytest.mark.parametrize(
    "plan", [piece("calm"), piece("calm", "calm"), piece(None, "moderate"), MusicPlan(energy="calm")]
)
def test_one_energy_has_no_levels(plan: MusicPlan) -> None:
    assert level_points(plan) == ()
    sound = torch.randn(1, 2, 500)
    assert Dynamics([plan], RATE)(sound) is sound


def test_levels_by_hand_ready_when_the_section_begins() -> None:
    gains = gains_of(piece("calm", "energetic", None), RATE, 0, 6000)
    ramp = round(RAMP * RATE)
    assert np.allclose(gains[: 2000 - ramp], CALM) and gains[2000] == 1.0
    assert gains[2000 - ramp // 2] == pytest.approx((CALM + 1) / 2, abs=1e-3)
    assert np.allclose(gains[2000 : 4000 - ramp], 1.0) and np.allclose(gains[4000:], MODERATE)
    assert np.array_equal(gains_of(piece("calm", "energetic", None), RATE, 1950, 100), gains[1950:2050])


def test_a_section_inherits_the_energy_of_the_piece() -> None:
    assert gains_of(piece(None, "energetic", energy="calm"), RATE, 0, 1)[0] == pytest.approx(CALM)


def test_a_loop_moves_to_the_level_it_begins_with() -> None:
    gains = gains_of(piece("calm", "energetic", loop=True), RATE, 0, 4000)
    assert gains[3900] == 1.0 and gains[-1] == pytest.approx(CALM, abs=0.02)


def test_every_clip_has_its_own_and_chunks_leave_no_trace() -> None:
    plans = [piece("calm", "energetic"), piece("energetic", "calm"), piece("calm", "calm")]
    sound = torch.ones(3, 2, 4000)
    whole = Dynamics(plans, RATE)(sound)
    assert whole[:, 0, 0].tolist() == pytest.approx([CALM, 1.0, 1.0])
    assert whole[:, 1, -1].tolist() == pytest.approx([1.0, CALM, 1.0])
    parts = [Dynamics(plans, RATE)(sound[..., at : at + 333], at) for at in range(0, 4000, 333)]
    assert torch.equal(torch.cat(parts, dim=-1), whole)
    assert torch.equal(Dynamics(plans, RATE)(sound[:, 0]), whole[:, 0])


def test_what_streams_is_the_sound_as_it_stays() -> None:
    """Levels and limiter in chunks are those of the whole, and what is heard early is not changed afterwards."""
    codec = tiny_codec()
    frames = 70
    latents = 3 * torch.randn(
        1, codec.config.latent_channels, frames, codec.latent_bins, generator=torch.Generator().manual_seed(2)
    )
    samples = frames * codec.samples_per_latent_frame
    seconds = samples / codec.config.sample_rate
    plan = MusicPlan(
        bpm=120, meter=4, key="C major", duration=seconds,
        sections=(Section("soft", start=0.0, energy="calm"), Section("loud", start=seconds / 2, energy="energetic")),
    ).complete()  # fmt: skip
    dynamics = Dynamics([plan], codec.config.sample_rate)
    heard: list[torch.Tensor] = []
    stream = StreamedSound(codec, latents, dynamics, heard.append, window_frames=16)
    for first in range(0, frames, 10):
        stream.finished(torch.arange(first, first + 10))
    whole = limited(dynamics(codec.decode(latents)))
    assert torch.equal(torch.cat(heard, dim=-1), stream.whole(samples))
    assert torch.allclose(stream.whole(samples), whole, atol=1e-5)
    assert whole.abs().max() <= CEILING + 1e-6
