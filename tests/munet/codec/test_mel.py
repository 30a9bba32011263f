"""The mel front end against the reference."""

from __future__ import annotations

import math

import pytest
import torch

from munet.codec.mel import MelFrontEnd, MelSettings, normalize_waveform
from tests.golden import parity_tensors


@pytest.fixture(scope="module")
def front_end() -> MelFrontEnd:
    return MelFrontEnd()


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    return parity_tensors("stft_mel.safetensors")


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-3, rtol=0)


def test_golden_mel(front_end: MelFrontEnd, golden: dict[str, torch.Tensor]) -> None:
    waveform = golden["in.wave"][None]
    close(front_end(waveform), golden["mel"])
    close(normalize_waveform(waveform)[0], golden["normalize_wav"])
    close(front_end(torch.zeros(1, 3200)), golden["mel_silence"])


def test_golden_magnitudes(front_end: MelFrontEnd, golden: dict[str, torch.Tensor]) -> None:
    if "magnitude_frame_50" not in golden:
        pytest.skip("only in the full golden set")
    magnitude = front_end.magnitude(golden["in.wave"][None])
    close(magnitude[0, :, 50], golden["magnitude_frame_50"])
    # Rounding of 3e-6 in a sum of 1,024 products, which differs from processor to processor, weighs more in the
    # logarithm of a magnitude near zero than the bound of 1e-3.
    sampled, expected = magnitude[:, :, ::10], golden["log_magnitudes"]
    torch.testing.assert_close(sampled, expected.exp(), atol=3e-6, rtol=1e-3)
    assert torch.equal(front_end.mel_basis, golden["mel_basis"])


def test_golden_fbank(front_end: MelFrontEnd, golden: dict[str, torch.Tensor]) -> None:
    # As read from the 16-bit file that the reference was given.
    waveform = golden["in.pcm16"].float()[None] / 32768
    close(front_end.fbank(waveform, 100)[0], golden["fbank.target_100"])
    if "fbank.one_second" in golden:
        close(front_end.fbank(waveform)[0], golden["fbank.one_second"])
        close(front_end.fbank(waveform)[0, :128], golden["fbank.stereo_first_128"])
        long = front_end.fbank(waveform.repeat(1, 11))[0]
        close(long[:128], golden["fbank.long_first_128"])
        close(long[-16:], golden["fbank.long_last_16"])


def test_shapes_and_silence(front_end: MelFrontEnd) -> None:
    assert front_end(torch.zeros(2, 16000)).shape == (2, 64, 101)
    fbank = front_end.fbank(torch.zeros(2, 16000))
    assert fbank.shape == (2, 1024, 64)
    assert fbank.min() == fbank.max() == pytest.approx(math.log(1e-5))
    assert not front_end.state_dict()


def test_a_sine_lands_in_its_band() -> None:
    settings = MelSettings(num_mels=128, n_fft=2048)
    waveform = torch.sin(2 * math.pi * 440 * torch.arange(16000) / 16000)[None]
    loudest = MelFrontEnd(settings)(waveform)[0, :, 50].argmax().item()
    # Slaney's scale is linear below 1 kHz: 3/200 mel per Hz, 15 + 27 ln(f / 1000) / ln(6.4) above.
    top = 15 + 27 * math.log(8) / math.log(6.4)
    assert loudest == pytest.approx(440 * 3 / 200 / top * 129 - 1, abs=1)


@pytest.mark.parametrize("waveform", [torch.zeros(16000), torch.zeros(1, 512)])
def test_bad_waveforms_are_named(front_end: MelFrontEnd, waveform: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"^waveform:"):
        front_end(waveform)


def test_empty_clip_is_named(front_end: MelFrontEnd) -> None:
    with pytest.raises(ValueError, match=r"^waveform:"):
        front_end.fbank(torch.zeros(1, 0))
