"""The limiter: nothing above the ceiling, nothing else changed, the same samples however a piece is cut."""

from __future__ import annotations

import pytest
import torch

from munet.codec.limiter import ATTACK, BLOCK, CEILING, EARLY, LATE, RELEASE, Limiter, limited, limited_chunks


def noise(samples: int, clips: int = 1, loudness: float = 0.2) -> torch.Tensor:
    """Stereo noise `(clips, 2, samples)` well below the ceiling."""
    return (loudness * torch.randn(clips, 2, samples, generator=torch.Generator().manual_seed(3))).clamp(-0.8, 0.8)


def test_what_is_quiet_enough_stays_to_the_bit() -> None:
    sound = noise(20_000)
    assert torch.equal(limited(sound), sound)


@pytest.mark.parametrize("samples", [1, BLOCK, 1000, 9999])
def test_no_sample_is_above_the_ceiling_and_none_is_lost(samples: int) -> None:
    loud = noise(samples, clips=2, loudness=3.0) * 4
    out = limited(loud)
    assert out.shape == loud.shape and out.abs().max() <= CEILING + 1e-6
    assert torch.equal(out.sign(), loud.sign())  # turned down, not cut


def test_a_peak_turns_down_its_neighbourhood_alone_and_both_channels() -> None:
    sound = noise(40_000)
    sound[0, 0, 20_000] = 3.8  # a quarter of it is allowed
    gain = limited(sound) / sound
    assert torch.allclose(gain[0, 0], gain[0, 1], atol=1e-5)
    assert gain[0, 0, 20_000] == pytest.approx(0.25, abs=1e-4)
    assert torch.equal(gain[..., : 20_000 - EARLY], torch.ones_like(gain[..., : 20_000 - EARLY]))
    assert torch.equal(gain[..., 20_000 + LATE :], torch.ones_like(gain[..., 20_000 + LATE :]))
    # It falls within the attack: three quarters of what would take it to nothing; and rises at the release's rate.
    assert gain[0, 0, 20_000 - BLOCK * (ATTACK * 3 // 4 + 1) - BLOCK] == 1
    later = gain[0, 0, 20_000 + 2 * BLOCK : 20_000 + 40 * BLOCK]
    assert (later.diff() >= -1e-5).all()
    assert (later[-1] - later[0]).item() == pytest.approx(38 / RELEASE, abs=0.02)


@pytest.mark.parametrize("size", [1, 48, 49, 1000, 3528, 50_000])
def test_chunks_leave_no_trace(size: int) -> None:
    sound = noise(12_345, clips=2) * 1.1
    sound[:, :, [37, 3000, 9000, 12_340]] = 2.5
    pieces = list(limited_chunks(sound.split(size, dim=-1)))
    assert torch.equal(torch.cat(pieces, dim=-1), limited(sound))


def test_a_loop_is_limited_round_its_seam() -> None:
    sound = noise(30_000)
    sound[0, 1, 5] = 1.9
    around = limited(sound, circular=True)
    turned = limited(sound.roll(15_000, dims=-1), circular=True).roll(-15_000, dims=-1)
    assert torch.allclose(
        around[..., -BLOCK:], limited(torch.cat([sound, sound], -1))[..., 30_000 - BLOCK : 30_000], atol=1e-6
    )
    assert (around[..., -20:].abs() <= sound[..., -20:].abs() + 1e-7).all()
    assert not torch.equal(around[..., -20:], sound[..., -20:])
    assert (turned - around).abs().max() < 0.05  # the gain's points lie elsewhere, at most a block


def test_a_rest_needs_a_chunk() -> None:
    with pytest.raises(ValueError, match="rest: expected a chunk before it"):
        Limiter().rest()
