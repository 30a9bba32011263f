"""A result as a card: its player, its timeline, what was asked against what was heard, and what can be done with it.

Cards are HTML of our own: `cards.js` puts new ones in front and leaves the others alone, so that what plays goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from munet.errors import RequestError
from munet.music import Chord, Key, MusicPlan, PlanError
from munet.music.events import Parts
from munet.music.instruments import classes_of
from mustango_app.page.link import pack, unpack
from mustango_app.page.live import Live
from mustango_app.page.results import Results
from mustango_app.page.timeline import timeline
from mustango_app.page.words import Words

if TYPE_CHECKING:
    from augmentation.hearing.listen import Heard

KEPT = 6  # runs on the page; a run has up to four variations of up to eight candidates
DOWNLOADS = (
    ("sound.wav", "WAV"), ("sound.flac", "FLAC"), ("sound.mp3", "MP3"), ("sound.ogg", "OGG"), ("music.mid", "MIDI"),
    ("parts.mid", ""),
    ("chords.cho", ""), ("click.wav", ""), ("plan.json", ""), ("all.zip", "ZIP"),
)  # fmt: skip
ACTIONS = ("use", "link", "delete")
MOST_OF_A_RUN = 64
SURE_STYLE = 0.4  # probability from which another style than the asked one is worth a name
SAID = '<p class="said"></p>'  # what the status says of a button that was pressed here, see `cards.js`
_FILE_WORDS = MappingProxyType(
    {
        "chords.cho": "chord_sheet_file",
        "click.wav": "click_file",
        "plan.json": "plan_file",
        "parts.mid": "parts_file",
    }
)

Entry = dict[str, str]  # what a browser keeps of a clip: its token as "id", and its recipe as "make" (see `link`)
Runs = list[list[Entry]]  # the newest run first


def add_clip(runs: Runs, entry: Entry, first: bool) -> Runs:
    """Return the runs with a clip more: in front as a run of its own, or behind the others of the newest run."""
    if first or not runs:
        return [[entry], *runs][:KEPT]
    return [[*runs[0], entry], *runs[1:]]


def with_made(runs: Runs, made: Sequence[str], results: Results) -> Runs:
    """Return the runs with the clips of a new one in front."""
    for index, token in enumerate(list(made)):
        runs = add_clip(runs, entry_of(token, results), first=index == 0)
    return runs


def entry_of(token: str, results: Results) -> Entry:
    """Return what a browser keeps of a clip."""
    card = results.card(token)
    return {"id": token, "make": pack(card["recipe"]) if card and card["recipe"] else ""}


def without(runs: Runs, token: str) -> Runs:
    """Return the runs without a clip."""
    left = [[one for one in run if one["id"] != token] for run in runs]
    return [run for run in left if run]


def known(runs: Runs, results: Results) -> list[str]:
    """Return the clips of some runs that are still there."""
    return [entry["id"] for run in runs for entry in run if results.card(entry["id"])]


def without_deleted(runs: Runs, known: Sequence[str], results: Results) -> Runs:
    """Return the runs without the clips that were `known` and have been deleted since."""
    for token in known:
        if results.card(token) is None:
            runs = without(runs, token)
    return runs


def latest(runs: Any) -> Runs:
    """Return the runs that a browser remembers, without what no page of ours has written."""
    kept = []
    for run in runs if isinstance(runs, list) else ():
        entries = [
            {"id": one["id"], "make": one["make"]}
            for one in (run[:MOST_OF_A_RUN] if isinstance(run, list) else ())
            if isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("make"), str)
        ]
        if entries:
            kept.append(entries)
    return kept[:KEPT]


def shown_cards(
    results: Results, runs: Runs, words: Words, live: str | None = None, fresh: bool = False
) -> list[dict[str, str]]:
    """Return what `cards.js` shows, the newest run first: (id, HTML, version, link) of each clip.

    Args:
        results: where the clips are kept; of one that is no longer there its recipe is shown.
        runs: of this browser.
        words: of its language.
        live: the clip that is being made and can be heard already.
        fresh: whether the newest run has just been made, so that the page's address should make it again.
    """
    rows = []
    sounding = results.live(live) if live else None
    if live and sounding is not None:
        rows.append(
            {"id": live, "version": "live", "html": live_html(live, sounding, words), "link": "", "newest": "yes"}
        )
    for number, run in enumerate(runs):
        for entry in run:
            token, card = entry["id"], results.card(entry["id"])
            row = {"id": token, "link": entry["make"]} | ({"fresh": "yes"} if fresh and number == 0 else {})
            if card is None:
                html = gone_html(entry, words)
                rows += [row | {"version": "gone", "html": html}] if html else []
                continue
            version = f"{'heard' if card.get('heard') or card.get('unheard') else 'made'} {card.get('best', '')}"
            newest = "yes" if number == 0 and live is None else ""
            html = card_html(token, card, words, results.parts(token))
            rows.append(row | {"version": version, "html": html, "newest": newest})
    return rows


def live_html(token: str, live: Live, words: Words) -> str:
    """Return the card of a clip that is being made: a player of what is there."""
    name = escape(words("player", name=_title(live.title)), quote=True)
    facts = " · ".join((words("being_made"), words("seconds", seconds=f"{live.seconds:.1f}")))
    return (
        f'<article class="card live" aria-label="{name}"><header><h3>{escape(_title(live.title))}</h3>'
        f"<p>{escape(facts)}</p></header>"
        f'<audio controls preload="none" src="results/{token}/live.mp3" aria-label="{name}"></audio></article>'
    )


def gone_html(entry: Entry, words: Words) -> str:
    """Return the card of a clip whose sound has gone, "" if nothing is known of it."""
    try:
        recipe = unpack(entry["make"]) if entry["make"] else None
    except RequestError:
        return ""
    if recipe is None:
        return ""
    title = escape(_title(recipe["prompt"]))
    facts = words("seed", seed=recipe["seed"]) if "seed" in recipe else ""
    buttons = _buttons(("use", "delete"), escape(entry["id"], quote=True), words)
    return (
        f'<article class="card gone" aria-label="{title}"><header><h3>{title}</h3><p>{escape(facts)}</p></header>'
        f'<p>{escape(words("gone_card"))}</p><div class="actions">{buttons}</div>{SAID}</article>'
    )


def card_html(token: str, card: Mapping[str, Any], words: Words, parts: Parts | None = None) -> str:
    """Return the HTML of one card; `parts` are what everybody plays, where it is known."""
    clip = card["clip"]
    plan = MusicPlan.from_dict(clip["plan"])
    from augmentation.hearing.listen import Heard  # its recognisers load slowly

    heard = Heard.from_dict(card["heard"]) if card.get("heard") else None
    title, part = _title(clip["prompt"]), _part(card, words)
    sound = f"results/{token}/sound.wav"
    picture = timeline(
        plan, words, heard and heard_spans(heard), card.get("peaks"), (heard and heard.beats) or (), parts
    )
    legend = f'<p class="legend">{escape(words("picture"))}</p>' if heard and heard.chords else ""
    name = f"{title} {part}".strip()
    links = "".join(
        f'<a href="results/{token}/{file}" download="mustango-{clip["seed"]}{_ending(file)}">'
        f"{label or escape(words(_FILE_WORDS[file]))}</a>"
        for file, label in DOWNLOADS
        if file != "parts.mid" or parts is not None
    )
    actions = [action for action in ACTIONS if action != "link" or card["recipe"]]
    loop = '<button type="button" data-action="loop" aria-pressed="false">' + escape(words("action_loop")) + "</button>"
    kind = " best" * bool(card.get("best"))
    return (
        f'<article class="card{kind}" aria-label="{escape(name, quote=True)}">'
        f"<header><h3>{escape(title)}</h3><p>{escape(_facts(card, part, words))}</p></header>"
        f'<audio controls preload="metadata" src="{sound}" '
        f'aria-label="{escape(words("player", name=name), quote=True)}"></audio>'
        f'<div class="picture">{picture}</div>{legend}'
        f'<div class="verdict">{_verdict(plan, heard, card, words)}</div>'
        f'<div class="actions">{loop}{_buttons(actions, token, words)}</div>'
        f"{_shape_form(token, clip['duration'], words)}{SAID}"
        f'<nav class="downloads" aria-label="{escape(words("downloads", name=name), quote=True)}">{links}</nav>'
        "</article>"
    )


def _title(prompt: str) -> str:
    return prompt if len(prompt) <= 90 else f"{prompt[:88]}…"


def _buttons(actions: Sequence[str], token: str, words: Words) -> str:
    return "".join(
        f'<button type="button" data-action="{action}" data-id="{token}">{escape(words(f"action_{action}"))}</button>'
        for action in actions
    )


def _shape_form(token: str, seconds: float, words: Words) -> str:
    """Return the form in which a clip is continued, repainted or varied; a drag over the picture fills the region."""

    def box(name: str, label: str, attributes: str) -> str:
        return f'<label>{escape(words(label))} <input data-field="{name}" {attributes}/></label>'

    region = f'type="number" min="0" max="{seconds:.2f}" step="any"'
    more, amount = 'type="number" min="1" max="64" value="4"', 'type="range" min="0.1" max="1" step="0.1" value="0.5"'
    hints = {name: escape(words(f"shape_{name}_hint"), quote=True) for name in ("prompt", "chords")}
    return (
        f'<details class="shape"><summary>{escape(words("shape_title"))}</summary>'
        + "".join(
            box(name, f"shape_{name}", f'type="text" maxlength="{most}" placeholder="{hints[name]}"')
            for name, most in (("prompt", 2000), ("chords", 500))
        )
        + f"<div>{box('start', 'region_start', region)}{box('end', 'region_end', region)}"
        + f"{_buttons(('edit',), token, words)}</div>"
        + f"<div>{box('bars', 'shape_bars', more)}"
        + f"{_buttons(('extend', 'begin'), token, words)}</div>"
        + f"<div>{box('strength', 'shape_strength', amount)}"
        + f"{_buttons(('vary',), token, words)}</div></details>"
    )


def _ending(file: str) -> str:
    stem, _, suffix = file.partition(".")
    return f".{suffix}" if stem in ("sound", "music", "chords", "all") else f"-{stem}.{suffix}"


def _part(card: Mapping[str, Any], words: Words) -> str:
    """Return what this clip is among the others of its run."""
    parts = [
        words(name, number=card[name][0], count=card[name][1]) for name in ("variation", "candidate") if name in card
    ]
    return " · ".join([*parts, *([words(card["shaped"])] if "shaped" in card else [])])


def _facts(card: Mapping[str, Any], part: str, words: Words) -> str:
    clip = card["clip"]
    settings, best, score = clip["settings"], card.get("best"), card.get("score")
    facts = [
        part,
        words("seconds", seconds=f"{clip['duration']:.1f}"),
        words("recording") if settings.get("recording") else words("seed", seed=clip["seed"]),
        words.count("steps", settings["steps"]) if "steps" in settings else "",
        f"★ {words('best', count=best)}" if best else "",
        words("score", score=f"{100 * score:.0f}") if score is not None else "",
    ]
    return " · ".join(filter(None, facts))


def _verdict(plan: MusicPlan, heard: Heard | None, card: Mapping[str, Any], words: Words) -> str:
    """Return asked against heard as a short list."""
    if heard is None:
        return f"<p>{escape(words('not_heard' if card.get('unheard') else 'not_heard_yet'))}</p>"
    rows = "".join(
        f'<li class="{"same" if same else "other"}"><b>{escape(name)}</b> {escape(text)}</li>'
        for name, text, same in comparison(plan, heard, words)
    )
    missing = "".join(f"<li>{escape(words.sentence(reason))}</li>" for reason in heard.missing)
    return f"<ul>{rows}{missing}</ul>"


def comparison(plan: MusicPlan, heard: Heard, words: Words) -> list[tuple[str, str, bool]]:
    """Return (field, what was heard of what was asked in a musician's words, whether they agree)."""
    rows = []
    told = bool(heard.missing)  # why nothing was heard of something
    if heard.bpm is not None and plan.bpm is not None:
        tempi = plan.anywhere("bpm")
        kind, same = max((compare_tempi(bpm, heard.bpm) for bpm in tempi), key=lambda found: found[1])
        asked = ", ".join(f"{bpm:g}" for bpm in tempi)
        rows.append((words("tempo"), words(kind, heard=f"{heard.bpm:.0f}", asked=asked), same))
    elif plan.bpm is not None and not told:
        rows.append((words("tempo"), words("heard_none", asked=f"{plan.bpm:g} BPM"), False))
    if heard.meter is not None and plan.meter is not None:
        meters = plan.anywhere("meter")
        same = heard.meter in meters
        kind = "heard_meter_same" if same else "heard_meter"
        rows.append((words("label_meter"), words(kind, heard=heard.meter, asked=", ".join(map(str, meters))), same))
    if heard.key and plan.key:
        keys = plan.anywhere("key")
        (kind, same), nearest = max(((compare_keys(key, heard.key), key) for key in keys), key=lambda one: one[0][1])
        if len(keys) > 1 and not same:  # which one it is to be compared with nobody knows
            kind, nearest = "heard_key", ", ".join(words.sentence(key) for key in keys)
        found, asked = words.sentence(heard.key), words.sentence(nearest)
        rows.append((words("label_key"), words(kind, heard=found, asked=asked), same))
    elif plan.key and not told:
        rows.append((words("label_key"), words("heard_none", asked=words.sentence(plan.key)), False))
    if plan.chords and (heard.chords or not told):
        share = shared_roots(plan, heard)
        rows.append((words("label_chords"), words("heard_chords", share=f"{100 * share:.0f}"), share >= 0.75))
    return rows + _who_is_heard(plan, heard, words)


def _who_is_heard(plan: MusicPlan, heard: Heard, words: Words) -> list[tuple[str, str, bool]]:
    """Return the rows of `comparison` that tell the players asked for, each with how surely it is heard, and others."""
    if heard.playing is None or heard.players is None:
        return []

    def listed(name: str, classes: Sequence[str]) -> str:
        known = (f"{words.names.get(one, one)} {100 * heard.players.get(one, 0.0):.0f} %" for one in classes)
        return words(name, players=", ".join(known)) if classes else ""

    rows = []
    if plan.instruments:
        asked = classes_of(plan.instruments)
        missed = [name for name in asked if name not in heard.playing]
        others = [name for name in heard.playing if name not in asked]
        found = listed("heard_players", [name for name in asked if name in heard.playing])
        told = [found, listed("heard_players_missed", missed), listed("heard_players_others", others)]
        rows.append((words("label_instruments"), "; ".join(filter(None, told)), not (missed or others)))
    if plan.style and heard.style:
        asked_style, style = (words.names.get(name, name) for name in (plan.style, heard.style))
        same, sure = plan.style == heard.style, (heard.style_confidence or 0.0) >= SURE_STYLE
        said = "heard_style_same" if same else "heard_style" if sure else "heard_style_unsure"
        rows.append((words("label_style"), words(said, heard=style, asked=asked_style), same))
    return rows


def compare_tempi(asked: float, heard: float) -> tuple[str, bool]:
    """Return the sentence for how a heard tempo relates to the asked one (BPM), and whether it is as good."""
    if abs(heard - asked) <= 0.04 * asked:
        return "heard_tempo_same", True
    for factor, name in ((2.0, "twice"), (0.5, "half"), (3.0, "three_times"), (1 / 3, "third")):
        if abs(heard - factor * asked) <= 0.04 * factor * asked:
            return f"heard_tempo_{name}", True
    return "heard_tempo", False


def compare_keys(asked: str, heard: str) -> tuple[str, bool]:
    """Return the sentence for how a heard key relates to the asked one, and whether it is the same."""
    try:
        home, found = Key.parse(asked).as_major_or_minor(), Key.parse(heard).as_major_or_minor()
    except PlanError:
        return "heard_key", False
    if home == found:
        return ("heard_key_same" if str(home) == asked else "heard_key_mode"), True
    step = (found.tonic_pc - home.tonic_pc) % 12
    if home.is_minor != found.is_minor:
        if step == 0:
            return "heard_key_parallel", False
        if step == (3 if home.is_minor else 9):
            return "heard_key_relative", False
    elif step in (5, 7):
        return f"heard_key_{'dominant' if step == 7 else 'subdominant'}", False
    return "heard_key", False


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
