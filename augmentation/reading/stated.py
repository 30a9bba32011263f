"""All that a text states, read once: the statements of every field, the arrangement and the sections."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from augmentation.reading.fields import chosen_key, stated_chords
from augmentation.reading.lexer import lex
from augmentation.reading.readers.arrangement import Arrangement, Player, read_arrangement
from augmentation.reading.readers.changes import Change, find_absences, find_changes
from augmentation.reading.readers.chords import bars_of, find_last_chord
from augmentation.reading.readers.clauses import find_clauses, find_clocked
from augmentation.reading.readers.ends import ALONE, brief_players, find_ends, find_turns
from augmentation.reading.readers.harmonic_rhythm import find_harmonic_rhythms
from augmentation.reading.readers.key import find_keys, find_modes
from augmentation.reading.readers.length import find_lengths
from augmentation.reading.readers.meter import find_meters
from augmentation.reading.readers.sections import Tagged, find_lettered, find_tagged, find_told
from augmentation.reading.readers.statement import Statement, plainest
from augmentation.reading.readers.tempo import Tempo, find_tempos
from augmentation.reading.readers.within import Within, find_within
from augmentation.reading.tokens import Kind, Tokens


@dataclass(frozen=True)
class Reading:
    """What a text states.

    Args:
        tokens: of the text.
        tempos, meters, keys, lengths, modes: all statements, in order; `tempo`, `meter`, `key`, `length` are those
            that count.
        chords: the list of chords; last_chord: the one that it ends on.
        harmonic_rhythm: how long each of the chords lasts, said beside them.
        arrangement: who plays and how.
        changes: what changes within the piece, said in prose.
        within: who plays, or is silent, in sections that are named for this alone.
        loop: that the end is to lead into the beginning.
        tagged: the parts of a text that is divided into sections or tells them in their order.
    """

    tokens: Tokens
    tempos: tuple[Statement, ...]
    meters: tuple[Statement, ...]
    keys: tuple[Statement, ...]
    lengths: tuple[Statement, ...]
    modes: tuple[Statement, ...]
    chords: Statement | None
    last_chord: Statement | None
    harmonic_rhythm: Statement | None
    arrangement: Arrangement
    changes: tuple[Change, ...]
    within: tuple[Within, ...]
    loop: Statement | None
    tagged: tuple[Tagged, ...]

    @property
    def tempo(self) -> Statement | None:
        """The tempo that counts: the plainest, then the first."""
        return plainest(self._of_piece(self.tempos))

    @property
    def meter(self) -> Statement | None:
        """The metre that counts: not one to which the piece changes."""
        later = {change.first for change in self.changes if change.kind == "meter"}
        return plainest(
            one for one in self._of_piece(self.meters) if one.first not in (*self.arrangement.denied, *later)
        )

    @property
    def key(self) -> Statement | None:
        """The key that counts."""
        return chosen_key(self._of_piece(self.keys))

    @property
    def length(self) -> Statement | None:
        """The length that counts."""
        return plainest(self._of_piece(self.lengths, True))

    def _of_piece(self, statements: Sequence[Statement], told: bool = False) -> Sequence[Statement]:
        """Return the statements outside of sections that are named for what they have, or are `told`, all if there are
        none."""
        spans = [(one.start, one.end) for one in self.tagged if one.alone or told]
        starts = [self.tokens[one.first].start for one in statements]
        outside = [one for one, at in zip(statements, starts, strict=True)
                   if not any(start <= at < end for start, end in spans)]  # fmt: skip
        return outside or statements

    def said(self, statement: Statement) -> str:
        """Return the words of a statement."""
        return self.tokens.span(statement.first, statement.last)


@lru_cache(maxsize=64)
def read(text: str) -> Reading:
    """Read a text."""
    tokens = lex(text)
    lengths, last_chord = find_lengths(tokens), find_last_chord(tokens)
    keys = [one for one in find_keys(tokens) if last_chord is None or one.first != last_chord.first]
    denied = [one for one in keys if _is_denied(tokens, one)]
    keys = [one for one in keys if one not in denied]
    lettered = find_lettered(tokens)
    chords = stated_chords(tokens, keys)
    if chords and any(one.start <= tokens[chords.first].start < one.end for one in lettered):
        chords = None  # "A 8 bars, B 8 bars, A 8 bars"
    if chords and (bars := bars_of(tokens, chords)):  # what its groups last is the length of their sum
        lengths = [one for one in lengths if not chords.first <= one.first < chords.last]
        lengths.append(Statement("duration", ("bars", float(bars)), chords.first, chords.last, 1))
    tempos = find_tempos(tokens)
    compared = [one for one in tempos if "than" in map(tokens.word, range(one.first, one.last))]  # "faster than 100"
    stated = [*keys, *lengths, *compared, *([chords] if chords else [])]
    arrangement = read_arrangement(tokens, [(one.first, one.last) for one in stated])
    arrangement.denied += [one.first for one in denied]
    meters = find_meters(tokens)
    told = find_tagged(tokens) or lettered or find_clocked(tokens) or find_told(tokens)
    tagged = tuple(told or find_clauses(tokens))
    marked = {at for at, token in enumerate(tokens) for one in tagged if one.start <= token.start < one.end}
    within = tuple(one for one in find_within(tokens) if one.first not in marked)
    changes = [*find_changes(tokens), *find_ends(tokens)]
    known = {change.kind for change in changes}
    changes += [change for change in find_turns(tokens, meters, keys) if change.kind not in known]
    away = {index for one in within if one.silent for index in one.players}
    if not tagged:
        absent = find_absences(tokens, [player.first for player in arrangement.removed if player.first not in away])
        away |= {change.player for change in absent}
        changes += absent
    changes.sort(key=lambda change: change.first)
    arrangement.players += [player for player in arrangement.removed if player.first in away]
    arrangement.removed[:] = [player for player in arrangement.removed if player.first not in away]
    alone = any(one.alone for one in tagged)  # "the bridge has only piano": so do those who play solos
    partly = {at for at in marked if alone or Kind.SECTION in tokens[at]} | set(brief_players(tokens))
    _part_players(tokens, arrangement, changes, within, partly)
    return Reading(
        tokens,
        tuple(_led(tempos, changes)),
        tuple(meters),
        tuple(keys),
        tuple(lengths),
        tuple(find_modes(tokens)),
        chords,
        last_chord,
        next((one for one in find_harmonic_rhythms(tokens) if not _within(one, chords)), None),
        arrangement,
        tuple(changes),
        within,
        _find_loop(tokens),
        tagged,
    )


def _part_players(
    tokens: Tokens,
    found: Arrangement,
    changes: Sequence[Change],
    within: Sequence[Within],
    partly: Collection[int],
) -> None:
    """Note who does not play from the beginning, or throughout, and is therefore not alone.

    Args:
        tokens: of the text.
        found: what it says of the arrangement; changed.
        changes, within: what it says of parts of the piece.
        partly: tokens of parts whose players are theirs.
    """
    entering = [one for change in changes if change.kind == "enter" for one in found.players_at(change.player)]
    heard = {index for one in within if not one.silent for index in one.players}
    entering += [player for player in found.players if player.first in heard]
    soloists = [player for player in found.players if player.first in partly]
    found.later += [*entering, *soloists]
    found.styles[:] = [word for word in found.styles if all(word.index != player.first for player in soloists)]
    if any(change.kind == "layers" for change in changes):  # "starts with just piano, then others join one by one"
        found.later, found.alone = [*found.players], []
    later = [player for player in entering if player.first in heard or _is_for_a_part(tokens, player)] + soloists
    opening = [one for change in changes if change.kind == ALONE for one in found.players_at(change.player)]
    later += opening
    if all(player in opening for player in found.players):  # "opens with a guitar riff": others follow
        found.later += opening
    found.alone[:] = [player for player in found.alone if player not in later]
    if found.alone:  # who enters later plays beside them
        found.alone += [player for player in found.players if player in entering and player not in found.alone]


def _is_denied(tokens: Tokens, key: Statement) -> bool:
    """Whether a text says that the key is another one: "not in C major"."""
    return tokens[tokens.back(key.first, ("in", "the", "key", "of"))].get(Kind.NEGATION) is not None


def _led(tempos: Sequence[Statement], changes: Sequence[Change]) -> list[Statement]:
    """Return tempi of which a range is a way, if the text says that the piece becomes faster or slower."""
    kinds = {change.kind for change in changes} & {"faster", "slower"}
    found = []
    for one in tempos:
        low, high = one.value.low, one.value.high
        if kinds and low is not None and high is not None:
            start, end = (low, high) if "faster" in kinds else (high, low)
            one = replace(one, value=Tempo(start, one.value.unit, to=end))
        found.append(one)
    return found


def _find_loop(tokens: Tokens) -> Statement | None:
    """Return the statement that the end is to lead into the beginning: "a seamless loop", "make it loopable"."""
    said = (at for at, token in enumerate(tokens) if Kind.LOOP in token)
    at = next((at for at in said if Kind.NEGATION not in tokens[tokens.back(at, ("a", "be"))]), None)
    return None if at is None else Statement("loop", True, at, at + 1)


def _within(one: Statement, other: Statement | None) -> bool:
    return other is not None and other.first <= one.first < other.last


def _is_for_a_part(tokens: Tokens, player: Player) -> bool:
    """Whether "only" or "solo" tells when somebody plays, and not that nobody else does: "drums only at the end"."""
    return not {"only", "solo"}.isdisjoint((tokens.word(player.last - 1).split()[-1], tokens.word(player.last)))
