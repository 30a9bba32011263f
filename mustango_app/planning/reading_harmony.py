"""Text readers for the harmony of a request: key and chords.

English prose is full of words that look like notes: the article "A", the pronoun "I", "E-guitar", "section B". So case
counts (a note is a capital, except right after "key"), and so does context, as each reader's docstring says. What a
symbol means is left to `munet.music`; here it is only found.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from munet.music import Chord, Key, PlanError
from munet.music.degrees import NUMERAL_PATTERN, degree_chord

_MODES = "major|minor|maj|min|ionian|dorian|phrygian|lydian|mixolydian|aeolian|locrian"
_MINOR_MODES = ("min", "dorian", "phrygian", "aeolian", "locrian")
_BEFORE = r"(?<![A-Za-z\d#/'&])"
_NOTE = r"[A-G](?:#|b(?![a-z])|b(?=maj|min|m\b|m\d|dim|aug|sus|add))?"

# "E flat", "C sharp minor"; the capital "A" may be an article ("A sharp sound") unless harmony follows.
_ACCIDENTAL = re.compile(
    r"\b(?:([B-G])|(A)(?=[ -](?:sharp|flat)(?:\s*[,.;:)]|\s*$| (?:maj|min|dim|aug|sev|dom))))[ -](sharp|flat)\b"
)

# --- keys
_KEY = re.compile(
    rf"{_BEFORE}(?<![A-Za-z]-)({_NOTE})(?:[ -]?((?i:{_MODES}))(?![a-z])|([Mm])(?![A-Za-z\d#/+])"
    r"|(?![A-Za-z\d#/'+°]|-(?!\s|$)))"
)
_SMALL_KEY = re.compile(
    rf"\b[Kk]ey(?: of| is|:| =)* ?([a-g][#b]?)[ -]?({_MODES}|m)\b|\b(?<=in )([b-g][#b]?) ({_MODES})\b(?! key)"
)
_KEY_BEFORE = re.compile(
    r"\b(?:[Kk]ey|KEY)s?\b(?!\s+(?:changes?|is transposed|is raised|shifts?|jumps?|moves?|is changed)\b)"
    r"([^.;!?\n\0]{0,50})$"
)
_KEY_AFTER = re.compile(r"\s*(?:(?:as|is) (?:its|the) )?key\b")
_EITHER = re.compile(r"^\s*[,(—\u2013-]\s*$|(?:\b(?:of|is|in|being|either|by|to)(?: the)?(?: song)?|[:=])\s*$")
_IN = re.compile(r"\b(?:in|either|based on)\s+(?:either\s+)?(?:the (?:key of )?)?$", re.IGNORECASE)
_CHORD_WORD = re.compile(r"\b(?:[Cc]hords?|[Pp]rogressions?|[Ss]equences?|[Hh]armon(?:y|ies)|[Cc]hanges)\b")
_BARE_ENDS = re.compile(
    r"\s*(?:[,.;:!?)|—\u2013]|$|-\s)|\s+(?:at|and|with|for|on|in|or|using|featuring|over|that|played|tuning)\b"
)
_CHORDAL = re.compile(r"[ -]?(?:chords?\b(?! (?:prog|seq))|seven|six|nin|\d)", re.IGNORECASE)
_ALTERNATIVE = 9  # rank of the second key of "either X or Y"
_CONTEXT = 300  # characters before a note that are looked at
_SENTENCE_START = re.compile(r"(?:^|[.!?\n]|[\"“(])\s*$")
_ARTICLE_ENDS = re.compile(r"\s*(?:[,.;:!?)|]|$)|\s+(?:at|and|with|in|or)\b")

# --- chords
_QUALITY = (
    r"(?:maj(?:or)?|min(?:or)?|dim|aug|sus|add|dom|[mM]|°|º|ø|Δ|△|\+(?!\s?\w)|no3|6/9|\d{1,2}|[#b-]\d{1,2}|"
    r"\((?:[#b]?\d{1,2}|add\d|maj7|sus\d?)\)){0,6}"
)
_SPOKEN = (
    r"[ -](?i:half[- ]diminished|diminished|augmented|dominant|major|minor|maj|min|suspended|sevenths?|7th)"
    r"(?:[ -](?i:seventh|seven|7th|7|sixth|six|6th|6|ninth|nine|9th|9)(?![\w#]))?"
)
_CHORD = re.compile(
    rf"{_BEFORE}(?:([A-G](?:#|b(?!\w)|b(?=[mMdsa°ø\d/(+]))?)(?:({_SPOKEN})(?![a-z])|({_QUALITY}(?:/{_NOTE})?)"
    r"(?![A-Za-z\d#'@+°]|-(?:[a-z]|[A-Z][a-z]{2})))|(N\.C\.|NC?)(?![\w#'-]))"
)
_SPOKEN_SYMBOLS = (
    (r"half[- ]diminished.*", "m7b5"), (r"diminished (?:seventh|seven|7th|7)", "dim7"), (r"diminished", "dim"),
    (r"augmented", "aug"), (r"dominant|suspended", ""), (r"major|maj", "maj"), (r"minor|min", "m"),
    (r"sevenths?|seven|7th", "7"), (r"sixth|six|6th", "6"), (r"ninth|nine|9th", "9"), (r"[ -]", ""),
)  # fmt: skip
_LINKS = (
    "and|to|then|next|back|followed|by|before|after|finally|returning|returns?|moving|moves|going|goes|into|resolving|"
    "resolves|on|onto|through|the|chords?|finishing|finishes|ending|ends|again|from|shifting|shifts|briefly|transitioning|"
    "smoothly|up|down|over|a|it|later|lastly|eventually|subsequently|changing|changes|leading|leads|progressing|"
    "progresses|with|repeating|concluding|concludes|(?:resolving|resolves) in|rounds off|rounding off"
)
_GAP = re.compile(rf"(?:[\s,|&\u2013—→>~;-])*(?:\b(?:{_LINKS})\b[\s,]*)*", re.IGNORECASE)
_LABEL_AFTER = re.compile(
    r"\s*(?:-\s*|(?:is|are) the (?:\w+ )?)?(?:chords?|(?:chord )?(?:progression|sequence|loop|vamp|changes|pattern))\b"
)
_LONGEST_FILLER = 90  # characters between "chords" and the first chord
_NUMERALS = re.compile(
    rf"(?<![\w/#'])(?:{NUMERAL_PATTERN})(?:(?:\s*[-\u2013—,|→]\s*|\s+)(?:{NUMERAL_PATTERN})(?![\w']))+"
)


@dataclass(frozen=True)
class _Found:
    """A piece of text read as a key or a chord. `rank` orders keys by how plainly they are one, best first."""

    start: int
    end: int
    value: Key | Chord
    rank: int = 0


def _normal(text: str) -> str:
    """Write accidentals as signs: "E flat" is "Eb", "C♯" is "C#"."""
    text = text.translate(str.maketrans({"♯": "#", "♭": "b", "\u2019": "'", "\u2212": "-"}))
    return _ACCIDENTAL.sub(lambda m: (m[1] or m[2]) + ("#" if m[3] == "sharp" else "b"), text)


def _left(text: str, end: int) -> str:
    return text[max(0, end - _CONTEXT) : end]


def _since_chord_word(left: str) -> str | None:
    """Return what follows the last "chord" or the like of the sentence; None if it has none."""
    sentence = re.split(r"[.;!?\n]", left)[-1]
    words = list(_CHORD_WORD.finditer(sentence))
    return sentence[words[-1].end() :] if words else None


def _as_key(note: str, mode: str | None) -> Key:
    mode = mode or ""
    minor = mode == "m" or mode.lower().startswith(_MINOR_MODES)
    return Key.parse(f"{note[0].upper()}{note[1:]} {'minor' if minor else 'major'}")


def _key_rank(match: re.Match[str], text: str) -> int | None:
    """Return how plainly this is a key: 0 named so, 1 a mode in words, 2 after "in"; None if it is none."""
    left, right = _left(text, match.start()), text[match.end() :]
    note, mode, letter = match.groups()
    article = note == "A" and mode is not None and mode.islower() and _SENTENCE_START.search(left)
    if article and not _ARTICLE_ENDS.match(right):
        return None
    named = _KEY_BEFORE.search(left)
    chordal = _since_chord_word(left)
    if named and chordal is not None and len(chordal) < len(named[1]):
        named = None
    if named and (mode or letter or _EITHER.search(named[1]) or not named[1].strip(" :=")):
        return 0
    if _KEY_AFTER.match(right) and (mode or letter or len(note) > 1) and not _CHORDAL.match(right):
        return 0
    preposition = _IN.search(left)
    if mode and not _CHORDAL.match(right) and (preposition or chordal is None):
        return 1
    # "a chord sequence in Bm" is about a chord, "a song in Bm" about a key.
    if preposition and not mode and not _close_to_chords(left) and not re.match(r"\s*chord", right):
        return 2 if letter or len(note) > 1 or _BARE_ENDS.match(right) else None
    return None


def _close_to_chords(left: str) -> bool:
    """Whether "chord" or the like stands at most three words before."""
    chordal = _since_chord_word(left)
    return chordal is not None and len(chordal.split()) <= 3


def _in_a_list(match: re.Match[str], matches: list[re.Match[str]], text: str) -> bool:
    """Whether only separators and linking words part this key from another one with its mode in words."""
    here = matches.index(match)
    near = matches[max(0, here - 1) : here + 2]
    return any(
        one[2] and two[2] and _GAP.fullmatch(text, one.end(), two.start()) for one, two in itertools.pairwise(near)
    )


def _find_keys(text: str) -> list[_Found]:
    """Find all keys in order of place; one after "or" ("either Am or C major") ranks last."""
    found: list[_Found] = []
    matches = list(_KEY.finditer(text))
    for match in matches:
        rank = _key_rank(match, text)
        left = _left(text, match.start())
        about_chords = _close_to_chords(left) or not _IN.search(left)
        if rank == 1 and about_chords and _in_a_list(match, matches, text):
            continue  # "D minor, G major, C major": chords in words
        if found and re.fullmatch(r",? or (?:the key of )?|, or ", text[found[-1].end : match.start()]):
            rank = _ALTERNATIVE
        elif rank == 0 and found and found[-1].rank == 0 and "key" not in text[found[-1].end : match.end() + 5].lower():
            rank = None  # "in the key of Bm, Em follows": the word names one key
        if rank is not None:
            found.append(_Found(match.start(), match.end(), _as_key(match[1], match[2] or match[3]), rank))
    for match in _SMALL_KEY.finditer(text):
        note, mode = (match[1], match[2]) if match[1] else (match[3], match[4])
        found.append(_Found(match.start(), match.end(), _as_key(note, mode), 0))
    return found


def read_key(text: str) -> Key | None:
    """Read the stated key.

    In this order: one named a key ("in the key of C minor", "Key is EM", "D# maj key", "key: f# minor"), a note with
    its mode in words ("a song in E minor", "A#major"; church modes count as major or minor by their third), a note
    after "in" ("in Eb", "in F#m", "in C, 90 bpm"). Of "either X or Y" the first. Notes are capitals, except beside
    "key" or in "in e minor". A sentence that begins "A minor ..." or "A major ..." begins with the article, unless it
    ends there ("A minor, 90 bpm"). "Chords: E minor, A minor" and "the Am chord" are chords.
    """
    found = _find_keys(_normal(text))
    best = min(found, key=lambda key: (key.rank, key.start), default=None)
    return best.value if best and isinstance(best.value, Key) else None


def _as_chord(match: re.Match[str]) -> Chord | None:
    root, spoken, suffix, none = match.groups()
    if none:
        return Chord.none()
    symbol = suffix or ""
    if spoken:
        symbol = spoken.strip(" -").lower()
        for pattern, replacement in _SPOKEN_SYMBOLS:
            symbol = re.sub(pattern, replacement, symbol)
    try:
        return Chord.parse(root + symbol)
    except PlanError:
        return None


def _find_chords(text: str) -> list[_Found]:
    found = []
    for match in _CHORD.finditer(text):
        chord = _as_chord(match)
        bare_a = match[0] == "A"
        article = (
            bare_a and _SENTENCE_START.search(_left(text, match.start())) and re.match(r" [a-z]", text[match.end() :])
        )
        if chord is not None and not article:
            found.append(_Found(match.start(), match.end(), chord))
    return found


def _runs(chords: list[_Found], text: str) -> list[list[_Found]]:
    """Group chords that only separators and linking words ("then", "followed by") part."""
    runs: list[list[_Found]] = []
    for chord in chords:
        if runs and _GAP.fullmatch(text, runs[-1][-1].end, chord.start):
            runs[-1].append(chord)
        else:
            runs.append([chord])
    for run in runs:
        bare_a = text[run[0].start : run[0].end] == "A" and _SENTENCE_START.search(_left(text, run[0].start))
        if bare_a and len(run) == 2 and run[1].start == run[0].end + 1 and _LABEL_AFTER.match(text, run[1].end):
            del run[0]  # "A B7 chord progression": the article
    return [run for run in runs if not all(chord.value.is_none for chord in run if isinstance(chord.value, Chord))]


def _labelled(run: list[_Found], text: str) -> bool:
    """Whether the text calls the run chords, a progression or a sequence, before or right after it."""
    filler = _since_chord_word(_left(text, run[0].start))
    if filler is not None and len(filler) <= _LONGEST_FILLER and ("\0" not in filler or len(run) > 1):
        return True
    lone_article = len(run) == 1 and text[run[0].start : run[0].end] == "A"
    return bool(_LABEL_AFTER.match(text, run[-1].end)) and not lone_article


def _plainly_chords(run: list[_Found], text: str) -> bool:
    """Whether an unnamed run is chords: two or more; three if bare letters, and not those of "sections A, B, A"."""
    symbols = [text[chord.start : chord.end] for chord in run]
    if any(len(symbol) > 1 and symbol not in ("NC", "N.C.") for symbol in symbols):
        return len(run) >= 2
    section = re.search(r"(?i)\b(?:sections?|parts?|forms?|sides?|vitamins?)\W*$", _left(text, run[0].start))
    return len(run) >= 3 and not section


def read_chords(text: str, key: Key | None = None) -> tuple[str, ...] | None:
    """Read the stated chords, in order, as canonical symbols.

    Named ones first: any number of symbols after or right before "chord(s)", "progression", "sequence", "harmony" in
    one sentence, parted by commas, dashes, bars, "and", "to", "then"; chords in words ("E minor", "A minor 7th") too.
    Without such a name at least two ("Am, F, C, G", "goes from Am to G"), three if all are bare letters. The longest
    run counts, then the first. What reads as the key is no chord, nor is "A" that starts a sentence, nor "E-guitar".
    Degrees ("i-VI-III-VII", "ii7 V7 I") are resolved in `key`, else in the key the text states, else in C major, or in
    A minor if the first is minor's i; they take three, or two and a name.
    """
    text = _normal(text)
    masked = text
    for found in _find_keys(text):
        masked = masked[: found.start] + "\0" * (found.end - found.start) + masked[found.end :]
    runs = _runs(_find_chords(masked), masked)
    named = [run for run in runs if _labelled(run, masked)]
    plain = [run for run in runs if _plainly_chords(run, masked)]
    chosen = max(named or plain, key=len, default=None)
    if chosen is not None:
        return tuple(str(chord.value) for chord in chosen)
    return _read_degrees(text, key or read_key(text))


def _read_degrees(text: str, key: Key | None) -> tuple[str, ...] | None:
    for match in _NUMERALS.finditer(text):
        numerals = re.findall(NUMERAL_PATTERN, match[0])
        named = _labelled([_Found(match.start(), match.end(), Chord.none())], text)
        if len(numerals) >= 3 or named:
            first_is_minor = re.match(r"i(?![iv])", numerals[0])
            home = key or Key.parse("A minor" if first_is_minor else "C major")
            return tuple(str(degree_chord(numeral, home)) for numeral in numerals)
    return None
