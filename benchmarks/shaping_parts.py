"""The parts of `benchmarks.shaping`: each makes one thing with a model, hears it and says what it measured.

A part is a function (model, number) -> plain values, ready for JSON.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentation.hearing.judge import shipped_judge
from augmentation.hearing.listen import Heard
from benchmarks.shaping_measures import (
    MARGIN,
    MIDDLE,
    beat_chroma,
    chroma_distance,
    embedding,
    jump_at,
    level,
    loop_jumps,
    part_of,
    phase_step,
    players_scores,
    stretch_scores,
)
from benchmarks.shaping_pieces import base_plan, change, clip_of, song, style_of, tempo_of
from munet.music import MusicPlan
from munet.music.instruments import classes_of
from mustango_app.evaluation.adherence import beat_f_measure
from mustango_app.evaluation.measure import hear

if TYPE_CHECKING:
    from mustango_app import Clip, Mustango

Values = dict[str, Any]
LOOP_BARS = (2, 4, 8)
REGION_BARS = 2
CONTEXT_BARS = 7  # of a clip in which a region is repainted
LENGTHS = (20, 120, 600)  # seconds


def _made(model: Mustango, plan: MusicPlan, number: int) -> Clip:
    return model.generate(f"{plan.style}", plan=plan, seed=number)


# --- songs


def songs(model: Mustango, number: int) -> Values:
    """Make two minutes in four sections and ten seconds of the same, and measure both."""
    plan = song(number)
    whole, short = _made(model, plan, number), _made(model, clip_of(plan, number), number)
    heard, judge = hear(whole.audio, whole.sample_rate), shipped_judge()
    arrangement = judge.hear(whole.audio, whole.sample_rate)
    sections = []
    for part in whole.plan.parts():
        names = part.instruments or ()
        players = players_scores(judge, arrangement, part.start, part.end, names)
        scores = stretch_scores(whole.plan, heard, part.start, part.end)
        sections.append({"name": part.name, **scores, **players})
    heard_short = hear(short.audio, short.sample_rate)
    clip = stretch_scores(short.plan, heard_short, 0.0, short.duration)
    in_short = judge.hear(short.audio, short.sample_rate)
    clip |= players_scores(judge, in_short, 0.0, short.duration, short.plan.instruments or ())
    return {"style": plan.style, "bpm": plan.bpm, "sections": sections, "clip": clip, "return": _likeness(whole)}


def _likeness(whole: Clip) -> dict[str, list[float]]:
    """Return how far the last section lies from each before, by chroma and by embedding."""
    chromas, places = [], []
    for part in whole.plan.parts():
        beats = [second for second in whole.plan.beat_times() if part.start - 1e-6 <= second < part.end]
        chromas.append(beat_chroma(whole.audio, whole.sample_rate, beats))
        sound = part_of(whole.audio, whole.sample_rate, part.start + MARGIN, part.end - MARGIN)
        places.append(embedding(shipped_judge(), sound, whole.sample_rate))
    return {
        "chroma": [chroma_distance(one, chromas[-1]) for one in chromas[:-1]],
        "embedding": [float(1 - one @ places[-1]) for one in places[:-1]],
    }


# --- changes inside a piece


def changes(kind: str, model: Mustango, number: int) -> Values:
    """Make a piece that changes, and measure it whole and part by part."""
    clip = _made(model, change(kind, number), number)
    heard = hear(clip.audio, clip.sample_rate)
    downbeats = [second for second, position in heard.beats or () if position == 1]
    parts = []
    for part in clip.plan.parts():
        sound = part_of(clip.audio, clip.sample_rate, part.start, part.end)
        row = {"name": part.name, "level": level(sound)} | stretch_scores(clip.plan, heard, part.start, part.end)
        if kind == "players":
            row |= _heard_players(clip, part.start, part.end, part.instruments or ())
        parts.append(row)
    whole = stretch_scores(clip.plan, heard, 0.0, clip.duration)
    whole["downbeat_f"] = beat_f_measure(clip.plan.downbeat_times(), downbeats)
    return {"style": clip.plan.style, "bpm": clip.plan.bpm, "key": clip.plan.key, "whole": whole, "parts": parts}


def _heard_players(clip: Clip, start: float, end: float, asked: Sequence[str]) -> Values:
    judge, middle = shipped_judge(), (start + end) / 2
    half = min(MIDDLE, end - start) / 2
    arrangement = judge.hear(part_of(clip.audio, clip.sample_rate, middle - half, middle + half), clip.sample_rate)
    scores = players_scores(judge, arrangement, 0.0, 2 * half, asked)
    return scores | {"drums": arrangement.presence()["drums"], "drums_asked": "drums" in classes_of(asked)}


# --- loops


def loops(model: Mustango, number: int) -> Values:
    """Make a loop; measure its length, its seam against its own beats, and the beats of two repeats."""
    style = style_of(number)
    bars, bpm = LOOP_BARS[number % len(LOOP_BARS)], tempo_of(number, style)
    clip = model.generate(style, style=style, bpm=bpm, bars=bars, loop=True, seed=number)
    beats = clip.plan.beat_times()
    jumps = loop_jumps(clip.audio, clip.sample_rate, beats)
    twice = np.tile(clip.audio, 2)
    heard = [second for second, _ in hear(twice, clip.sample_rate).beats or ()]
    asked = [*beats, *(clip.duration + beat for beat in beats)]
    around = [beat for beat in asked if abs(beat - clip.duration) <= 2.5 * 60 / bpm]
    expected = round(bars * (clip.plan.meter or 4) * 60 / bpm * clip.sample_rate)
    downbeats = [i for i, (_, position) in enumerate(clip.plan.beats or ()) if position == 1][1:]
    return {
        "style": style, "bars": bars, "bpm": bpm, "samples_off": clip.audio.shape[1] - expected,
        "level": _below(jumps, "level", 0), "spectrum": _below(jumps, "spectrum_long", 0),
        "inner_level": [_below(jumps, "level", at) for at in downbeats],
        "inner_spectrum": [_below(jumps, "spectrum_long", at) for at in downbeats],
        "click": jumps[0]["step"], "usual_step": float(np.median([jump["step"] for jump in jumps[1:]])),
        "beat_f": beat_f_measure(asked, heard),
        "across": float(np.mean([any(abs(beat - one) <= 0.07 for one in heard) for beat in around])),
    }  # fmt: skip


def _below(jumps: Sequence[Mapping[str, float]], name: str, at: int) -> bool:
    """Whether a beat's jump lies below the 95th percentile of all the other beats'."""
    others = [jump[name] for index, jump in enumerate(jumps) if index != at]
    return bool(jumps[at][name] <= np.percentile(others, 95))


# --- repaints and continuations


def repaints(model: Mustango, number: int) -> Values:
    """Repaint two bars of a clip with other chords."""
    clip = _short(model, number)
    bar = (clip.plan.meter or 4) * 60 / (clip.plan.bpm or 120)
    first = 3 + number % 2  # counted from 1
    chords = _others(clip.plan, (first - 1) * bar)
    edited = model.edit(clip, bars=(first, first + REGION_BARS - 1), chords=chords, seed=number)
    start, end = edited.settings["shaped"]["region"]
    return _region(clip, edited, (start, end), (start, end))


def continuations(model: Mustango, number: int) -> Values:
    """Go on from a clip for four bars."""
    clip = _short(model, number)
    longer = model.extend(clip, bars=4, seed=number)
    start, end = longer.settings["shaped"]["region"]
    return _region(clip, longer, (start, end), (start,))


def _short(model: Mustango, number: int) -> Clip:
    plan = base_plan(number, 10.0)
    return model.generate(
        str(plan.style), style=plan.style, bpm=plan.bpm, key=plan.key, bars=CONTEXT_BARS, seed=number, energy="moderate"
    )


def _others(plan: MusicPlan, start: float) -> str:
    """Return two chords that are not those of the region: a fourth and a minor third up."""
    now = next(chord for a, b, chord in plan.chord_intervals() if a <= start + 1e-6 < b)
    return f"{now.transpose(5)} {now.transpose(3)}"


def _region(before: Clip, after: Clip, region: tuple[float, float], seams: Sequence[float]) -> Values:
    """Measure a region, its seams, and places a bar before and after them."""
    heard: Heard = hear(after.audio, after.sample_rate)
    bar = (before.plan.meter or 4) * 60 / (before.plan.bpm or 120)
    elsewhere = (region[0] - bar, region[1] + bar)[: len(seams)]  # the same beats of the bar where nothing was joined
    first, last = (round(second * before.sample_rate) for second in region)
    tail = after.audio.shape[1] - last
    same = [np.array_equal(before.audio[:, :first], after.audio[:, :first]),
            tail <= 0 or np.array_equal(before.audio[:, -tail:], after.audio[:, last:])]  # fmt: skip
    return {
        "style": before.plan.style, **stretch_scores(after.plan, heard, *region), "outside_identical": all(same),
        "phase": [phase_step(after.plan, heard, seam) for seam in seams],
        "jumps": [jump_at(after.audio, after.sample_rate, seam) for seam in seams],
        "unseamed": [jump_at(after.audio, after.sample_rate, place) for place in elsewhere],
    }  # fmt: skip


# --- minutes: memory and time, each length in a process of its own


def minutes(_model: Mustango, number: int) -> Values:
    """Make `LENGTHS[number]` seconds in a fresh process; say its memory and time."""
    command = [sys.executable, "-m", "benchmarks.shaping_parts", str(LENGTHS[number])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return json.loads(done.stdout.splitlines()[-1])


def _make_alone(seconds: float) -> Values:
    from mustango_app import Mustango  # in the process that is measured

    model = Mustango.from_pretrained()
    model.generate("warm up", seconds=2, seed=0)
    loaded = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    clip = model.generate("a pop song", bpm=120, seconds=seconds, seed=1)
    return {
        "asked": seconds, "duration": clip.duration, "wall": time.perf_counter() - wall,
        "processor": time.process_time() - cpu, "loaded_mib": loaded / 1024,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "finite": bool(np.isfinite(clip.audio).all()),
    }  # fmt: skip


CHANGES = ("ramp", "step", "meter", "key", "players")
PARTS: Mapping[str, Callable[[Any, int], Values]] = MappingProxyType(
    {"songs": songs}
    | {f"changes-{kind}": partial(changes, kind) for kind in CHANGES}
    | {"loops": loops, "repaints": repaints, "continuations": continuations, "minutes": minutes}
)

if __name__ == "__main__":
    print(json.dumps(_make_alone(float(sys.argv[1]))))
