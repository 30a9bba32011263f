"""A result as a card: its player, its timeline, what was asked against what was heard, and what can be done with it.

Cards are HTML of our own: `cards.js` puts new ones in front and leaves the others alone, so that what plays goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from augmentation.hearing.listen import Heard
from munet.music import Chord, Key, MusicPlan, PlanError
from mustango_app.page.results import Results
from mustango_app.page.timeline import timeline

KEPT = 6  # runs on the page; a run has up to four variations
DOWNLOADS = (
    ("sound.wav", "WAV"), ("sound.flac", "FLAC"), ("sound.mp3", "MP3"), ("sound.ogg", "OGG"), ("music.mid", "MIDI"),
    ("chords.cho", "Chord sheet"), ("click.wav", "Click"), ("plan.json", "Plan"), ("all.zip", "ZIP"),
)  # fmt: skip
ACTIONS = (("use", "Use these settings"), ("delete", "Delete"))

Runs = list[list[str]]  # tokens of the clips of each run, the newest run first


def add_clip(runs: Runs, token: str, first: bool) -> Runs:
    """Return the runs with a clip more: in front as a run of its own, or behind the others of the newest run."""
    if first or not runs:
        return [[token], *runs][:KEPT]
    return [[*runs[0], token], *runs[1:]]


def without(runs: Runs, token: str) -> Runs:
    """Return the runs without a clip."""
    left = [[one for one in run if one != token] for run in runs]
    return [run for run in left if run]


def shown_cards(results: Results, runs: Runs) -> list[dict[str, str]]:
    """Return what `cards.js` shows, the newest run first: (id, HTML, version) of each clip that is still there."""
    rows = []
    for number, run in enumerate(runs):
        for token in run:
            card = results.card(token)
            if card is not None:
                version = "heard" if card.get("heard") or card.get("unheard") else "made"
                rows.append({"id": token, "version": version, "html": card_html(token, card, newest=number == 0)})
    return rows


def card_html(token: str, card: Mapping[str, Any], newest: bool = False) -> str:
    """Return the HTML of one card."""
    clip = card["clip"]
    plan = MusicPlan.from_dict(clip["plan"])
    heard = Heard.from_dict(card["heard"]) if card.get("heard") else None
    prompt, part = clip["prompt"], card.get("part", "")
    title = prompt if len(prompt) <= 90 else f"{prompt[:88]}…"
    sound = f"results/{token}/sound.wav"
    picture = timeline(plan, heard and heard_spans(heard), card.get("peaks"), (heard and heard.beats) or ())
    name = escape(f"{title} {part}".strip(), quote=True)
    links = "".join(
        f'<a href="results/{token}/{file}" download="mustango-{clip["seed"]}{_ending(file)}">{label}</a>'
        for file, label in DOWNLOADS
    )
    buttons = "".join(
        f'<button type="button" data-action="{action}" data-id="{token}">{label}</button>' for action, label in ACTIONS
    )
    loop = '<button type="button" data-action="loop" aria-pressed="false">Loop</button>'
    return (
        f'<article class="card{" newest" if newest else ""}" aria-label="{name}">'
        f"<header><h3>{escape(title)}</h3><p>{escape(_facts(clip, part, card.get('score')))}</p></header>"
        f'<audio controls preload="metadata" src="{sound}" aria-label="Player: {name}"></audio>'
        f'<div class="picture">{picture}</div>'
        f'<div class="verdict">{_verdict(plan, heard, card.get("unheard"))}</div>'
        f'<div class="actions">{loop}{buttons}</div>'
        f'<nav class="downloads" aria-label="Downloads of {name}">{links}</nav></article>'
    )


def _ending(file: str) -> str:
    stem, _, suffix = file.partition(".")
    return f".{suffix}" if stem in ("sound", "music", "chords", "all") else f"-{stem}.{suffix}"


def _facts(clip: Mapping[str, Any], part: str, score: float | None) -> str:
    settings = clip["settings"]
    facts = [part, f"{clip['duration']:.1f} s", f"seed {clip['seed']}", f"{settings['steps']} steps"]
    if settings.get("best_of"):
        facts.append(f"best of {settings['best_of']}")
    if score is not None:
        facts.append(f"keeps to its plan: {100 * score:.0f} %")
    return " · ".join(filter(None, facts))


def _verdict(plan: MusicPlan, heard: Heard | None, unheard: str | None) -> str:
    """Return asked against heard as a short list."""
    if heard is None:
        return f"<p>{escape(unheard)}</p>" if unheard else "<p>Not listened to yet.</p>"
    rows = "".join(
        f'<li class="{"same" if same else "other"}"><b>{name}</b> {escape(words)}</li>'
        for name, words, same in comparison(plan, heard)
    )
    missing = "".join(f"<li>{escape(reason)}</li>" for reason in heard.missing)
    return f"<ul>{rows}{missing}</ul>"


def comparison(plan: MusicPlan, heard: Heard) -> list[tuple[str, str, bool]]:
    """Return (field, what was heard of what was asked in a musician's words, whether they agree)."""
    rows = []
    if heard.bpm is not None and plan.bpm is not None:
        words, same = compare_tempi(plan.bpm, heard.bpm)
        rows.append(("Tempo", words, same))
    if heard.meter is not None and plan.meter is not None:
        same = heard.meter == plan.meter
        asked = "as asked" if same else f"asked {plan.meter}"
        rows.append(("Metre", f"heard {heard.meter} beats a bar, {asked}", same))
    if heard.key and plan.key:
        words, same = compare_keys(plan.key, heard.key)
        rows.append(("Key", words, same))
    if heard.chords and plan.chords:
        share = shared_roots(plan, heard)
        rows.append(("Chords", f"the roots agree for {100 * share:.0f} % of the time", share >= 0.75))
    return rows


def compare_tempi(asked: float, heard: float) -> tuple[str, bool]:
    """Say how a heard tempo relates to the asked one (BPM)."""
    if abs(heard - asked) <= 0.04 * asked:
        return f"heard {heard:.0f} BPM, as asked", True
    for factor, name in ((2.0, "twice"), (0.5, "half"), (3.0, "three times"), (1 / 3, "a third of")):
        if abs(heard - factor * asked) <= 0.04 * factor * asked:
            return f"heard {heard:.0f} BPM, {name} the asked {asked:g}", True
    return f"heard {heard:.0f} BPM, asked {asked:g}", False


def compare_keys(asked: str, heard: str) -> tuple[str, bool]:
    """Say how a heard key relates to the asked one."""
    try:
        home, found = Key.parse(asked).as_major_or_minor(), Key.parse(heard).as_major_or_minor()
    except PlanError:
        return f"heard {heard}, asked {asked}", False
    if home == found:
        return f"heard {heard}, as asked" + ("" if str(home) == asked else f" ({asked})"), True
    step = (found.tonic_pc - home.tonic_pc) % 12
    if home.is_minor != found.is_minor:
        if step == 0:
            return f"heard {heard}, the parallel of {asked}", False
        if step == (3 if home.is_minor else 9):
            return f"heard {heard}, the relative of {asked}", False
    elif step in (5, 7):
        return f"heard {heard}, the {'dominant' if step == 7 else 'subdominant'} of {asked}", False
    return f"heard {heard}, asked {asked}", False


def heard_spans(heard: Heard) -> list[tuple[float, float, Chord]]:
    """Return the chords heard as the timeline takes them; a label that is no chord of ours is none."""
    return [(start, end, _chord(label)) for label, start, end in heard.chords or ()]


def shared_roots(plan: MusicPlan, heard: Heard) -> float:
    """Return the share of the time in which the heard chord has the root of the asked one."""
    agree = total = 0.0
    spans = heard_spans(heard)
    for start, end, chord in plan.chord_intervals():
        total += end - start
        agree += sum(
            max(0.0, min(end, until) - max(start, since))
            for since, until, other in spans
            if other.is_none == chord.is_none and (chord.is_none or other.root_pc == chord.root_pc)
        )
    return agree / total if total > 0 else 0.0


def _chord(label: str) -> Chord:
    try:
        return Chord.from_harte(label)
    except PlanError:
        return Chord.parse("N")


def latest(runs: Sequence[Sequence[str]], results: Results) -> Runs:
    """Return the runs that a browser remembers, as far as their clips are still there."""
    kept = [[token for token in run if isinstance(token, str) and results.card(token)] for run in runs if run]
    return [run for run in kept if run][:KEPT]
