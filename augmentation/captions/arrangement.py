"""Words about who plays when, and who does not: absences, solos and duos, entries and exits, sections.

Everything is read from the plan's parts and the tracks, so it is true: "no drums" is said where none play, "then the
drums come in" where they do.
"""

from __future__ import annotations

from types import MappingProxyType

from augmentation.captions import words
from augmentation.captions.subject import PLURAL, Subject, article, joined, listed, noun_of, pick
from munet.music import ENERGIES, Part

# Who may be missed -> how often it is said, among those that are missing.
_MISSED = MappingProxyType(
    {"drums": 8, "percussion": 4, "bass": 4, "guitar": 1, "piano": 1, "strings": 1, "brass": 1, "synth": 1, "melody": 1}
)
_ABSENCES = MappingProxyType(
    {
        "tags": ("no {}", "without {}", "no {}"),
        "line": (" without {}", ", no {}", " with no {}", " (no {})", ", without any {}", " - no {}"),
        "prose": (
            "There is no {}.", "There is no {} in it.", "No {}.", "It does without {}.", "No {} can be heard.",
            "It has no {}.", "It is played without {}.", "One hears no {}.",
        ),
    }
)  # fmt: skip
_ALONE = (
    "Only {} can be heard.", "It is played by {} alone.", "There is nothing but {}.", "A solo performance on {}.",
    "{} solo.", "It is a piece for solo {}.", "Solo {}.",
)  # fmt: skip
_TOGETHER = (
    "Only {} play.", "There is nothing but {}.", "Just {}.", "It is {number} of {}.", "Nobody but {} can be heard.",
)  # fmt: skip
_NUMBERS = MappingProxyType({2: "a duo", 3: "a trio", 4: "a quartet"})

# What changes from one section to the next. {first} who plays before, {new} who joins, {gone} who leaves, {rest} who
# stays; {s} the ending of the verb.
_ENTRIES = MappingProxyType(
    {
        "line": (
            ", starting with {first} before {new} come{s} in", ", {first} first, then {new}",
            " that starts with {first} until {new} join{s}", ", {new} entering later",
            " where {new} enter{s} after {first}",
        ),
        "prose": (
            "It starts with {first}, then {new} enter{s}.", "{first} begin{f}, then {new} come{s} in.",
            "After a while {new} join{s} in.", "First there is only {first}, later {new} come{s} in.",
            "{new} enter{s} later.", "It opens with {first} before {new} join{s}.", "Later on, {new} enter{s}.",
        ),
    }
)  # fmt: skip
_EXITS = MappingProxyType(
    {
        "line": (
            ", {gone} dropping out later", " that ends with {rest} only", " where {gone} fall{s} silent",
            ", later without {gone}",
        ),
        "prose": (
            "Then {gone} drop{s} out.", "{gone} stop{s} playing later on, and {rest} go{r} on.",
            "Towards the end only {rest} remain{r}.", "Later {gone} fall{s} silent.", "It thins out to {rest}.",
        ),
    }
)  # fmt: skip
_RISES = MappingProxyType(
    {
        "line": (", building up", " that starts {low} and gets {high}", ", from {low} to {high}"),
        "prose": ("It builds up.", "It starts {low} and becomes {high}.", "The energy rises.", "It grows livelier."),
    }
)
_FALLS = MappingProxyType(
    {
        "line": (", calming down", " that starts {low} and gets {high}", ", from {low} to {high}"),
        "prose": ("It calms down.", "It starts {low} and becomes {high}.", "The energy drops.", "It winds down."),
    }
)
_NAMED = MappingProxyType(
    {
        "line": (" with {sections}", ", {sections}", " going through {sections}"),
        "prose": ("It goes through {sections}.", "There is {sections}.", "The form is {sections}."),
    }
)
_NAMED_IN_FULL = MappingProxyType(
    {
        "line": (": {sections}", " - {sections}", ", with {sections}"),
        "prose": ("It goes through {sections}.", "The form is {sections}.", "Sections: {sections}."),
    }
)


def _missing(subject: Subject) -> list[str]:
    """Words for what does not play, each as often as it is worth saying."""
    found = []
    for word, weight in _MISSED.items():
        if word == "melody":
            absent = subject.piece.plan.melody is None and "drums" in subject.kinds and len(subject.kinds) > 1
        else:
            absent = not words.MEANINGS[word.removesuffix("s") if word == "strings" else word] & subject.kinds
            absent = absent and not (word == "bass" and "tuba" in subject.kinds)
        found += [word] * (weight if absent else 0)
    return found


def absence(subject: Subject, form: str) -> str:
    """Who does not play, in words for "tags", a "line" or "prose"; "" where nobody worth a word is missing."""
    missing = _missing(subject)
    if not missing or (missing[0] not in ("drums", "bass") and subject.rng.random() < 0.7):
        return ""
    first = pick(subject.rng, missing)
    others = [word for word in dict.fromkeys(missing) if {word, first} != {"drums", "percussion"} and word != first]
    nouns = [first]
    if others and subject.rng.random() < 0.2:
        nouns.append(pick(subject.rng, others))
    text = joined([{"synth": "synths", "guitar": "guitars"}.get(noun, noun) for noun in nouns], " or ")
    phrase = pick(subject.rng, _ABSENCES[form]).format(text)
    if text.startswith(("drums", "guitars", "strings", "synths")):
        phrase = phrase.replace("There is", "There are")
    return phrase


def company(subject: Subject) -> str:
    """A sentence about how few play: one alone, two, three or four; "" for more."""
    names = subject.instruments
    if len(names) == 1:
        return pick(subject.rng, _ALONE).format(noun_of(subject, names[0]))
    if len(names) > 4 or subject.rng.random() < 0.25 * (len(names) - 1):
        return ""
    nouns = [noun_of(subject, name) for name in names]
    if len(set(nouns)) < len(nouns):
        return ""
    text = pick(subject.rng, _TOGETHER)
    return text.format(joined(nouns), number=_NUMBERS[len(names)])


def change(subject: Subject, form: str) -> str:
    """What changes between sections, in words for a "line" or "prose"; "" where nothing does."""
    parts = subject.piece.plan.parts()
    if len(parts) < 2:
        return ""
    if len(parts) > 2 and subject.rng.random() < 0.5:
        return _form(subject, parts, form)
    at = int(subject.rng.integers(len(parts) - 1)) if len(parts) > 2 else 0
    before, after = parts[at], parts[at + 1]
    told = [text for text in (_players(subject, before, after, form), _energy(subject, before, after, form)) if text]
    if not told:
        return _form(subject, parts, form) if subject.rng.random() < 0.3 else ""
    return told[0] if subject.rng.random() < 0.8 else told[-1]


def _players(subject: Subject, before: Part, after: Part, form: str) -> str:
    first, second = before.instruments or (), after.instruments or ()
    new = [name for name in second if name not in first]
    gone = [name for name in first if name not in second]
    rest = [name for name in second if name in first]
    if new and not gone and len(new) < 4:
        text = pick(subject.rng, _ENTRIES[form])
        return _filled(subject, text, first=first[:3], new=new)
    if gone and rest and not new and len(gone) < 4:
        return _filled(subject, pick(subject.rng, _EXITS[form]), gone=gone, rest=rest[:3])
    return ""


def _filled(subject: Subject, text: str, **groups: tuple[str, ...] | list[str]) -> str:
    """Put instruments into the slots, with "the" before them and verbs that agree."""
    for slot, names in groups.items():
        nouns = list(dict.fromkeys(noun_of(subject, name) for name in names))
        plural = len(nouns) > 1 or bool(PLURAL.search(nouns[0]))
        verb = {"first": "{f}", "rest": "{r}"}.get(slot, "{s}")
        if verb == "{r}":
            text = text.replace("go{r}", "go" if plural else "goes")
        text = text.replace(verb, "" if plural else "s")
        shown = joined([article(noun) for noun in nouns] if slot == "first" else [f"the {noun}" for noun in nouns])
        text = text.replace(f"{{{slot}}}", shown)
    return text


def _energy(subject: Subject, before: Part, after: Part, form: str) -> str:
    if before.energy == after.energy or before.energy is None or after.energy is None:
        return ""
    rises = ENERGIES.index(after.energy) > ENERGIES.index(before.energy)
    low, high = (pick(subject.rng, words.ENERGY_WORDS[part.energy or ""]) for part in (before, after))
    return pick(subject.rng, (_RISES if rises else _FALLS)[form]).format(low=low, high=high)


def _form(subject: Subject, parts: tuple[Part, ...], form: str) -> str:
    """The sections by name, now and then with who plays in them: "intro (piano), verse and chorus"."""
    full = subject.rng.random() < 0.4
    shown = []
    for part in parts[:5]:
        players = listed(subject, (part.instruments or ())[:3])
        shown.append(f"{part.name} ({players})" if full and players else article(part.name))
    return pick(subject.rng, (_NAMED_IN_FULL if full else _NAMED)[form]).format(sections=joined(shown))
