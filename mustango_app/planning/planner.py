"""The planner: a sentence, and whatever the person fixed, into a complete `MusicPlan`.

Three sources, in this order: explicit arguments, what the text states outright (`reading`), and priors of style, mood
and plain tempo words (`priors`). What the priors leave open is chosen among their alternatives by `seed` and the text,
through CRC-32, so that the same request gives the same plan on every machine and in every process, and each field has
its own choice: fixing one leaves the others. The first downbeat is at 0 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from augmentation.reading.readers.arrangement import Word
from augmentation.reading.stated import read
from munet.music import Key, MusicPlan, Note, PlanError, Section, beat_grid
from munet.music.grid import without_repeats
from munet.music.notation import ChordLine, read_chord_line
from mustango_app.planning.asked import Asked, check
from mustango_app.planning.band import choose_band, ordered
from mustango_app.planning.changes import changed_sections, modulated
from mustango_app.planning.choices import (
    choose_bpm,
    choose_duration,
    choose_key,
    choose_meter,
    choose_progression,
    counted,
    main_word,
    place,
    progressions,
    stated_line,
    whole_bars,
)
from mustango_app.planning.form import (
    Frame,
    allows_sections,
    cut_to,
    energy_of,
    first_moods,
    first_paces,
    home_key,
    marked_sections,
    shared_out,
    with_said,
)
from mustango_app.planning.remarks import cut_note, in_words, language_notes, make_notes
from mustango_app.planning.rhythm import in_beats, in_rhythm
from mustango_app.planning.song import chosen_sections, has_form, stated_moments, theme_lines, with_tune_again
from mustango_app.planning.source import DEFAULT, FROM_SECTIONS, GIVEN, STATED, Origin, Source
from mustango_app.planning.style import form_of, main_style
from mustango_app.planning.within import sections_spoken_of, sections_within, with_casts

Sources = dict[str, Source]
_RAMP = 1.5  # how many fewer beats a section may have than at the plan's own tempo


def plan_from_text(text: str, **fixed: Any) -> MusicPlan:
    """Plan the music that `text` asks for.

    Args:
        text: the prompt, prose or keywords, in English or a language of `languages/`; may be empty.
        **fixed: what the person fixed, which always wins; None stands for not fixed. All fields of `MusicPlan` but
            `notes`; `bpm`, `meter` and `key` also as people write them ("90,5", "3/4", "F sharp minor"); `chords` as a
            line ("G D/F# Em C", "| Am | F C |", "G@0 Em@2.5"), symbols, or (symbol, second) pairs; `seconds`, the same
            as `duration`, or `bars`; `seed` (an integer, default 0); `longest` (seconds that a length which only the
            text states may have).

    Returns:
        A complete plan whose `notes` say what became of the text. Chords without times are spread one a bar and cycled.

    Raises:
        PlanError: naming the argument that is out of range or not understood, or `chords` that do not fit.
        TypeError: naming an unknown argument, or if `text` is no string.
    """
    return plan_with_sources(text, **fixed)[0]


def explain(text: str, **fixed: Any) -> Sources:
    """Say where the fields of `plan_from_text(text, **fixed)` come from.

    "given" (an explicit argument), "stated" (the text), "from the beats", "from the chords", "style: waltz",
    "mood: sad", "pace: slow" (several joined by " + ") or "default"; each with its `origin` to decide by.
    """
    return plan_with_sources(text, **fixed)[1]


def plan_with_sources(text: str, **fixed: Any) -> tuple[MusicPlan, Sources]:
    """Return what `plan_from_text` and `explain` return, at once."""
    asked = check(text, fixed)
    lead = _lead(asked)
    found = lead.reading.arrangement
    style, mood, pace = (
        main_style(found, asked.plan.style),
        main_word(first_moods(lead.reading)),
        main_word(first_paces(lead.reading)),
    )
    sources: Sources = {}
    count = counted(lead)
    meter, sources["meter"] = choose_meter(lead, count, style)
    bpm, sources["bpm"] = choose_bpm(lead, count, (pace, form_of(found, style), style, mood))
    asked, lead = (replace(each, reading=in_beats(each.reading, bpm)) for each in (asked, lead))
    key, line = _harmony(asked, lead, sources, (mood, style), meter)
    duration, sources["duration"] = choose_duration(lead, bpm, meter, line)
    if asked.plan.loop:
        bpm, duration = whole_bars(asked, bpm, meter, duration, sources)
    named_style, sources["style"] = _style(asked, style)
    own = style is None or not any(player.first == style.index for player in found.players)
    band, sources["instruments"] = _band(asked, named_style if own or asked.plan.style else None)
    energy, sources["energy"] = _energy(lead)
    frame = Frame(bpm, meter, key, duration, band, named_style, energy)
    whole = MusicPlan(
        bpm=bpm, meter=meter, key=str(key), duration=duration, beat_unit=asked.plan.beat_unit or count[2],
        style=named_style, instruments=band, energy=energy, melody=asked.plan.melody,
    )  # fmt: skip
    sections, cut = _sections(asked, frame, sources)
    if not sections and has_form(asked, duration):
        sections = with_said(asked, frame, chosen_sections(asked, frame, style, line))
        sources |= {"sections": Source(Origin.CHOSEN, "chosen for the length")} if sections else {}
        if not sections and (asked.reading.tagged or sections_spoken_of(asked)):  # no form can be put around them
            named = _told_sections if asked.reading.tagged else sections_within
            sections, cut = _fitted(asked, frame, sources, partial(named, asked, frame))
            sources["sections"] = STATED
        elif not sections and stated_moments(asked, frame):
            sections, sources["sections"] = changed_sections(asked, frame), STATED
    if sections:
        plan = _in_sections(asked, frame, whole, sections, line, sources, style)
        plan = plan if sources["sections"] == GIVEN else with_tune_again(plan)
    else:
        plan = _in_one(asked, whole, line, sources, style)
    plan = _looped(asked, _ended(asked, plan))
    notes = (
        *language_notes(asked.said), *make_notes(asked, plan, sources), *_cut_notes(cut, plan),
        *_line_notes(line, sources), *_form_notes(plan, sources),
    )  # fmt: skip
    return plan.with_(notes=notes), sources


def _ended(asked: Asked, plan: MusicPlan) -> MusicPlan:
    """Return a plan that ends on the chord that the text says last: in place of its last one, or in its last bar."""
    last, chords = asked.reading.last_chord, plan.chords or ()
    if last is None or "chords" in asked.given or not chords:
        return plan
    downbeats = [second for second, position in plan.beats or () if position == 1]
    start = max(chords[-1][1], downbeats[-1] if downbeats else 0.0)
    kept = [chord for chord in chords if chord[1] < start]
    return plan.with_(chords=without_repeats([*kept, (last.value, start)]))


def _looped(asked: Asked, plan: MusicPlan) -> MusicPlan:
    """Return a plan as a loop, if it is to be one; sections that the text tells may not let it end with a bar.

    Raises:
        PlanError: it was fixed to be one, and cannot.
    """
    try:
        return plan.with_(loop=asked.plan.loop)
    except PlanError:
        if "loop" in asked.given:
            raise
        return plan


def _lead(asked: Asked) -> Asked:
    """Return the request that the plan's own fields are read from: of a text in sections what stands around them.

    A tempo or key that is not stated there is that of the first section that states one; a metre that of the first.
    """
    reading = asked.reading
    if not reading.tagged or not allows_sections(asked):
        return asked
    text = reading.tokens.text
    edges = min(one.start for one in reading.tagged), max(one.end for one in reading.tagged)
    head = read(f"{text[: edges[0]]}{text[edges[1] :]}")
    parts = [read(tagged.text) for tagged in reading.tagged]
    parts = parts[:1] if reading.tagged[0].alone else parts  # what is said of a bridge does not hold for the piece
    changes: dict[str, Any] = {}
    for field, single in (("tempos", "tempo"), ("meters", "meter"), ("keys", "key")):
        if getattr(head, single) is None:
            where = parts[:1] if field == "meters" else parts
            changes[field] = next((getattr(part, field) for part in where if getattr(part, single)), ())
    if not (head.arrangement.paces or head.tempo or changes["tempos"]):
        paces = next((part.arrangement.paces for part in parts if part.arrangement.paces), [])
        changes["arrangement"] = replace(head.arrangement, paces=paces)
    if not (head.modes or head.keys or changes.get("keys")):
        changes["modes"] = next((part.modes for part in parts if part.modes), ())
    if not head.arrangement.styles:
        told = zip(reading.tagged, parts, strict=False)
        found = [part.arrangement.styles for one, part in told if part.arrangement.styles and one.name != "solo"]
        plain = (styles for styles in found if not all(word.weak for word in styles))
        arrangement = changes.get("arrangement", head.arrangement)
        changes["arrangement"] = replace(arrangement, styles=next(plain, found[0] if found else []))
    return replace(asked, reading=replace(head, **changes))


def _harmony(
    whole: Asked, asked: Asked, sources: Sources, words: Sequence[Word | None], meter: int
) -> tuple[Key, ChordLine | None]:
    """Return the key and the chords that are fixed or stated; a key that is open follows from them.

    Args:
        whole: the request.
        asked: what it says of the whole piece, see `_lead`.
        sources: gets where key and chords come from.
        words: mood and style, which suggest a mode.
        meter: beats per bar.
    """
    key: Key | None = None
    if asked.plan.key is not None:
        key, sources["key"] = Key.parse(asked.plan.key), GIVEN
    elif (home := home_key(asked)) or asked.reading.key:
        key, sources["key"] = home or (asked.reading.key.value if asked.reading.key else None), STATED
    line, sources["chords"] = stated_line(asked, key, meter)
    if key is None:
        key, sources["key"] = choose_key(asked, line or _chords_of_sections(whole), words)
    return key, line


def _chords_of_sections(asked: Asked) -> ChordLine | None:
    """Return the chords that the sections of a text state, one after the other; None if they state none."""
    parts = [read(tagged.text).chords for tagged in asked.reading.tagged] if allows_sections(asked) else []
    lines = [read_chord_line(part.value, None).symbols for part in parts if part is not None and part.rank < 2]
    return ChordLine(tuple(symbol for line in lines for symbol in line), None, None) if lines else None


def _style(asked: Asked, style: Word | None) -> tuple[str | None, Source]:
    if asked.plan.style is not None:
        return asked.plan.style, GIVEN
    return (style.prior.style, STATED) if style else (None, DEFAULT)


def _band(asked: Asked, style: str | None) -> tuple[tuple[str, ...], Source]:
    found = asked.reading.arrangement
    if asked.plan.instruments is not None:
        return asked.plan.instruments, GIVEN
    if asked.reading.tagged:  # who is silent in one section may play in others
        found = replace(found, removed=_lead(asked).reading.arrangement.removed)
    said = found.players or found.removed or found.tuneless
    source = STATED if said else Source(Origin.SUGGESTED, f"style: {style}") if style else DEFAULT
    return choose_band(found, style, asked.pick), source


def _energy(asked: Asked) -> tuple[str | None, Source]:
    if asked.plan.energy is not None:
        return asked.plan.energy, GIVEN
    energy = energy_of(asked.reading.arrangement)
    return energy, STATED if energy else DEFAULT


def _sections(asked: Asked, frame: Frame, sources: Sources) -> tuple[tuple[Section, ...], bool]:
    """Return the sections fixed or stated, and whether the end of them was cut."""
    if asked.plan.sections:
        sources["sections"] = GIVEN
        return asked.plan.sections, False
    if not allows_sections(asked):
        return (), False
    if not asked.reading.tagged:
        spoken = sections_spoken_of(asked)
        if has_form(asked, frame.duration) and (stated_moments(asked, frame) or spoken):
            return (), False  # the form is chosen around them
        if spoken:
            sources["sections"] = STATED
            return _fitted(asked, frame, sources, partial(sections_within, asked, frame))
        sections = () if asked.plan.loop else changed_sections(asked, frame)
        sources |= {"sections": STATED} if sections else {}
        return sections, False
    if has_form(asked, frame.duration) and all(one.alone for one in asked.reading.tagged):
        return (), False
    sources["sections"] = STATED
    return _fitted(asked, frame, sources, partial(_told_sections, asked, frame))


def _fitted(
    asked: Asked, frame: Frame, sources: Sources, told: Callable[..., tuple[Section, ...]]
) -> tuple[tuple[Section, ...], bool]:
    """Return sections with lengths that fit into the piece, and whether the end of them was cut.

    Args:
        asked, frame, sources: as in `_sections`.
        told: gives the sections; of 8 bars where they say no length, or open ones with the argument None.
    """
    if sources["duration"] not in (GIVEN, STATED):
        return cut_to(told(), frame, asked.longest)
    shared = shared_out(told(None), frame)
    if shared:
        return shared, False
    sections, cut = cut_to(told(), frame, frame.duration)
    return (*sections[:-1], sections[-1].with_(bars=None)), cut


def _told_sections(asked: Asked, frame: Frame, *open_bars: int | None) -> tuple[Section, ...]:
    """Return the sections that the text marks or tells (see `marked_sections`), in the keys that it says."""
    return modulated(asked, frame, with_casts(asked, frame, marked_sections(asked, frame, *open_bars)))


def _in_one(asked: Asked, whole: MusicPlan, line: ChordLine | None, sources: Sources, style: Word | None) -> MusicPlan:
    """Return the complete plan of a piece without sections."""
    bpm, meter, duration = whole.bpm or 0.0, whole.meter or 0, whole.duration or 0.0
    beats = asked.plan.beats or beat_grid(bpm, meter, duration)
    if asked.plan.chords:
        return whole.with_(beats=beats, chords=asked.plan.chords)
    if line is None:
        line, sources["chords"] = choose_progression(asked, Key.parse(whole.key or ""), style)
        line = in_rhythm(asked.reading, replace(line, symbols=line.symbols[: max(1, len(beats))]), meter)
    forgiving = sources["chords"] != GIVEN or line is not asked.line
    return whole.with_(beats=beats, chords=place(line, beats, meter, duration, forgiving))


def _in_sections(
    asked: Asked,
    frame: Frame,
    whole: MusicPlan,
    sections: Sequence[Section],
    line: ChordLine | None,
    sources: Sources,
    style: Word | None,
) -> MusicPlan:
    """Return the complete plan of a piece in sections, each with its chords in its key."""
    chosen = sources["sections"].origin is Origin.CHOSEN
    if line is None and not asked.plan.chords:
        sources["chords"] = choose_progression(asked, frame.key, style)[1]
    # Stated chords lie where they would without sections, if the sections are chosen or the chords stand in bars.
    barred = line is not None and line.bars is not None
    in_bars = line is not None and (chosen or (barred and bool(asked.line or asked.reading.harmonic_rhythm)))
    told = sources["sections"] == STATED and not asked.reading.tagged
    if told and not any(_differs(section) for section in sections):
        in_bars = True  # only who plays changes, or how lively: harmony goes on
        if line is None and not asked.plan.chords:
            line = in_rhythm(asked.reading, choose_progression(asked, frame.key, style)[0], frame.meter)
    timed = asked.reading.tagged or any(section.bars for section in sections)
    open_ended = timed and sources["duration"] not in (GIVEN, STATED) and not chosen
    if open_ended:
        sources["duration"] = FROM_SECTIONS if sources["sections"] == GIVEN else STATED
    whole = whole.with_(duration=None if open_ended else whole.duration)
    filled = []
    themes = theme_lines(sections)
    for laid, number in zip(whole.with_(sections=sections).laid(), themes, strict=True):
        section, home = laid.section, Key.parse(laid.section.key) if laid.section.key else frame.key
        choices = progressions(asked, home, style)
        own = choices[number % len(choices)] if line is None else _moved(asked, line, frame.key, home)
        room = max(1, section.bars * laid.meter if section.bars else int(len(laid.beats()) / _RAMP))
        paced = in_rhythm(asked.reading, own, laid.meter)
        beats = max(1, len(laid.beats()))
        symbols = own.symbols[:room] if paced is own else paced.over(max(1, room // laid.meter), laid.meter)[:beats]
        kept = section.chords or asked.plan.chords or in_bars
        filled.append(section if kept else section.with_(chords=symbols))
    players = [section.instruments or whole.instruments or () for section in filled]
    band = asked.plan.instruments or ordered([name for names in players for name in names])
    if sources["sections"] != GIVEN and set(band) != set(whole.instruments or ()):  # who plays in one does not in all
        filled = [
            section if section.instruments else section.with_(instruments=whole.instruments) for section in filled
        ]
    plan = whole.with_(sections=filled, instruments=band).complete()
    given = asked.plan  # beats and chords in time are the truth of a plan, whatever its sections would give
    chords = given.chords or plan.chords
    if in_bars and line is not None:
        chords = place(line, plan.beats or (), frame.meter, plan.duration or 0.0, sources["chords"] != GIVEN)
    return plan.with_(beats=given.beats or plan.beats, chords=chords)


def _differs(section: Section) -> bool:
    """Whether a section has a tempo, metre, key or chords of its own."""
    return any(value is not None for value in (section.bpm, section.meter, section.key, section.chords))


def _moved(asked: Asked, line: ChordLine, home: Key, key: Key) -> ChordLine:
    """Return the stated chords in the key of a section: degrees are read there, symbols moved."""
    if key == home or asked.line is not None:
        return line
    statement = asked.reading.chords
    if statement is not None and statement.rank >= 2:
        return read_chord_line(statement.value, key)
    return line.transpose((key.tonic_pc - home.tonic_pc + 6) % 12 - 6)


def _cut_notes(cut: bool, plan: MusicPlan) -> tuple[Note, ...]:
    if not cut:
        return ()
    return (cut_note("the sections", f"cut to {plan.duration:g} s: {in_words(plan.sections or ())}"),)


def _form_notes(plan: MusicPlan, sources: Sources) -> tuple[Note, ...]:
    if "sections" not in sources or sources["sections"].origin is not Origin.CHOSEN:
        return ()
    return (Note("the form", "sections", f"chosen for {plan.duration:g} s: {in_words(plan.sections or ())}", True),)


def _line_notes(line: ChordLine | None, sources: Sources) -> tuple[Note, ...]:
    return line.notes if line is not None and sources["chords"] == STATED else ()
