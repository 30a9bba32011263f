"""The joined recurrent networks: against hand-computed values, and against madmom's own processors."""

from __future__ import annotations

import functools
import tracemalloc
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from augmentation.compose.composer import compose
from augmentation.compose.renderer import render
from augmentation.hearing import beats
from augmentation.hearing.listen import front_end
from augmentation.hearing.madmom import recurrent
from augmentation.hearing.madmom.compat import UnlikeMadmom, load_madmom, signal
from augmentation.hearing.madmom.recurrent import LstmLayer, RecurrentEnsembles, clicks

RATE = 44100

needs_madmom = pytest.mark.skipif(find_spec("madmom") is None, reason="madmom is optional: it needs a C compiler")


# ---------------------------------------------------------------- by hand


def gate(bias: float, weight: float = 0.0, recurrent: float = 0.0, peephole: float = 0.0) -> SimpleNamespace:
    """A gate of one input and one cell."""
    values = {"weights": [[weight]], "bias": [bias], "recurrent_weights": [[recurrent]], "peephole_weights": [peephole]}
    return SimpleNamespace(**{name: np.array(value, np.float32) for name, value in values.items()})


def lane(**changed: SimpleNamespace) -> SimpleNamespace:
    """One cell: gates half open, g = tanh(1) at every frame, except what is `changed`."""
    gates = {"input_gate": gate(0), "forget_gate": gate(0), "cell": gate(1), "output_gate": gate(0)}
    return SimpleNamespace(**{**gates, **changed})


def outputs(forwards: SimpleNamespace, backwards: SimpleNamespace, *inputs: float) -> np.ndarray:
    """`(frames, 2)` of one network."""
    return LstmLayer.of(forwards, backwards).run(np.array(inputs, np.float32)[:, None])


def test_constant_gates() -> None:
    # c1 = g / 2, c2 = g / 2 + c1 / 2 = 3 g / 4, h = tanh(c) / 2; backwards the same from the other end.
    g = np.tanh(1)
    first, second = np.tanh(g / 2) / 2, np.tanh(3 * g / 4) / 2
    assert outputs(lane(), lane(), 0, 0) == pytest.approx(np.array([[first, second], [second, first]]))


def test_inputs_reach_their_gate_and_direction() -> None:
    # g = tanh(x): forwards c = tanh(2) / 2 then a quarter; backwards nothing, then tanh(2) / 2.
    reader, g = lane(cell=gate(0, weight=1)), np.tanh(2)
    expected = np.array([[np.tanh(g / 2) / 2, np.tanh(g / 2) / 2], [np.tanh(g / 4) / 2, 0]])
    assert outputs(reader, reader, 2, 0) == pytest.approx(expected)


def test_output_peephole_sees_the_cell_of_the_frame_itself() -> None:
    # c1 = g / 2 is the first cell that is not zero, and already opens o = sigmoid(3 c1).
    c = np.tanh(1) / 2
    found = outputs(lane(output_gate=gate(0, peephole=3)), lane(), 0)
    assert found[0, 0] == pytest.approx(np.tanh(c) / (1 + np.exp(-3 * c)))


@pytest.mark.parametrize("name", ["input_gate", "forget_gate"])
def test_other_peepholes_see_the_cell_of_the_frame_before(name: str) -> None:
    g = np.tanh(1)
    opened = 1 / (1 + np.exp(-3 * g / 2))  # at frame 2, from c1 = g / 2
    cell = opened * g + g / 4 if name == "input_gate" else g / 2 + opened * g / 2
    found = outputs(lane(**{name: gate(0, peephole=3)}), lane(), 0, 0)
    assert found[:, 0] == pytest.approx([np.tanh(g / 2) / 2, np.tanh(cell) / 2])


def test_recurrence_sees_the_output_of_the_frame_before() -> None:
    g = np.tanh(1)
    h = np.tanh(g / 2) / 2
    cell = np.tanh(1 + 5 * h) / 2 + g / 4
    found = outputs(lane(cell=gate(1, recurrent=5)), lane(), 0, 0)
    assert found[:, 0] == pytest.approx([h, np.tanh(cell) / 2])


# ---------------------------------------------------------------- against madmom


@needs_madmom
@pytest.mark.parametrize(("width", "hidden"), [(3, 4), (7, 25), (2, 33)])
def test_a_layer_equals_madmoms(width: int, hidden: int) -> None:
    load_madmom()
    from madmom.ml.nn.layers import BidirectionalLayer, Cell, Gate, LSTMLayer

    rng = np.random.default_rng(hidden)

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    def lstm() -> Any:
        i, f, o = (Gate(draw(width, hidden), draw(hidden), draw(hidden, hidden), draw(hidden)) for _ in range(3))
        return LSTMLayer(i, f, Cell(draw(width, hidden), draw(hidden), draw(hidden, hidden)), o)

    layer, frames = BidirectionalLayer(lstm(), lstm()), draw(7, width)
    found = LstmLayer.of(layer.fwd_layer, layer.bwd_layer).run(frames)
    assert found == pytest.approx(layer.activate(frames), abs=1e-5)


@functools.cache
def own_processors() -> tuple[Any, Any]:
    load_madmom()
    from madmom.features.beats import RNNBeatProcessor
    from madmom.features.downbeats import RNNDownBeatProcessor

    return RNNDownBeatProcessor(), RNNBeatProcessor(fps=beats.FRAMES_PER_SECOND)


@functools.cache
def click_track() -> np.ndarray:
    """Five seconds of clicks at 120 BPM, every fourth louder."""
    audio = np.zeros(5 * RATE)
    for beat in range(10):
        click = np.random.default_rng(beat).standard_normal(1500) * np.exp(-np.arange(1500) / 300)
        audio[beat * RATE // 2 :][:1500] += click * (1.0 if beat % 4 == 0 else 0.4)
    return front_end(audio, RATE)


@functools.cache
def music() -> np.ndarray:
    return front_end(render(compose(100, duration=6.0), RATE), RATE)


@functools.cache
def noise() -> np.ndarray:
    return front_end(np.random.default_rng(0).standard_normal(4 * RATE), RATE)


# White noise drives one of madmom's networks into states where rounding grows (see `recurrent`). Such states are rare
# in music, not unheard of, so the piece is one without.
CLIPS = [
    pytest.param(click_track, 5.0, 1e-5, id="clicks"),
    pytest.param(click_track, 1.0, 1e-5, id="clicks 1 s"),
    pytest.param(music, 6.0, 1e-5, id="music"),
    pytest.param(music, 1.0, 1e-5, id="music 1 s"),
    pytest.param(music, 1.2345, 1e-5, id="music, no whole number of frames"),
    pytest.param(noise, 4.0, 2e-2, id="noise"),
    pytest.param(noise, 1.0, 2e-2, id="noise 1 s"),
]


@needs_madmom
@pytest.mark.parametrize(("clip", "seconds", "tolerance"), CLIPS)
def test_same_activations_and_the_same_beats(clip: Any, seconds: float, tolerance: float) -> None:
    networks, decoder = beats._madmom_processors()
    recording = signal(clip()[: round(seconds * RATE)])
    ours, theirs = networks(recording), [processor(recording) for processor in own_processors()]
    for found, expected in zip(ours, theirs, strict=True):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        assert np.abs(found - expected).max() <= tolerance
    decoded = [decoder(beats.average_activations(*activations)) for activations in (ours, theirs)]
    assert np.array_equal(*decoded)


@needs_madmom
@pytest.mark.parametrize("frames", [100, 256, 599])
def test_features_are_the_same_however_many_frames_are_looked_at_at_once(
    frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks, recording = beats._madmom_processors()[0], signal(music())
    monkeypatch.setattr(recurrent, "FRAMES_AT_ONCE", 600)  # all
    whole = networks._features(recording)
    monkeypatch.setattr(recurrent, "FRAMES_AT_ONCE", frames)
    for found, expected in zip(networks._features(recording), whole, strict=True):
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        assert np.abs(found - expected).max() <= 1e-6


@needs_madmom
def test_the_spectra_of_a_whole_recording_are_never_there_at_once() -> None:
    networks = beats._madmom_processors()[0]
    recording = signal(np.tile(click_track(), 6))  # 30 seconds: 49 MB of spectra of 4096 samples
    tracemalloc.start()
    features = networks._features(recording)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6  # 35 measured, 123 when they were
    assert kept < 2 * sum(each.nbytes for each in features)


@needs_madmom
def test_the_clicks_that_networks_are_checked_with_move_them() -> None:
    ours = beats._madmom_processors()[0](signal(clicks()))
    assert all(activations.max() > 0.4 for activations in ours)


# ---------------------------------------------------------------- another madmom


@needs_madmom
def test_networks_of_another_structure_are_refused() -> None:
    load_madmom()
    from madmom.features.beats import RNNBeatProcessor

    with pytest.raises(UnlikeMadmom, match=r"madmom: expected the networks of version 0\.16\.1, got .*fwd_layer"):
        RecurrentEnsembles(RNNBeatProcessor(online=True))  # one direction only


@needs_madmom
def test_networks_that_compute_something_else_are_refused() -> None:
    load_madmom()
    from madmom.features.beats import RNNBeatProcessor

    processor = RNNBeatProcessor(fps=beats.FRAMES_PER_SECOND)
    layer = processor.processors[1].processors[0].processors[0].layers[0].fwd_layer
    layer.cell_init = np.ones_like(layer.cell_init)  # ours starts from zero
    with pytest.raises(UnlikeMadmom, match="madmom: expected activations within"):
        RecurrentEnsembles(processor)


@needs_madmom
def test_where_the_fast_way_differs_madmom_answers_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = beats.track_beats(click_track())
    monkeypatch.setattr(recurrent, "TOLERANCE", -1.0)  # no answer is near enough
    beats._madmom_processors.cache_clear()
    track = beats.track_beats(click_track())
    beats._madmom_processors.cache_clear()
    assert "own, slower pace: madmom: expected activations within" in caplog.text
    assert track.missing == () and track.meter == expected.meter is not None
    assert [time for time, _ in track.beats] == pytest.approx([time for time, _ in expected.beats], abs=0.011)
