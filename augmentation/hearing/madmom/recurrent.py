"""madmom's recurrent networks as matrix products and one compiled loop: its answers in a twentieth of the time.

madmom's beat processors are ensembles of small bidirectional LSTM networks. madmom steps through the frames once for
every network, layer and direction, in Python. Here the inputs of all frames are projected in one product, and what has
to go frame by frame is compiled (`augmentation.hearing.kernels`). The Fourier transforms, which the processors have in
common, are computed once. Weights and signal processing are read from madmom's own objects.

An LSTM has peepholes (Gers, Schraudolph and Schmidhuber, JMLR 3, 2002), * element by element, the state h
and the cell c zero before the first frame:

    i = sigmoid(x W_i + h' R_i + c' * p_i + b_i)      h', c': of the previous frame
    f = sigmoid(x W_f + h' R_f + c' * p_f + b_f)
    g = tanh(x W_g + h' R_g + b_g)
    c = i * g + f * c'
    o = sigmoid(x W_o + h' R_o + c * p_o + b_o)       the cell of this frame
    h = o * tanh(c)

Gates are ordered i, f, g, o.

Sums run in another order than madmom's, so single precision rounds differently: activations of music agree within 1e-5
as a rule. A few networks amplify rounding at some frames (on white noise most); there the averaged activations differ
by up to some 1e-3, and madmom's own differ as much from the same equations in double precision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from augmentation.hearing.madmom.compat import UnlikeMadmom, signal

FRAMES_AT_ONCE = 256
TOLERANCE = 1e-4  # between madmom's activations of the clicks and these: far above rounding, far below a mistake


@dataclass(frozen=True)
class LstmLayer:
    """One layer of a network: an LSTM of `hidden` cells forwards, and one backwards.

    Attributes:
        weights: W of both, `(2, inputs, 4 * hidden)`.
        bias: b, `(2, 1, 4 * hidden)`.
        recurrent: R, `(2, hidden, 4 * hidden)`.
        peepholes: p of i, f and o, `(2, 3, hidden)`.
    """

    weights: np.ndarray
    bias: np.ndarray
    recurrent: np.ndarray
    peepholes: np.ndarray

    @classmethod
    def of(cls, forwards: Any, backwards: Any) -> LstmLayer:
        """Gather the weights of madmom's `LSTMLayer` objects."""
        gates = [(lane.input_gate, lane.forget_gate, lane.cell, lane.output_gate) for lane in (forwards, backwards)]

        def joined(name: str) -> np.ndarray:
            return np.stack([
                np.concatenate([getattr(gate, name) for gate in four], axis=-1, dtype=np.float32) for four in gates
            ])  # fmt: skip

        peepholes = [[four[gate].peephole_weights for gate in (0, 1, 3)] for four in gates]
        return cls(
            joined("weights"), joined("bias")[:, None], joined("recurrent_weights"), np.array(peepholes, np.float32)
        )

    def run(self, inputs: np.ndarray) -> np.ndarray:
        """Outputs `(frames, 2 * hidden)`, forwards, then backwards, for `(frames, inputs)`."""
        from augmentation.hearing.kernels import recurrence  # numba, which nobody needs who hears nothing

        gates = inputs.astype(np.float32, copy=False) @ self.weights
        gates += self.bias
        outputs = np.empty((2, len(inputs), self.recurrent.shape[1]), np.float32)
        recurrence(gates, self.recurrent, self.peepholes, outputs)
        return np.concatenate(outputs, axis=1)


def clicks() -> np.ndarray:
    """One second with a click of decaying noise every quarter, `(44100,)` float32: what networks are checked with."""
    envelope = np.exp(-np.arange(11025) / 300)
    return (0.2 * np.random.default_rng(0).standard_normal(44100) * np.tile(envelope, 4)).astype(np.float32)


class RecurrentEnsembles:
    """Several of madmom's recurrent processors as one; calling it returns the activations of each.

    Args:
        processors: such as `RNNDownBeatProcessor()` and `RNNBeatProcessor()`, not in online mode.

    Raises:
        UnlikeMadmom: the processors are built differently from those of madmom 0.16.1, or answer `clicks` differently
            here than when called themselves.
    """

    def __init__(self, *processors: Any) -> None:
        try:
            self._read(processors)
            probe = signal(clicks())
            pairs = zip(self(probe), processors, strict=True)
            error = float(np.max([np.abs(ours - processor(probe)).max() for ours, processor in pairs]))
        except (AttributeError, LookupError, TypeError, ValueError) as other:
            raise UnlikeMadmom(f"madmom: expected the networks of version 0.16.1, got {other}") from other
        if not error <= TOLERANCE:
            raise UnlikeMadmom(f"madmom: expected activations within {TOLERANCE} of its own, got {error}")

    def _read(self, processors: Sequence[Any]) -> None:
        """Take madmom's processors apart: signal processing, LSTM layers, and what follows them."""
        chains = [processor.processors for processor in processors]  # features, ensemble, what is done to its answer
        self._mono = chains[0][0].processors[0]
        # By processor and window length: framing, Fourier transform, and what makes features of the spectrum.
        self._branches = [[branch.processors for branch in chain[0].processors[1].processors] for chain in chains]
        self._finish = [(chain[1].processors[1], *chain[2:]) for chain in chains]
        self._ensembles = [
            [([LstmLayer.of(layer.fwd_layer, layer.bwd_layer) for layer in network.layers[:-1]], network.layers[-1])
             for network in chain[1].processors[0].processors]
            for chain in chains
        ]  # fmt: skip

    def __call__(self, recording: Any) -> list[np.ndarray]:
        """Activations of each processor, `(frames,)` or `(frames, classes)` as madmom returns them.

        Args:
            recording: madmom's signal (see `compat.signal`).
        """
        activations = []
        for features, ensemble, functions in zip(self._features(recording), self._ensembles, self._finish, strict=True):
            found: Any = []
            for layers, head in ensemble:
                outputs = features
                for layer in layers:
                    outputs = layer.run(outputs)
                outputs = head.activate(outputs)
                found.append(outputs[:, 0] if outputs.shape[1] == 1 else outputs)
            for function in functions:
                found = function(found)
            activations.append(found)
        return activations

    def _features(self, recording: Any) -> list[np.ndarray]:
        """Features of each processor, `(frames, inputs)`; spectra are computed once for all of them."""
        mono = self._mono(recording)
        features: list[list[np.ndarray]] = [[] for _ in self._branches]
        for branches in zip(*self._branches, strict=True):  # one window length, every processor
            framing, transform, *_ = branches[0]
            bands = _bands(framing(mono), transform, [filters for _, _, filters, *_ in branches])
            for parts, found, (_, _, _, *rest) in zip(features, bands, branches, strict=True):
                for step in rest:
                    found = step(found)
                    if hasattr(step, "reset"):
                        step.reset()  # the spectra that it keeps for a stream to go on
                parts.append(np.array(found))  # without what it was made of, which madmom's arrays hold on to
        return [np.hstack(parts) for parts in features]


def _bands(frames: Any, transform: Callable[[Any], Any], filters: Sequence[Callable[[Any], Any]]) -> list[Any]:
    """Magnitudes of `frames` through each bank of `filters`, as madmom's arrays `(frames, bands)`.

    Some frames at a time: the spectra of a whole recording are twenty times its bands. What is left over at the end
    goes with the frames before it, since libraries round products of few rows otherwise.
    """
    from madmom.audio.spectrogram import Spectrogram

    found: list[list[np.ndarray]] = [[] for _ in filters]
    edges = [*range(0, len(frames) - FRAMES_AT_ONCE + 1, FRAMES_AT_ONCE)] or [0]
    for first, last in pairwise([*edges, len(frames)]):
        magnitudes = Spectrogram(transform(frames[first:last]))
        filtered = [bank(magnitudes) for bank in filters]
        for parts, bands in zip(found, filtered, strict=True):
            parts.append(np.array(bands))  # without the spectra, which madmom's arrays hold on to
    return [_like(np.concatenate(parts), bands) for parts, bands in zip(found, filtered, strict=True)]


def _like(values: np.ndarray, bands: Any) -> Any:
    """Values as one of madmom's arrays, which knows what `bands` knows of its making."""
    whole = values.view(type(bands))
    vars(whole).update(vars(bands))
    return whole


def run_together(*processors: Any) -> Callable[[Any], list[np.ndarray]]:
    """Join madmom's recurrent processors; where `RecurrentEnsembles` does not answer as they do, call them themselves.

    Their own answers take many times as long; why they are needed is logged.
    """
    try:
        return RecurrentEnsembles(*processors)
    except UnlikeMadmom as reason:
        logging.getLogger(__name__).warning("madmom runs at its own, slower pace: %s", reason)
        return lambda recording: [processor(recording) for processor in processors]
