"""The stereo codec of `pocket`: 44.1 kHz, linear encoder, learned decoder.

Conventions: waveforms are `(batch, 2, samples)`, left and right, in [-1, 1]; latents are `(batch, latent_channels,
latent frames, latent_bins)`, one frame per eight fine frames (80 ms) and one bin per band of the frequency axis, lowest
first; each latent has mean 0 and variance 1 over the clips that the encoder was fitted to. Features are the codec's
compressed spectra on the fine grid, `(batch, fine frames, features)`.

The encoder is the principal components of what `munet.codec.analysis` sees, band by band and in closed form, so latents
never move: decoder and denoiser can be trained in any order. The decoder is that projection's transpose, then
`munet.codec.decoder`. All of it runs in windows with flat memory, and the windows leave no trace in the samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import nn

from munet.codec.analysis import (
    PAN_WEIGHT,
    POCKET_BANDS,
    RATIO_FLOOR,
    Analysis,
    Band,
    centres,
    centroid_matrices,
    from_patches,
    interpolation_matrix,
    principal_components,
    soft_excess,
    to_patches,
)
from munet.codec.decoder import SpectrumHead, Swell, Trunk, head_bands
from munet.codec.joins import excerpt, left_right, wrapped
from munet.codec.phasors import Steps, closed_tracks, last_frames, phasor_tracks

TIME_STRIDE = 8  # fine frames in a latent frame
WINDOW_FRAMES = 64  # latent frames that encoding and decoding hold in memory at once


class StereoAutoencoder(ModelMixin, ConfigMixin):
    """Stereo sound <-> latents.

    Args:
        sample_rate: Hz.
        hop_length: samples from fine frame to fine frame, odd or even; a latent frame is eight of them.
        bands: one mapping per latent bin, the fields of `munet.codec.analysis.Band`; None for those of pocket.
        side_window: samples of the window that the side is described with.
        latent_channels: principal components per band.
        width, blocks, expansion, kernel: of the decoder's trunk.
        head_windows: samples of the long and the short inverse transform, both even.
        crossover: Hz between which the long one hands over to the short one.
        top: highest frequency that the decoder gives, Hz.
        parts: points per fine frame at which the decoder sets its loudness.
    """

    audio_channels = 2

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 44100,
        hop_length: int = 441,
        bands: Sequence[Mapping[str, Any]] | None = None,
        side_window: int = 2048,
        latent_channels: int = 40,
        width: int = 320,
        blocks: int = 6,
        expansion: int = 3,
        kernel: int = 7,
        head_windows: Sequence[int] = (2048, 1024),
        crossover: Sequence[float] = (1400.0, 2200.0),
        top: float = 20000.0,
        parts: int = 9,
    ) -> None:
        super().__init__()
        rows = [dict(row) | {"windows": tuple(tuple(pair) for pair in row["windows"])} for row in bands or POCKET_BANDS]
        self.analysis = Analysis([Band(**row) for row in rows], sample_rate, hop_length, side_window)
        for index, band in enumerate(self.analysis.bands):
            patch = TIME_STRIDE * band.features
            if patch < latent_channels:
                raise ValueError(f"latent_channels: expected at most {patch} for band {index}, got {latent_channels}")
            self.register_buffer(f"mean_{index}", torch.zeros(patch))
            self.register_buffer(f"components_{index}", torch.zeros(latent_channels, patch))
        features = sum(band.features for band in self.analysis.bands)
        self.register_buffer("latent_std", torch.ones(len(rows), latent_channels))
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_std", torch.ones(features))
        self.trunk = Trunk(features, width, blocks, expansion, kernel)
        self.reach = math.ceil((max(head_windows) - hop_length) / 2 / hop_length)  # hops of overlap on either side
        parts_of_axis = head_bands(head_windows, crossover, top, sample_rate)
        self.heads = nn.ModuleList(SpectrumHead(width, part, hop_length, self.reach) for part in parts_of_axis)
        self.swell = Swell(width, len(parts_of_axis), parts, hop_length)
        self._register_bases()

    def _register_bases(self) -> None:
        """Register what leads from features to the heads' bins: magnitudes, ratios, shares in phase, frequencies."""
        columns: dict[str, list[int]] = {name: [] for name in ("mid", "fine", "brief", "ratio", "share")}
        places: dict[str, list[torch.Tensor]] = {name: [] for name in ("mid", "fine", "brief", "ratio")}
        floors: dict[str, list[float]] = {"mid": [], "brief": []}
        first = 0
        for band in self.analysis.bands:
            starts = [first + sum(bins for _, bins in band.windows[:index]) for index in range(len(band.windows))]
            for name, index in (("mid", band.primary), ("fine", 0), ("brief", len(starts) - 1)):
                bins = band.windows[index][1]
                columns[name] += range(starts[index], starts[index] + bins)
                places[name].append(centres(band.low, band.high, bins))
                if name in floors:
                    floors[name] += [band.floor] * bins
            side = first + band.mid_bins
            columns["ratio"] += range(side, side + band.side_bins)
            columns["share"] += range(side + band.side_bins, side + 2 * band.side_bins)
            places["ratio"].append(centres(band.low, band.high, band.side_bins))
            first += band.features
        for name, known in columns.items():
            self.register_buffer(f"{name}_columns", torch.tensor(known), persistent=False)
        for name, levels in floors.items():
            self.register_buffer(f"{name}_floor", torch.tensor(levels), persistent=False)
        axes = {name: torch.cat(known) for name, known in places.items()}
        for index, head in enumerate(self.heads):
            bins, width = head.frequencies * self.config.sample_rate, self.config.sample_rate / head.band.window
            for name in ("mid", "brief", "ratio"):
                self.register_buffer(f"{name}_base_{index}", interpolation_matrix(axes[name], bins), persistent=False)
            self.register_buffer(f"centroid_{index}", centroid_matrices(axes["fine"], bins, width), persistent=False)

    @property
    def samples_per_latent_frame(self) -> int:
        """Samples from latent frame to latent frame."""
        return self.config.hop_length * TIME_STRIDE

    @property
    def latent_bins(self) -> int:
        """Size of the latents' frequency axis."""
        return len(self.analysis.bands)

    @property
    def context(self) -> int:
        """Latent frames on either side that a decoded frame depends on."""
        return math.ceil(self.trunk.reach / TIME_STRIDE)

    def num_latent_frames(self, num_samples: int) -> int:
        """Latent frames that hold `num_samples` samples (the last one may be padded)."""
        return math.ceil(num_samples / self.samples_per_latent_frame)

    def patches(self, waveform: torch.Tensor) -> list[torch.Tensor]:
        """Patches `(batch, latent frames, 8 * features)` of each band, from `(batch, 2, samples)` of whole frames."""
        mid, side = waveform.float().mean(dim=1), (waveform[:, 0] - waveform[:, 1]).float() / 2
        return [to_patches(band, TIME_STRIDE) for band in self.analysis(mid, side)]

    @torch.no_grad()
    def fit(self, clips: Iterable[torch.Tensor]) -> list[float]:
        """Fit the encoder in closed form; returns the share of variance kept in each band.

        Args:
            clips: waveforms `(2, samples)`, each a latent frame long or longer.

        Raises:
            ValueError: fewer latent frames in all than latent channels.
        """
        totals: list[tuple[torch.Tensor, torch.Tensor]] = []
        count = 0
        for clip in clips:
            whole = clip.shape[-1] // self.samples_per_latent_frame * self.samples_per_latent_frame
            rows = [patch[0].double() for patch in self.patches(clip[None, :, :whole].to(self.device))]
            sums = [(row.sum(dim=0), row.T @ row) for row in rows]
            totals = [(a + c, b + d) for (a, b), (c, d) in zip(totals, sums, strict=True)] if totals else sums
            count += len(rows[0])
        if count < self.config.latent_channels:
            raise ValueError(f"clips: expected {self.config.latent_channels} latent frames or more in all, got {count}")
        kept, means, deviations = [], [], []
        for index, (total, square) in enumerate(totals):
            mean = total / count
            covariance = square / count - torch.outer(mean, mean)
            components, deviation, share = principal_components(covariance, self.config.latent_channels)
            self.get_buffer(f"mean_{index}").copy_(mean)
            self.get_buffer(f"components_{index}").copy_(components)
            self.latent_std[index] = deviation.clamp_min(1e-4)
            means.append(mean.unflatten(0, (TIME_STRIDE, -1)).mean(dim=0))
            second = square.diagonal().unflatten(0, (TIME_STRIDE, -1)).mean(dim=0) / count
            deviations.append((second - means[-1].square()).clamp_min(1e-6).sqrt())
            kept.append(share)
        self.feature_mean.copy_(torch.cat(means))
        self.feature_std.copy_(torch.cat(deviations))
        return kept

    @apply_forward_hook
    @torch.no_grad()
    def encode(self, waveform: torch.Tensor, circular: bool = False) -> torch.Tensor:
        """Normalised latents `(batch, latent_channels, latent frames, latent_bins)`, in windows of flat memory.

        Args:
            waveform: `(batch, 1 or 2, samples)`; what the last frame lacks is silence.
            circular: the end runs into the beginning; needs whole latent frames.

        Raises:
            ValueError: another shape, or a loop that is not a whole number of latent frames.
        """
        if waveform.ndim != 3 or waveform.shape[1] not in (1, 2):
            raise ValueError(f"waveform: expected shape (batch, 1 or 2, samples), got {tuple(waveform.shape)}")
        step, frames = self.samples_per_latent_frame, self.num_latent_frames(waveform.shape[-1])
        if circular and frames * step != waveform.shape[-1]:
            raise ValueError(f"waveform: expected a multiple of {step} samples in a loop, got {waveform.shape[-1]}")
        margin = math.ceil(self.analysis.reach / step)
        parts = []
        for first in range(0, frames, WINDOW_FRAMES):
            count = min(WINDOW_FRAMES, frames - first)
            piece = excerpt(waveform, (first - margin) * step, (count + 2 * margin) * step, circular)
            bands = self.patches(piece.expand(-1, 2, -1))
            parts.append(self._latents([band[:, margin : margin + count] for band in bands]))
        return torch.cat(parts, dim=2).to(self.dtype)

    def _latents(self, bands: Sequence[torch.Tensor]) -> torch.Tensor:
        projected = []
        for index, patches in enumerate(bands):
            centred = patches - self.get_buffer(f"mean_{index}").float()
            latents = centred @ self.get_buffer(f"components_{index}").float().T
            projected.append((latents / self.latent_std[index].float()).transpose(1, 2))
        return torch.stack(projected, dim=-1)

    def features(self, latents: torch.Tensor) -> torch.Tensor:
        """What the projection alone gives back: `(batch, fine frames, features)`, float32."""
        parts = []
        for index, band in enumerate(latents.float().unbind(-1)):
            scaled = band.transpose(1, 2) * self.latent_std[index].float()
            patches = scaled @ self.get_buffer(f"components_{index}").float() + self.get_buffer(f"mean_{index}").float()
            parts.append(from_patches(patches, TIME_STRIDE))
        return torch.cat(parts, dim=-1)

    def hidden(self, features: torch.Tensor) -> torch.Tensor:
        """Hidden states of the trunk `(batch, fine frames, width)`."""
        normed = (features - self.feature_mean.float()) / self.feature_std.float()
        return self.trunk(normed.to(self.trunk.conv_in.weight.dtype))

    def steps(self, features: torch.Tensor, hidden_states: torch.Tensor, noise: Sequence[torch.Tensor]) -> list[Steps]:
        """Steps of each head; `noise` as in `SpectrumHead.steps`, one per head.

        Magnitudes start from the long windows' where notes need them, but no higher than the short windows': what a
        long window hears of a drum before it is struck is not there.
        """
        mid, brief = (
            soft_excess(features[..., self.get_buffer(f"{name}_columns")], self.get_buffer(f"{name}_floor"))
            for name in ("mid", "brief")
        )
        ratio = soft_excess(features[..., self.ratio_columns].clamp_max(5.0), RATIO_FLOOR)
        share = features[..., self.share_columns] * (2 / PAN_WEIGHT)
        power = 10 ** (2 * features[..., self.fine_columns])
        result = []
        for index, (head, random) in enumerate(zip(self.heads, noise, strict=True)):
            to_bins = {name: self.get_buffer(f"{name}_base_{index}") for name in ("mid", "brief", "ratio")}
            base = torch.minimum(mid @ to_bins["mid"], brief @ to_bins["brief"])
            sides = ratio @ to_bins["ratio"]
            moment, mass = (power @ matrix for matrix in self.get_buffer(f"centroid_{index}"))
            offset = moment / (mass + 1e-20)
            result.append(head.steps(hidden_states, base, base + sides, share @ to_bins["ratio"], offset, random))
        return result

    def _window(
        self, latents: torch.Tensor, first: int, count: int, circular: bool = False
    ) -> tuple[list[Steps], Sequence[torch.Tensor]]:
        """Steps and gains of the latent frames `[first, first + count)`, computed with their context."""
        total, margin = latents.shape[2], self.context
        if circular:
            index = torch.arange(first - margin, first + count + margin, device=latents.device) % total
            piece, skipped = latents[:, :, index], margin
        else:
            start = max(0, first - margin)
            piece, skipped = latents[:, :, start : min(total, first + count + margin)], first - start
        inner = slice(skipped * TIME_STRIDE, (skipped + count) * TIME_STRIDE)
        features = self.features(piece)
        hidden_states = self.hidden(features)[:, inner]
        noise = [head.random(first * TIME_STRIDE, count * TIME_STRIDE) for head in self.heads]
        return self.steps(features[:, inner], hidden_states, noise), self.swell(hidden_states)

    @torch.no_grad()
    def decode_stream(self, latents: torch.Tensor, window_frames: int = WINDOW_FRAMES) -> Iterator[torch.Tensor]:
        """Chunks `(batch, 2, samples)` (float32) that join to what `decode` gives, whatever `window_frames` is.

        Args:
            latents: normalised, `(batch, latent_channels, latent frames, latent_bins)`.
            window_frames: latent frames per chunk.
        """
        total, hop = latents.shape[2], self.config.hop_length
        early = self.reach * hop  # a frame is ready once so many samples after it are
        carries = [head.start for head in self.heads]
        sums = [torch.zeros(2 * len(latents), 2 * early, device=latents.device) for _ in self.heads]
        weights = [torch.zeros(2 * early, device=latents.device) for _ in self.heads]
        late = [
            torch.ones(len(latents), early + 1, device=latents.device) for _ in self.heads
        ]  # gains still to be used
        for first in range(0, total, window_frames):
            count = min(window_frames, total - first)
            ready = count * TIME_STRIDE * hop
            length = ready + (early if first + count == total else 0)
            window, gains = self._window(latents, first, count)
            tracks = phasor_tracks(window, carries)
            carries, chunk = last_frames(window, tracks), torch.zeros(2 * len(latents), length, device=latents.device)
            for index, head in enumerate(self.heads):
                added = head.overlapped(torch.cat(head.spectra(window[index], tracks[index])))
                weight = head.envelope(count * TIME_STRIDE)
                added[:, : 2 * early] += sums[index]
                weight[: 2 * early] += weights[index]
                sums[index], weights[index] = added[:, ready:], weight[ready:]
                gain = torch.cat([late[index], self.swell.curve(gains[index], late[index][:, -1:])], dim=1)
                late[index] = gain[:, -early - 1 :]
                chunk += (added / weight.clamp_min(1e-6))[:, :length] * gain[:, 1 : length + 1].repeat(2, 1)
            yield left_right(chunk[:, early if first == 0 else 0 :])

    @apply_forward_hook
    @torch.no_grad()
    def decode(self, latents: torch.Tensor, num_samples: int | None = None, circular: bool = False) -> torch.Tensor:
        """Waveform `(batch, 2, num_samples)` (float32) of normalised latents; by default all that the frames hold.

        Args:
            latents: `(batch, latent_channels, latent frames, latent_bins)`.
            num_samples: length wanted, at most what the frames hold.
            circular: the end runs into the beginning, so that the clip can be repeated without a seam.

        Raises:
            ValueError: a loop cut shorter than its latent frames.
        """
        full = latents.shape[2] * self.samples_per_latent_frame
        if not circular:
            return torch.cat(list(self.decode_stream(latents)), dim=-1)[..., :num_samples]
        if num_samples not in (None, full):
            raise ValueError(f"num_samples: expected {full}, the whole loop, got {num_samples}")
        frames, early = latents.shape[2] * TIME_STRIDE, self.reach * self.config.hop_length
        total = torch.zeros(2 * len(latents), full, device=latents.device)
        window, gains = self._window(latents, 0, latents.shape[2], circular=True)
        tracks = closed_tracks(window, [head.start for head in self.heads])
        for head, steps, track, gain in zip(self.heads, window, tracks, gains, strict=True):
            spectrum = torch.cat(head.spectra(steps, track))
            sound = wrapped(head.overlapped(spectrum), early, full) / wrapped(head.envelope(frames)[None], early, full)
            total += sound * self.swell.curve(gain, gain[:, -1:]).repeat(2, 1)
        return left_right(total)
