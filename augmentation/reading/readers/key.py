"""Reader of the key.

English prose is full of words that look like notes: the article "A", the pronoun "I", "E-guitar", "section B". So case
counts (a note is a capital, except beside "key" or before a mode), and so does what stands around it. A key is never a
chord list: "lush chords, D minor" states a key; only "chords: D minor" and lists of such names are chords.
"""

from __future__ import annotations

import re

from augmentation.reading.readers.statement import Statement
from augmentation.reading.tokens import Kind, Token, Tokens
from munet.music import Key

CHORDAL, ALTERNATIVE = 4, 9  # ranks: "an F minor chord progression"; the second key of "either X or Y"
_KEY_REACH = 50  # characters between "key" and the note
_FILLER = ("either", "the", "key", "of", "a", "song's", "in", ":", "=", "is", "keyscale", "scale")
_EITHER = ("of", "is", "in", "being", "either", "by", "to", ":", "=", ",", "(", "-", "the", "song", "with", "as")
_BARE_AFTER = ("at", "and", "with", "for", "on", "in", "or", "using", "featuring", "over", "that", "played", "tuning",
               "then", "to", "throughout", "starts", "starting", "begins", "beginning", "opens", "opening", "ends",
               "ending", "builds", "building", "goes", "going", "moves", "moving", "without", "where", "which", "but",
               "by", "from", "like", "has", "is")  # fmt: skip
_ARTICLE_AFTER = ("at", "and", "with", "in", "or", "scale", "tonality", "to", "throughout")
_LIST = ("of", "is", "are", ":", "=", "follows", "follow", "consists", "consisting", "in", "a", "through", "with",
         "includes",
         "including", "from", "features", "featuring", "uses", "using")  # fmt: skip
_FROM_TO, _MODULATION_REACH = ("from", "to", "into"), 6
_MODE_NOUNS, _INTO = ("mode", "scale", "modality"), ("in", "to", "into")  # "lydian mode", "in major"
_OTHER_KEY = ("or", "or,")
_SHORT = re.compile(r"[A-G][#b]?(?:m|M|-)?")
_SMALL_KEY = re.compile(r"([a-g][#b]?)(m|maj|min)?")


def find_keys(tokens: Tokens) -> list[Statement]:
    """Return the statements of the key.

    Ranks: 0 one named a key ("in the key of C minor", "Key is EM", "D# maj key", "key:Am"), 1 a note with its mode in
    words ("a song in E minor", "A#major", "D dorian"), 2 after "in" ("in Eb", "in F#m", "in C, 90 bpm"), 3 a short
    minor key alone ("85bpm Am lofi loop"), 4 a key that the text calls a chord, 9 another one after "or".
    """
    found: list[Statement] = []
    for index in range(len(tokens)):
        key = _candidate(tokens, index)
        rank = None if key is None else _rank(tokens, index)
        if key is None or rank is None:
            continue
        if found and rank < CHORDAL:
            before = found[-1]
            between = [tokens.word(i) for i in range(before.last, index)]
            if (
                between
                and "or" in between
                and len(between) <= 6
                and set(between) <= {",", "or", "in", "the", "key", "of", "a"}
            ):
                rank = ALTERNATIVE
            elif (
                rank == 0
                and before.rank == 0
                and not any(word.startswith("key") for word in between)
                and tokens[index + 1].get(Kind.NAME) != "key"
            ):
                continue  # "in the key of Bm, Em follows": the word names one key
        found.append(Statement("key", key, index, index + 1, rank))
    return _without_chords(tokens, found)


def find_modes(tokens: Tokens) -> list[Statement]:
    """Return the statements of a mode alone: "in a minor key", "chorus in major", "phrygian metal"."""
    found = []
    for index, token in enumerate(tokens):
        mode = token.get(Kind.MODE) or (
            token[Kind.KEY].mode if Kind.KEY in token and is_article(tokens, index) else None
        )
        if mode is None:
            continue
        named = tokens[index + 1].get(Kind.NAME) == "key" or tokens.word(index + 1) in _MODE_NOUNS
        within = tokens.word(tokens.back(index, ("a", "the"))) in _INTO and tokens.ends(index + 1)
        if named or within or (mode not in ("major", "minor") and Kind.MODE in token):
            found.append(Statement("mode", mode, index, index + 1 + named))
    return found


def _candidate(tokens: Tokens, index: int) -> Key | None:
    """Return the key that a token may name."""
    token = tokens[index]
    if Kind.KEY in token:
        return token[Kind.KEY]
    if Kind.CAMELOT in token:
        named = tokens[tokens.back(index, (":", "=", "is"))]
        near = named.get(Kind.NAME) == "key" or named.word == "camelot" or tokens.word(index + 1) == "camelot"
        return token[Kind.CAMELOT] if near or (tokens.ends(index - 1) and tokens.ends(index + 1)) else None
    if Kind.CHORD in token and _SHORT.fullmatch(token.text):
        chord = token[Kind.CHORD]
        return None if chord is None else Key(chord.root, "minor" if chord.quality == "m" else "major")
    if Kind.NOTE in token:
        return Key(token[Kind.NOTE], "major")
    match = _SMALL_KEY.fullmatch(token.get(Kind.SMALL, ""))
    if match is None:
        return None
    before = tokens.back(index, (":", "=", "is", "of"))
    named = tokens[before].get(Kind.NAME) == "key" and before < index - (tokens.word(index - 1) in ("of", "is"))
    beside = tokens[before].get(Kind.NAME) == "key" and (match[2] or named)
    if beside or (tokens.word(index - 1) == "in" and match[2]):
        if match[1] == "a" and not match[2] and not tokens.ends(index + 1):
            return None
        return Key(match[1][0].upper() + match[1][1:], "minor" if match[2] in ("m", "min") else "major")
    return None


def counted_in_bars(tokens: Tokens, index: int) -> bool:
    """Whether a symbol is a chord that lasts some bars or beats: "2 bars of Am", "Am for 2 bars", "F (1 bar)".

    So does one that is repeated: "F x2".
    """
    if Kind.REPEAT in tokens[index + 1] or tokens.word(index + 1) == "twice":
        return True
    before = _lasts(tokens, index - 2) and tokens.word(index - 1) == "of"
    behind = _lasts(tokens, index + 2) and tokens.word(index + 1) in ("for", "(")
    free = tokens.ends(index - 1) or Kind.LINK in tokens[index - 1] or tokens.word(index - 1) in ("play", "plays")
    return before or (behind and free)


def _lasts(tokens: Tokens, index: int) -> bool:
    if index < 0:
        return False
    one = tokens[index].get(Kind.UNIT) == "bar" and tokens.word(index - 1) == "a"  # "a bar of Am"
    return one or tokens[index].get(Kind.QUANTITY, (0, ""))[1] in ("bar", "beat")


def _has_mode(token: Token) -> bool:
    return Kind.KEY in token or Kind.CAMELOT in token


def _rank(tokens: Tokens, index: int) -> int | None:
    """Return how plainly this is a key; None if it is none."""
    token = tokens[index]
    mode = _has_mode(token)
    letter = not mode and token.text[-1:] in ("m", "M")
    long = len(token.text) > 1
    if is_article(tokens, index) or (not mode and counted_in_bars(tokens, index)):
        return None
    named = _named(tokens, index)
    chordal = tokens.chord_words[index]
    if named is not None and chordal is not None and chordal > named:
        named = None
    if named is not None:
        between = [tokens.word(i) for i in range(named + 1, index)]
        if mode or letter or not between or between[-1] in _EITHER:
            return 0
    chord_after = _chord_after(tokens, index)
    if _key_after(tokens, index) and (mode or letter or long) and not chord_after:
        return 0
    preposition = (
        tokens.word(tokens.back(index, ("the", "key", "of", "either"))) in ("in", "either", "to")
        or tokens.word(index - 1) == "on"
    )
    if mode and (chord_after or _of_chords(tokens, index, chordal)):
        return None if _in_a_run(tokens, index) else CHORDAL
    if mode:
        return 1
    if not chord_after and _modulated(tokens, index):
        return 2
    if not mode and tokens.word(index - 1) in ("on", "over") and _in_a_run(tokens, index):
        return None  # "a riff on Em G A"
    if preposition and not chord_after and tokens.word(index - 1) not in ("to",):
        return _after_in(tokens, index, letter or long, chordal)
    short = letter and Kind.CHORD in token and token.text[-1] == "m"
    apart = chordal is None or _apart(tokens, index, chordal)
    if Kind.NOTE in token and index and tokens.ends(index - 1) and tokens.ends(index + 1) and apart:
        return 3 if _stands_alone(tokens, index) and token.text != "A" else None  # "rock, 142 bpm, E, guitars"
    return 3 if short and apart and not chord_after and _stands_alone(tokens, index) else None


def _modulated(tokens: Tokens, index: int) -> bool:
    """Whether the key is one that "modulates from C to D" speaks of."""
    change = tokens.modulations[index]
    return change is not None and index - change <= _MODULATION_REACH and tokens.word(index - 1) in _FROM_TO


def _after_in(tokens: Tokens, index: int, plain: bool, chordal: int | None) -> int | None:
    """Rank a note after "in": "a song in Bm" is about a key, "the chord sequence is in Bm" about a chord."""
    if chordal is not None and index - chordal <= 4:
        if any(
            tokens.word(i) in ("is", "are", ":", "progresses", "moves", "follows") for i in range(chordal + 1, index)
        ):
            return None
        if _in_a_run(tokens, index):
            return None
        return CHORDAL
    ends = tokens.ends(index + 1) or tokens.word(index + 1) in _BARE_AFTER
    music = any(
        kind in tokens[index + 1] for kind in (Kind.NUMBER, Kind.QUANTITY, Kind.SIGNATURE, Kind.STYLE, Kind.PROGRESSION)
    )
    return 2 if plain or ends or music else None


def _of_chords(tokens: Tokens, index: int, chordal: int | None) -> bool:
    """Whether the note is said of chords: "a chord progression that centres on C minor"; not "dark chords, C minor"."""
    return chordal is not None and not any(Kind.PUNCT in tokens[at] for at in range(chordal + 1, index))


def is_article(tokens: Tokens, index: int) -> bool:
    """Whether "A minor", "a major" begins with the article: "A minor setback", but not "A minor, 90 bpm"."""
    token = tokens[index]
    if not token.text.lower().startswith("a ") or token.text[1:2] != " ":
        return False
    after = tokens[index + 1]
    ends = tokens.ends(index + 1) or after.word in _ARTICLE_AFTER
    if token.text[0] == "a":
        before = tokens[tokens.back(index, (":", "=", "is"))]
        beside = tokens.word(index - 1) in ("in", "of", ":") or before.get(Kind.NAME) == "key" or tokens.ends(index - 1)
        return not (beside and ends)
    if (
        not (index == 0 or tokens.stops(index - 1) or tokens.word(index - 1) in ('"', "("))
        or not token.text.split()[1].islower()
    ):
        return False
    musical = any(
        kind in after for kind in (Kind.NUMBER, Kind.QUANTITY, Kind.SIGNATURE, Kind.STYLE, Kind.INSTRUMENT, Kind.PACE)
    )
    return not (ends or musical)


def _named(tokens: Tokens, index: int) -> int | None:
    """Return the index of the word "key" before a note, in reach and in the same sentence."""
    at = tokens.key_words[index]
    if at is None or tokens[index].start - tokens[at].end > _KEY_REACH or _changes(tokens, at):
        return None
    return at


def _changes(tokens: Tokens, at: int) -> bool:
    """Whether the text speaks of a change of key: "the key changes to", "the key is transposed by"."""
    after = tokens.ahead(at, ("is", "then"))
    words = (
        "change",
        "changes",
        "changed",
        "transposed",
        "raised",
        "shift",
        "shifts",
        "jump",
        "jumps",
        "move",
        "moves",
    )
    return tokens.word(after) in words or Kind.CHANGE in tokens[after]


def _key_after(tokens: Tokens, index: int) -> bool:
    at = tokens.ahead(index, ("as", "is", "its", "the"))
    return tokens[at].get(Kind.NAME) == "key" and tokens[at].word.startswith("key")


def _chord_after(tokens: Tokens, index: int) -> bool:
    """Whether the text calls the note a chord: "the Am chord", "a C minor progression"."""
    at = index + 1 + (tokens.word(index + 1) == "-")
    heads = tokens.word(at + 1) in (":", "=", "are") or Kind.CHORD in tokens[at + 1] or tokens.word(at + 1) == "|"
    return tokens[at].get(Kind.NAME) == "chords" and tokens.word(at) not in ("harmony", "harmonies") and not heads


def _in_a_run(tokens: Tokens, index: int) -> bool:
    """Whether another chord stands next to this one in a list; a mode in words only lists with its like."""
    spoken = " " in tokens[index].text or "-" in tokens[index].text
    for step in (-1, 1):
        at = index + step
        while _parts(tokens, at) and not _ends_bars(tokens, at):
            at += step
        other = tokens[at]
        like = Kind.KEY in other or (Kind.CHORD in other and (not spoken or " " in other.text))
        if like and (at != index + step or not spoken):
            return True
    return False


def _parts(tokens: Tokens, at: int) -> bool:
    return tokens.word(at) in (",", "-", "|", "→", "/") or (Kind.LINK in tokens[at] and Kind.NAME not in tokens[at])


def _ends_bars(tokens: Tokens, at: int) -> bool:
    """Whether a list of bars ends here: "| Am | F |, 90 bpm"."""
    return ("|", ",") in ((tokens.word(at - 1), tokens.word(at)), (tokens.word(at), tokens.word(at + 1)))


def _apart(tokens: Tokens, index: int, chordal: int) -> bool:
    """Whether the chords of the sentence are over: another field, bars or the label of a list stand before."""
    field = any(kind in tokens[index - 2] for kind in (Kind.QUANTITY, Kind.SIGNATURE, Kind.STYLE))
    labels = (
        chordal == index - 2
        and tokens.word(index - 1) == ","
        and any(Kind.CHORD in tokens[at] for at in range(chordal - 3, chordal))
    )
    return tokens.word(index - 1) != "-" and (field or labels or _ends_bars(tokens, index - 1))


def _stands_alone(tokens: Tokens, index: int) -> bool:
    return not _in_a_run(tokens, index) and tokens.word(index - 1) not in (
        "to",
        "from",
        "and",
        "then",
        "i",
        "on",
        "like",
    )


def _without_chords(tokens: Tokens, found: list[Statement]) -> list[Statement]:
    """Leave out names with a mode that are a list of chords ("D minor, G major, C major"), or named one."""
    kept: list[Statement] = []
    for statement in found:
        index = statement.first
        if statement.rank != 1 or not _has_mode(tokens[index]):
            kept.append(statement)
            continue
        preposition = tokens.word(tokens.back(index, ("the", "key", "of", "either"))) == "in"
        chordal = tokens.chord_words[index]
        changes = tokens.modulations[index] is not None or tokens.key_words[index] is not None
        # "in C major then A minor": of two, the second follows the first; a third would make them chords
        second = bool(kept) and kept[-1].last == index - 1 and Kind.LINK not in tokens[index + 1] and chordal is None
        if not changes and _in_a_run(tokens, index) and not (second or (preposition and chordal is None)):
            continue
        linked = chordal is not None and all(tokens.word(at) in _LIST for at in range(chordal + 1, index))
        if linked and chordal is not None and tokens.word(index - 1) != "in" and index - chordal > 1:
            continue
        kept.append(statement)
    return kept
