"""madmom's recurrent networks run side by side: its answers in an eighth of the time.

madmom's beat processors are ensembles of small bidirectional LSTM networks. madmom steps through the frames once for
every network, layer and direction, in Python. Here all of them, the networks of all processors in both directions, are
the lanes of one loop: each step is one batched product of `(lanes, 1, hidden)` by `(lanes, hidden, 4 * hidden)`. The
Fourier transforms, which the processors have in common, are computed once. Weights and signal processing are read from
madmom's own objects.

A lane is an LSTM with peepholes (Gers, Schraudolph and Schmidhuber, JMLR 3, 2002), * element by element, the state h
and the cell c zero before the first frame:

    i = sigmoid(x W_i + h' R_i + c' * p_i + b_i)      h', c': of the previous frame
    f = sigmoid(x W_f + h' R_f + c' * p_f + b_f)
    g = tanh(x W_g + h' R_g + b_g)
    c = i * g + f * c'
    o = sigmoid(x W_o + h' R_o + c * p_o + b_o)       the cell of this frame
    h = o * tanh(c)

Gates are ordered i, f, g, o; a layer's lanes are all networks forwards, then all of them backwards.

Sums run in another order than madmom's, so single precision rounds differently: activations of music agree within 1e-5
as a rule. A few networks amplify rounding at some frames (on white noise most); there the averaged activations differ
by up to some 1e-3, and madmom's own differ as much from the same equations in double precision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from augmentation.hearing.madmom.compat import UnlikeMadmom, signal

TOLERANCE = 1e-4  # between madmom's activations of the clicks and these: far above rounding, far below a mistake


@dataclass(frozen=True)
class LstmLayer:
    """One layer of every network: `lanes` LSTMs of `hidden` cells.

    Attributes:
        weights: W of each lane, `(inputs, 4 * hidden)`; networks differ in their number of inputs.
        bias: b, `(lanes, 4 * hidden)`.
        recurrent: R, `(lanes, hidden, 4 * hidden)`.
        peepholes: p of i, f and o, `(3, lanes, hidden)`.
    """

    weights: tuple[np.ndarray, ...]
    bias: np.ndarray
    recurrent: np.ndarray
    peepholes: np.ndarray

    @classmethod
    def of(cls, lanes: Sequence[Any]) -> LstmLayer:
        """Gather the weights of madmom's `LSTMLayer` objects."""
        gates = [(lane.input_gate, lane.forget_gate, lane.cell, lane.output_gate) for lane in lanes]

        def joined(name: str) -> list[np.ndarray]:
            return [np.concatenate([getattr(gate, name) for gate in four], axis=-1) for four in gates]

        return cls(
            weights=tuple(joined("weights")),
            bias=np.stack(joined("bias")),
            recurrent=np.stack(joined("recurrent_weights")),
            peepholes=np.stack([[four[gate].peephole_weights for four in gates] for gate in (0, 1, 3)]),
        )

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of every network, `(frames, 2 * hidden)`: forwards, then backwards.

        Args:
            inputs: `(frames, inputs)` of every network.
        """
        lanes, hidden, _ = self.recurrent.shape
        gates = np.empty((len(inputs[0]), 4, lanes, hidden), np.float32)
        for lane, frames in enumerate([*inputs, *(frames[::-1] for frames in inputs)]):
            projected = frames @ self.weights[lane] + self.bias[lane]
            gates[:, :, lane] = projected.reshape(-1, 4, hidden)
        outputs = self._step_through(gates)
        forwards, backwards = np.split(outputs.transpose(1, 0, 2), 2)
        return list(np.concatenate([forwards, backwards[:, ::-1]], axis=2))

    def _step_through(self, gates: np.ndarray) -> np.ndarray:
        """Run the recurrence; returns h, `(frames, lanes, hidden)`.

        Written in place where it pays: a step is a handful of tiny operations and the allocations would show.

        Args:
            gates: x W + b, `(frames, 4, lanes, hidden)`; overwritten.
        """
        frames, _, lanes, hidden = gates.shape
        outputs = np.empty((frames, lanes, hidden), np.float32)
        state, cell = np.zeros((2, lanes, hidden), np.float32)
        product = np.empty((lanes, 1, 4 * hidden), np.float32)
        product_by_gate = product.reshape(lanes, 4, hidden).transpose(1, 0, 2)
        for gate, output in zip(gates, outputs, strict=True):
            np.matmul(state[:, None], self.recurrent, out=product)
            gate += product_by_gate
            gate[:2] += self.peepholes[:2] * cell
            expit(gate[:2], out=gate[:2])
            cell = gate[0] * np.tanh(gate[2]) + gate[1] * cell
            state = np.multiply(expit(gate[3] + self.peepholes[2] * cell), np.tanh(cell), out=output)
        return outputs


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
        self._networks = [chain[1].processors[0].processors for chain in chains]
        self._finish = [(chain[1].processors[1], *chain[2:]) for chain in chains]
        stacks = [network.layers[:-1] for ensemble in self._networks for network in ensemble]
        self._layers = [
            LstmLayer.of([*(layer.fwd_layer for layer in level), *(layer.bwd_layer for layer in level)])
            for level in zip(*stacks, strict=True)
        ]

    def __call__(self, recording: Any) -> list[np.ndarray]:
        """Activations of each processor, `(frames,)` or `(frames, classes)` as madmom returns them.

        Args:
            recording: madmom's signal (see `madmom_compat.signal`).
        """
        outputs = [
            features
            for features, ensemble in zip(self._features(recording), self._networks, strict=True)
            for _ in ensemble
        ]
        for layer in self._layers:
            outputs = layer.run(outputs)
        remaining = iter(outputs)
        activations = []
        for ensemble, functions in zip(self._networks, self._finish, strict=True):
            heads = [network.layers[-1].activate(next(remaining)) for network in ensemble]
            found: Any = [head[:, 0] if head.shape[1] == 1 else head for head in heads]
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
            spectrum = transform(framing(mono))
            for parts, (_, _, *rest) in zip(features, branches, strict=True):
                found = spectrum
                for step in rest:
                    found = step(found)
                parts.append(found)
        return [np.hstack(parts) for parts in features]


def run_together(*processors: Any) -> Callable[[Any], list[np.ndarray]]:
    """Join madmom's recurrent processors; where `RecurrentEnsembles` does not answer as they do, call them themselves.

    Their own answers take eight times as long; why they are needed is logged.
    """
    try:
        return RecurrentEnsembles(*processors)
    except UnlikeMadmom as reason:
        logging.getLogger(__name__).warning("madmom runs at its own, slower pace: %s", reason)
        return lambda recording: [processor(recording) for processor in processors]
