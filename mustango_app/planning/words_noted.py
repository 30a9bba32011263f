"""Notes on the words for style, mood, energy and pace: what each decided, or what won over it."""

from __future__ import annotations

from collections.abc import Mapping

from augmentation.reading.readers.arrangement import Word
from augmentation.reading.readers.meter import dance
from augmentation.reading.tokens import Kind
from munet.music import Key, MusicPlan
from mustango_app.planning.asked import Asked
from mustango_app.planning.note_rows import Rows, negation_before, row, section_at
from mustango_app.planning.source import Source
from mustango_app.planning.style import main_style

_FAR = 1.25  # how far a tempo may lie outside what a word means before the two contradict each other


def notes_on_words(asked: Asked, plan: MusicPlan, sources: Mapping[str, Source]) -> Rows:
    found, tokens = asked.reading.arrangement, asked.reading.tokens
    for word in found.styles:
        own = word.prior.style == plan.style
        if word.weak and not own:
            continue
        outcome = str(plan.style) if own else f"{plan.style} counts" if plan.style else "no style"
        used = own and "style" not in asked.given
        if word.prior.lends and not own and any(word.index == index for _, index in found.energies):
            continue  # an anthem lends its energy, which is noted below
        if word.prior.lends and not own and (_suits(word, plan) or dance(tokens[word.index])):
            lent = f"with {plan.meter} beats a bar" if dance(tokens[word.index]) else f"at {plan.bpm:g} BPM"
            outcome, used = f"{plan.style} {lent}", True
        if not own and (section := section_at(asked, plan, word.index)) and section.instruments != plan.instruments:
            outcome, used = f"{section.name}: {', '.join(section.instruments or ())}", "style" not in asked.given
        yield row(asked, word.index, word.index + 1, "style", outcome, used)
    if main_style(found) in found.scenes[:1] and "style" not in asked.given:
        yield row(asked, found.scenes[0].index, found.scenes[0].index + 1, "style", str(plan.style), True)
    lent = [word for word in found.styles if word.prior.lends and _suits(word, plan)]
    for word in (*found.paces, *found.moods, *(lent or found.styles)):
        fixed = "bpm" in sources and sources["bpm"].is_fixed
        if word.prior.tempo and fixed and plan.bpm and word.prior.kind != "mood" and not any(plan.sections or ()):
            low, high = word.prior.tempo
            if not _suits(word, plan):
                outcome = f"{plan.bpm:g} BPM is {sources['bpm']} and wins; the word means {low:g} to {high:g}"
                yield row(asked, word.index, word.index + 1, "bpm", outcome, False)
    for word in found.moods:
        decides = [name for name in ("bpm", "key") if word.source in sources.get(name, "")]
        if word.prior.energy and plan.energy == word.prior.energy:
            decides.append("energy")
        if decides:
            values = ", ".join(f"{plan.bpm:g} BPM" if name == "bpm" else str(getattr(plan, name)) for name in decides)
            yield row(asked, word.index, word.index + 1, decides[0], values, True)
        elif all(word.index != index for _, index in found.energies):
            yield row(asked, word.index, word.index + 1, *_idle(word, asked, plan, sources))
    for word in found.paces:
        if word.source in sources.get("bpm", ""):
            yield row(asked, word.index, word.index + 1, "bpm", f"{plan.bpm:g} BPM", True)
    for energy, index in found.energies:
        own = section_at(asked, plan, index)
        names = [section.name for section in (*([own] if own else []), *(plan.sections or ()))
                 if section.energy == energy]  # fmt: skip
        told = f"{names[0]}: {energy}" if names and plan.energy != energy else str(plan.energy)
        wins = bool(names) or plan.energy == energy
        yield row(asked, index, index + 1, "energy", told, wins and "energy" not in asked.given)
    for index in found.denied:
        token = tokens[index]
        field = "key" if Kind.KEY in token else "style" if Kind.STYLE in token else None
        name = token.get(Kind.KEY) or tokens.word(index)
        yield row(asked, negation_before(tokens, index), index + 1, field, f"not {name}", True)


def _suits(word: Word, plan: MusicPlan) -> bool:
    """Whether a plan's tempo is about what a word means."""
    low, high = word.prior.tempo or (0.0, 0.0)
    return low / _FAR <= (plan.bpm or 0.0) <= high * _FAR


def _idle(word: Word, asked: Asked, plan: MusicPlan, sources: Mapping[str, Source]) -> tuple[str | None, str, bool]:
    """Return field, outcome and use of a mood that decides nothing: it suits what is there, or something else wins."""
    mode, energy = word.prior.mode, word.prior.energy
    own = next((section.name for section in plan.sections or () if energy and section.energy == energy), None)
    if own is not None:
        return "sections", f"{own}: {energy}", True
    if mode and plan.key and any(section.key and mode in section.key for section in plan.sections or ()):
        return "sections", f"a section in {mode}", True
    if mode and plan.key:
        minor = Key.parse(plan.key).is_minor == (mode == "minor")
        return "key", f"suits {plan.key}" if minor else f"{plan.key} wins ({sources['key']})", minor
    first = next((one.text for one in asked.reading.arrangement.moods if one is not word), "another word")
    return "energy", f"{plan.energy} by {first!r}" if plan.energy else "nothing of it is left open", False
