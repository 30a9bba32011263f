"""Reader of the chords: finds lists of them in a text; what a list means is left to `munet.music.notation`.

A list is taken whole or refused by the name of the symbol that is not understood.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from augmentation.reading.readers.key import counted_in_bars, is_article
from augmentation.reading.readers.rounds import gone_round
from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Tokens

_GAP_SIGNS = (",", "|", "&", "-", "→", ">", "~", ";", "%", "||", "\u2192", "/", "(", ")", ":")
_LONGEST_FILLER = 90  # characters between "chords" and the first chord
_AFTER_LABEL = (":", "is", "are", "=", "of", "being", "as", "follows", ",", "-", "(", "|")
_SECTIONS = ("section", "sections", "part", "parts", "form", "forms", "side", "sides", "vitamin", "vitamins")
_NASHVILLE = re.compile(r"[b#]?[1-7](?:m|maj7|7|m7|dim|sus[24]|-)?")
_OF = ("of", "each")
_FOR = ("for", "(")
_EACH = ("each", "apiece")
_FIRST = ("start", "starts", "starting", "begins", "begin", "beginning", "opens", "opening")
_LAST = ("ends", "end", "ending", "finishes", "finish", "final", "last", "closing", "closes", "resolves", "resolving")
_TO_THE_LAST = ("a", "an", "the", "on", "with", "to", "chord", "is", ":", "=", "being")
_BESIDE_BARS = ("of", "for", *_EACH)
_MOST = 64  # bars or beats of a group of chords
METER = 4  # beats of a bar where a text says nothing else
PROGRESSION = 4  # rank of a named progression


def find_chords(tokens: Tokens, taken: Collection[int], meter: int = METER) -> list[Statement]:
    """Return the statements of chords, as a line for `read_chord_line`; `taken` are the tokens that are keys,
    `meter` the beats of a bar.

    Ranks: 0 named (any number of symbols after or right before "chord(s)", "progression", "harmony" in one sentence),
    1 at least two symbols without a name, three if all are bare letters, 2 degrees ("ii7 V7 I"), 3 numbers
    ("1-5-6-4"), 4 named progressions ("12 bar blues"). Of equals the longest comes first, then the first.
    """
    runs = _runs(tokens, taken)
    named = [run for run in runs if _labelled(tokens, run, taken)]
    plain = [run for run in runs if _plainly_chords(tokens, run)]
    chosen = sorted(named, key=len, reverse=True) + sorted(
        (run for run in plain if run not in named), key=len, reverse=True
    )
    capo = _capo(tokens)
    found = [_statement(tokens, run, capo, 0 if run in named else 1, meter) for run in chosen]
    found = [*found, *_degrees(tokens, bool(taken)), *_progressions(tokens)]
    return [gone_round(tokens, one) for one in found]


def _statement(tokens: Tokens, run: Sequence[int], capo: int, rank: int, meter: int) -> Statement:
    first, last, groups = _groups(tokens, run, meter)
    line = _in_bars(tokens, groups, meter) if groups else _line(tokens, run)
    return Statement("chords", f"capo {capo} {line}" if capo else line, first, last, rank)


Group = tuple[list[int], int]  # tokens of chords, and the beats that they are said to last


def bars_of(tokens: Tokens, statement: Statement) -> int | None:
    """Return the bars that a list of chords is said to last, group by group ("4 bars of Am F then 2 bars of G");
    None of a list that says none, or says only how long each chord or beat of it is."""
    span = range(statement.first, statement.last)
    units = {tokens[at][Kind.QUANTITY][1] for at in span if Kind.QUANTITY in tokens[at]}
    if units != {"bar"} or statement.rank >= 2 or tokens.word(statement.last - 1) in _EACH:
        return None
    return statement.value.count("|") - 1


def _beats(tokens: Tokens, index: int, meter: int) -> int | None:
    """Return the beats of "4 bars", "2 beats", "a bar", "half a bar"."""
    number, unit = tokens[index].get(Kind.QUANTITY, (0.0, ""))
    if index > 0 and tokens[index].get(Kind.UNIT) == "bar" and tokens.word(index - 1) == "a":
        half = tokens.word(index - 2) == "half"
        return None if half and meter % 2 else meter // 2 if half else meter
    if index < 0 or unit not in ("bar", "beat") or number != int(number) or not 1 <= number <= _MOST:
        return None
    return int(number) * (meter if unit == "bar" else 1)


def _groups(tokens: Tokens, run: Sequence[int], meter: int) -> tuple[int, int, list[Group]]:
    """Return the span of a run with the lengths that belong to it, and its groups of chords with their beats.

    The lengths stand before their chords ("4 bars of Am F then 4 bars of Dm E"), behind them ("Am for 2 bars, F for 2
    bars", "Am (2 bars) F (1 bar)"), or once for each chord ("Am F, 2 beats each"). There are no groups where a length
    is lacking, nor where the one length that is said gives each chord a bar or more: it is that of the clip.
    """
    first, last = run[0], run[-1] + 1
    before, behind = tokens.back(first, _OF), tokens.ahead(last - 1, (*_FOR, ","))
    leads = _beats(tokens, before, meter) is not None and tokens.word(before + 1) == "of"
    if not leads and (each := _beats(tokens, behind, meter)) and tokens.word(behind + 1) in _EACH:
        return first, behind + 2, [([at], each) for at in run]
    if leads:
        first = before
    elif _beats(tokens, behind, meter) is not None and tokens.word(behind - 1) in _FOR:
        last = behind + 1 + (tokens.word(behind + 1) == ")")
    groups: list[Group] = []
    chords, length, bound = set(run), None, []
    for at in range(first, last):
        beats = _beats(tokens, at, meter)
        if at in chords:
            bound.append(at)
        if beats is None:
            continue
        if bound and (length if leads else beats) is not None:
            groups.append((bound, length if leads else beats))
            bound = []
        length = beats
    if bound and leads and length is not None:
        groups.append((bound, length))
        bound = []
    if bound or not groups or (len(groups) == 1 and len(groups[0][0]) * meter <= groups[0][1]):
        return run[0], run[-1] + 1, []
    return first, last, groups


def _in_bars(tokens: Tokens, groups: Sequence[Group], meter: int) -> str:
    """Write groups of chords as bars: each goes round, a bar a chord, until its beats are full, or shares them where
    it has more chords than bars."""
    beats: list[str] = []
    for chords, count in groups:
        symbols = [_symbol_of(tokens, at) for at in chords]
        round_ = len(symbols) * meter <= count
        beats += [symbols[at // meter % len(symbols) if round_ else at * len(symbols) // count] for at in range(count)]
    beats += [beats[-1]] * (-len(beats) % meter)
    bars = [beats[at : at + meter] for at in range(0, len(beats), meter)]
    return f"| {' | '.join(bar[0] if len(set(bar)) == 1 else ' '.join(bar) for bar in bars)} |"


def _symbol_of(tokens: Tokens, index: int) -> str:
    chord = tokens[index].get(Kind.CHORD)
    spoken = chord is not None and (" " in tokens[index].text or Kind.KEY in tokens[index])
    return str(chord) if spoken else tokens[index].text


def _line(tokens: Tokens, run: Sequence[int]) -> str:
    """Write a run as a line of notation: symbols, bar lines, repeats; words between them left out."""
    first, last = run[0], run[-1]
    while tokens.word(first - 1) == "|" or (tokens.word(first - 2), tokens.word(first - 1)) == ("|", ":"):
        first -= 1
    while Kind.REPEAT in tokens[last + 1] or tokens.word(last + 1) in ("|", "%") or _closes(tokens, last + 1):
        last += 1
    repeats = any(Kind.REPEAT in tokens[at] for at in range(first, last + 1))
    chords, parts = set(run), []
    for at in range(first, last + 1):
        token = tokens[at]
        if at in chords:
            parts.append(_symbol_of(tokens, at))
        elif token.text in ("|", "%") or Kind.REPEAT in token or (repeats and token.text in (",", "(", ")")):
            parts.append(token.text)
        elif _closes(tokens, at) or (token.text == ":" and tokens.word(at - 1) == "|"):
            parts.append(":")
    return " ".join(parts).replace("| :", "|:").replace(": |", ":|")


def _closes(tokens: Tokens, at: int) -> bool:
    return (tokens.word(at), tokens.word(at + 1)) == (":", "|")


def _runs(tokens: Tokens, taken: Collection[int]) -> list[list[int]]:
    """Group chords that only separators and linking words ("then", "followed by") part."""
    runs: list[list[int]] = []
    free = False  # whether only gaps stand between here and the last chord
    for index, token in enumerate(tokens):
        is_chord = Kind.CHORD in token and index not in taken and not _article(tokens, index)
        is_chord = is_chord and not _is_last(tokens, index)
        if not is_chord and Kind.SMALL in token and index not in taken:
            is_chord = _small_fits(tokens, index, runs[-1] if runs and free else None)
        if is_chord or (runs and free and _odd_one(tokens, index)):
            if runs and free:
                runs[-1].append(index)
            else:
                runs.append([index])
            free = True
        elif token.text == "," and tokens.word(index - 1) == "|":
            free = False  # a list of bars ends: "| Am | F |, Em, 90 bpm"
        elif free and not (token.text in _GAP_SIGNS or Kind.LINK in token or Kind.REPEAT in token):
            free = _is_length(tokens, index)
    for run in runs:
        bare_a = tokens[run[0]].text == "A" and _starts(tokens, run[0])
        if bare_a and len(run) == 2 and run[1] == run[0] + 1 and _label_after(tokens, run[1]):
            del run[0]  # "A B7 chord progression": the article
    return [run for run in runs if any(not _none(tokens, index) for index in run)]


def find_last_chord(tokens: Tokens) -> Statement | None:
    """Return the statement of the chord that a piece ends on: "ends on a G7 chord", "final chord Cmaj7"."""
    at = next((at for at in range(len(tokens)) if Kind.CHORD in tokens[at] and _is_last(tokens, at)), None)
    return None if at is None else Statement("chords", _symbol_of(tokens, at), at, at + 1)


def _is_last(tokens: Tokens, index: int) -> bool:
    """Whether a chord is said to be the last one; no key ("ends in A major"), and not the last one of a list that goes
    on ("moves from Am to F and finishes with G")."""
    said = tokens.back(index, _TO_THE_LAST)
    if (
        tokens.word(said) not in _LAST
        or (tokens.word(said - 1) in ("and", "then") and not _began_on(tokens, said))
        or tokens.word(index - 1) == "in"
        or tokens.plays(index)
    ):
        return False
    named = any(tokens.word(at) == "chord" for at in (*range(said, index), index + 1))
    return named or tokens.word(said + 1) in ("on", "with")


def _began_on(tokens: Tokens, index: int) -> bool:
    """Whether a sentence says before a token on which chord the piece begins: "starts on C and ends on F"."""
    said = (at for at in range(tokens.sentences[index], index) if tokens.word(at) in _FIRST)
    return any(tokens.word(at + 1) in ("on", "with") and Kind.CHORD in tokens[at + 2] for at in said)


def _is_length(tokens: Tokens, index: int) -> bool:
    """Whether a token is part of "2 bars of", "for 4 beats", "1 bar each"."""
    beside = tokens.word(index) in _BESIDE_BARS
    half = tokens.word(index) == "half"  # "half a bar of"
    near = (index - 1, index + 1) if beside else (index + 2,) if half else (index,)
    return any(_beats(tokens, at, METER) is not None for at in near)


def _odd_one(tokens: Tokens, index: int) -> bool:
    """Whether a word stands where a chord should, so that the list is refused by its name, not cut: "Dm7, Gfoo, C"."""
    token = tokens[index]
    only_word = set(token.readings) == {Kind.WORD} and token.text[0] in "ABCDEFGH"
    joint = tokens.word(index - 1)
    between = joint in (",", "|", "-") and tokens.word(index + 1) == joint and Kind.CHORD in tokens[index + 2]
    return only_word and between and tokens.chord_words[index] is not None


def _none(tokens: Tokens, index: int) -> bool:
    chord = tokens[index].get(Kind.CHORD)
    return chord is not None and chord.is_none


def _starts(tokens: Tokens, index: int) -> bool:
    return index == 0 or tokens.stops(index - 1) or tokens.word(index - 1) in ('"', "(", "\u201c")


def _article(tokens: Tokens, index: int) -> bool:
    """Whether a bare "A" starts a sentence before a small word."""
    if Kind.KEY in tokens[index] and is_article(tokens, index):
        return True  # "a major chord progression"
    after = tokens[index + 1]
    article = tokens[index].text == "A" and _starts(tokens, index) and after.text[:1].islower()
    return article and not counted_in_bars(tokens, index)


def _small_fits(tokens: Tokens, index: int, run: Sequence[int] | None) -> bool:
    """Whether a chord written small belongs to a list: right after "chords:", or between chords and signs."""
    after = tokens[index + 1]
    followed = (
        tokens.ends(index + 1)
        or Kind.CHORD in after
        or Kind.SMALL in after
        or after.text in _GAP_SIGNS
        or Kind.REPEAT in after
    )
    if not followed or (tokens[index].text == "a" and Kind.CHORD in after):  # the article
        return False
    if run is not None:
        return tokens.word(index - 1) in _GAP_SIGNS or index - 1 in run
    named = tokens.back(index, _AFTER_LABEL)
    return tokens[named].get(Kind.NAME) == "chords" and tokens.word(named) != "harmony" and (
        Kind.SMALL in after or Kind.CHORD in after or after.text in (",", "-", "|", "%") or Kind.REPEAT in after
        or len(tokens[index].text) > 1)  # fmt: skip


def _label_after(tokens: Tokens, last: int) -> bool:
    at = tokens.ahead(last, ("-", "is", "are", "the", ")"))
    if tokens.word(at - 1) == "the" and Kind.NAME not in tokens[at]:
        at += 1  # "is the chosen chord sequence"
    return tokens[at].get(Kind.NAME) == "chords" and tokens.word(at) not in ("harmony", "harmonies", "changes")


def _labelled(tokens: Tokens, run: Sequence[int], taken: Collection[int]) -> bool:
    """Whether the text calls the run chords, a progression or a sequence, before or right after it."""
    lone = len(run) == 1 and tokens[run[0]].text == "A"
    label = tokens.chord_words[run[0]]
    if label is not None:
        filler = tokens.text[tokens[label].end : tokens[run[0]].start]
        through_key = any(at in taken for at in range(label, run[0]))
        if len(filler) <= _LONGEST_FILLER and (not through_key or len(run) > 1) and not (lone and len(filler) > 4):
            return True
    return _label_after(tokens, run[-1]) and not lone


def _plainly_chords(tokens: Tokens, run: Sequence[int]) -> bool:
    """Whether an unnamed run is chords: two or more; three if bare letters, and not those of "sections A, B, A"."""
    counted = any(counted_in_bars(tokens, index) for index in run)
    if counted or any(len(tokens[index].text) > 1 and not _none(tokens, index) for index in run):
        return len(run) >= 2 or _is_vamp(tokens, run[0])
    return len(run) >= 3 and tokens.word(tokens.back(run[0], (":", "=", ","))) not in _SECTIONS and _rooted(tokens, run)


def _is_vamp(tokens: Tokens, index: int) -> bool:
    """Whether one chord that no key can be stands alone: "funk, E7#9", "a jam on Dm7"."""
    chord, before = tokens[index].get(Kind.CHORD), tokens.word(index - 1)
    rich = chord is not None and not chord.is_none and chord.quality not in ("", "m") and chord.bass is None
    spoken = " " in tokens[index].text or Kind.KEY in tokens[index]
    return rich and not spoken and tokens.ends(index + 1) and (tokens.ends(index - 1) or before in ("on", "over"))


def _rooted(tokens: Tokens, run: Sequence[int]) -> bool:
    """Whether bare letters are set apart as a list, not the sounds of "A B C"."""
    return [tokens[index].text for index in run] != ["A", "B", "C"]


def _capo(tokens: Tokens) -> int:
    """Return the fret of "capo 2", "capo on the 3rd fret"."""
    for index, token in enumerate(tokens):
        if token.get(Kind.NAME) == "capo":
            at = tokens.ahead(index, ("on", "at", "the", ":", "=", "fret"))
            number = tokens[at].get(
                Kind.NUMBER, tokens[at].get(Kind.QUANTITY, (0.0,))[0] if Kind.QUANTITY in tokens[at] else 0.0
            )
            return int(number) if 0 < number < 12 else 0
    return 0


def _degrees(tokens: Tokens, keyed: bool) -> list[Statement]:
    """Find runs of numerals ("i-VI-III-VII", "ii7 V7 I") and of numbers that are called chords ("1-5-6-4"), or stand
    with hyphens beside a key ("1-4-5 in A")."""
    found: list[Statement] = []
    for rank, fits in ((2, _is_numeral), (3, _is_number)):
        index = 0
        while index < len(tokens):
            run = _degree_run(tokens, index, fits)
            if run:
                named = _label_after(tokens, run[-1]) or tokens.chord_words[run[0]] is not None
                joined = keyed and all(tokens.word(at + 1) == "-" for at in run[:-1])
                enough = len(run) >= 3 and (rank == 2 or named or joined)
                if enough or (rank == 2 and len(run) >= 2 and named):
                    line = " ".join(tokens[at].text if rank == 2 else tokens[at].text.replace(" ", "") for at in run)
                    found.append(Statement("chords", line, run[0], run[-1] + 1, rank))
            index = run[-1] + 1 if run else index + 1
    return found


def _degree_run(tokens: Tokens, index: int, fits: object) -> list[int]:
    run: list[int] = []
    while fits(tokens, index):  # type: ignore[operator]
        run.append(index)
        index += 1
        if tokens.word(index) in ("-", ",", "|", "→", ">") and fits(tokens, index + 1):  # type: ignore[operator]
            index += 1
    return run


def _is_numeral(tokens: Tokens, index: int) -> bool:
    return Kind.NUMERAL in tokens[index]


def _is_number(tokens: Tokens, index: int) -> bool:
    token = tokens[index]
    return (Kind.NUMBER in token or Kind.QUANTITY in token) and _NASHVILLE.fullmatch(token.text) is not None


def _progressions(tokens: Tokens) -> list[Statement]:
    return [
        Statement("chords", "| " + token[Kind.PROGRESSION].replace(" ", " | ") + " |", index, index + 1, PROGRESSION)
        for index, token in enumerate(tokens)
        if Kind.PROGRESSION in token
    ]
