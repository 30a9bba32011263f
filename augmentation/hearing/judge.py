"""The judge: which classes of instruments play in every second of a recording, and in which style.

A small convolutional network on log-mel spectra, trained on this project's own renders (`judge_training`). It measures
what was made ("asked: piano, strings, no drums; heard: piano .97, strings .91, drums .02") and tags recordings that
have no captions. Spectra are taken relative to their own mean, so that loudness does not count.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from scipy.signal import resample_poly
from torch import nn

from munet.errors import RequestError
from munet.files import shipped
from munet.music.instruments import CLASS_NAMES, recall_and_intrusion

SHIPPED = shipped("judge")
FLOOR = 1e-5  # added to magnitudes before the logarithm
LOG_SCALE = 0.5  # brings natural logarithms of mel magnitudes to about unit variance
STRETCH = 30  # seconds heard at once


@dataclass(frozen=True)
class Arrangement:
    """What the judge heard.

    Attributes:
        instruments: class -> probability for every second, `(seconds,)`.
        styles: style -> probability.
    """

    instruments: Mapping[str, np.ndarray]
    styles: Mapping[str, float]

    @property
    def style(self) -> str:
        """The likeliest style."""
        return max(self.styles, key=lambda name: self.styles[name])

    def presence(self, start: float = 0.0, end: float | None = None) -> dict[str, float]:
        """Return class -> how surely it plays at some time from `start` to `end` (seconds).

        The mean of the surest three seconds, so that one doubtful second is no instrument.
        """
        first, last = math.floor(start), None if end is None else max(math.floor(start) + 1, round(end))
        found = {}
        for name, seconds in self.instruments.items():
            window = np.sort(seconds[first:last])[::-1]
            found[name] = float(window[:3].mean()) if len(window) else 0.0
        return found


def mel_matrix(bins: int, n_fft: int, sample_rate: int, lowest: float, highest: float) -> torch.Tensor:
    """Return triangular filters `(n_fft / 2 + 1, bins)` on the mel scale of O'Shaughnessy (1987), each of sum 1."""
    to_mel = 2595 * math.log10(1 + highest / 700), 2595 * math.log10(1 + lowest / 700)
    centres = 700 * (10 ** (torch.linspace(to_mel[1], to_mel[0], bins + 2) / 2595) - 1)
    frequencies = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1)[:, None]
    rising = (frequencies - centres[:-2]) / (centres[1:-1] - centres[:-2])
    falling = (centres[2:] - frequencies) / (centres[2:] - centres[1:-1])
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return triangles / triangles.sum(dim=0).clamp_min(1e-6)


def resampled(mono: np.ndarray, sample_rate: int, target_rate: int) -> np.ndarray:
    """Return mono sound `(samples,)` float32 at another rate (Hz)."""
    if sample_rate == target_rate:
        return mono
    shared = math.gcd(int(sample_rate), target_rate)
    return resample_poly(mono, target_rate // shared, int(sample_rate) // shared).astype(np.float32)


def _stretches(waveform: torch.Tensor, sample_rate: int) -> Iterator[torch.Tensor]:
    """Yield stretches of about `STRETCH` seconds, so that memory stays flat; the last one is at least a second."""
    count = max(1, round(len(waveform) / (STRETCH * sample_rate)))
    seconds = len(waveform) // sample_rate
    edges = [sample_rate * round(i * seconds / count) for i in range(count)] + [len(waveform)]
    yield from (waveform[start:end] for start, end in pairwise(edges))


class _Block(nn.Sequential):
    """Two 3x3 convolutions with batch norm, then a mean over 2x2: `(B, C, T, F)` -> `(B, C', T / 2, F / 2)`."""

    def __init__(self, channels_in: int, channels: int) -> None:
        layers: list[nn.Module] = []
        for width in (channels_in, channels):
            layers += [nn.Conv2d(width, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.SiLU()]
        super().__init__(*layers, nn.AvgPool2d(2))


class Judge(ModelMixin, ConfigMixin):
    """Recording -> logits of instrument classes per second and of styles.

    Args:
        styles: names of the styles it tells apart.
        instruments: classes of instruments, by default those of `munet.music.instruments`.
        sample_rate: Hz; n_fft, hop_length: samples of the spectra; mel_bins: a multiple of eight.
        channels: width of the three levels; width: of the layers over time; dilations: of these, one layer each.
        thresholds: probability from which each class counts as heard, None for 0.5.
    """

    @register_to_config
    def __init__(
        self,
        styles: Sequence[str],
        instruments: Sequence[str] = CLASS_NAMES,
        sample_rate: int = 22050,
        n_fft: int = 1024,
        hop_length: int = 441,
        mel_bins: int = 80,
        channels: Sequence[int] = (32, 64, 128),
        width: int = 192,
        thresholds: Sequence[float] | None = None,
        dilations: Sequence[int] = (1,),
    ) -> None:
        super().__init__()
        self.register_buffer(
            "mel", mel_matrix(mel_bins, n_fft, sample_rate, 40.0, 0.49 * sample_rate), persistent=False
        )
        widths = [1, *channels]
        self.levels = nn.Sequential(*(_Block(*pair) for pair in pairwise(widths)))
        self.squeeze = nn.Conv1d(channels[-1] * (mel_bins // 8), width, 1)
        self.context = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2 * step, dilation=step) for step in dilations)
        self.players = nn.Conv1d(2 * width, len(instruments), 1)
        self.style = nn.Linear(2 * width, len(styles))

    def spectrum(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return log-mel spectra `(batch, frames, mel_bins)` of mono sound `(batch, samples)`, mean 0 per clip."""
        window = torch.hann_window(self.config.n_fft, device=waveform.device)
        spectra = torch.stft(
            waveform.float(), self.config.n_fft, self.config.hop_length, window=window, return_complex=True
        )
        level = waveform.float().pow(2).mean(dim=-1).sqrt().clamp_min(1e-6)[:, None, None]
        magnitudes = spectra.abs().transpose(1, 2) @ self.mel.float() / (level * self.config.n_fft**0.5)
        return ((magnitudes + FLOOR * 100).log() + 4.0) * LOG_SCALE

    def forward(self, spectrum: torch.Tensor, seconds: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits `(batch, classes, seconds)` and `(batch, styles)` of spectra `(batch, frames, mel_bins)`."""
        hidden = self.levels(spectrum[:, None])  # (B, C, T / 8, F / 8)
        hidden = F.silu(self.squeeze(hidden.transpose(2, 3).flatten(1, 2)))
        for layer in self.context:
            hidden = hidden + F.silu(layer(hidden))
        pooled = torch.cat([F.adaptive_avg_pool1d(hidden, seconds), F.adaptive_max_pool1d(hidden, seconds)], dim=1)
        return self.players(pooled), self.style(torch.cat([hidden.mean(dim=-1), hidden.amax(dim=-1)], dim=1))

    @torch.no_grad()
    def hear(self, audio: np.ndarray, sample_rate: int) -> Arrangement:
        """Say who plays in `audio` `(channels, samples)` or `(samples,)`.

        Raises:
            RequestError: the recording is shorter than a second.
        """
        mono = np.atleast_2d(np.asarray(audio, dtype=np.float32)).mean(axis=0)
        if len(mono) < sample_rate:
            raise RequestError(f"audio: expected at least one second, got {len(mono) / sample_rate:.2f}")
        waveform = torch.from_numpy(resampled(mono, sample_rate, self.config.sample_rate))
        players, styles = [], []
        for part in _stretches(waveform, self.config.sample_rate):
            seconds = round(len(part) / self.config.sample_rate)
            logits, style = self(self.spectrum(part[None].to(self.device)).to(self.dtype), seconds)
            players.append(logits[0].float().sigmoid().cpu().numpy())
            styles.append(style[0].float().softmax(dim=0).cpu().numpy() * seconds)
        heard, likely = np.concatenate(players, axis=1), np.sum(styles, axis=0)
        return Arrangement(
            dict(zip(self.config.instruments, heard, strict=True)),
            dict(zip(self.config.styles, (likely / likely.sum()).tolist(), strict=True)),
        )

    def heard_players(self, heard: Arrangement) -> dict[str, float]:
        """Return the classes that count as heard, the surest first, with their probabilities."""
        found = {name: value for name, value in heard.presence().items() if value >= self.threshold(name)}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def threshold(self, name: str) -> float:
        """Return the probability from which a class counts as heard."""
        if self.config.thresholds is None:
            return 0.5
        return self.config.thresholds[list(self.config.instruments).index(name)]


@lru_cache(maxsize=1)
def shipped_judge() -> Judge:
    """Return the judge that comes with the project, loaded once per process.

    Raises:
        FileNotFoundError: this installation has none.
    """
    if not (SHIPPED / "config.json").is_file():
        raise FileNotFoundError("judge: expected trained weights in checkpoints/judge, found none")
    return Judge.from_pretrained(SHIPPED, torch_dtype=torch.float32).eval()


def agreement(judge: Judge, heard: Arrangement, asked: Collection[str]) -> dict[str, float | None]:
    """Compare the classes heard at any time with the instruments that were asked for.

    Args:
        judge: who heard.
        heard: what it heard.
        asked: names of instruments or of classes.

    Returns:
        recall: share of the asked classes that are heard (None if nothing was asked); intrusion: share of the classes
        not asked for that are heard all the same.
    """
    recall, intrusion = recall_and_intrusion(asked, judge.heard_players(heard), heard.instruments)
    return {"recall": recall, "intrusion": intrusion}
