"""A request in another language, said in English: what the lexer and the text encoder read.

No grammar: facts and the words of the composer's vocabulary are replaced one by one, in their order, and what is not
known is left out and named. That is enough, since the English reader goes by words, not by grammar.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile

from augmentation.captions.words import GROUP_NOUNS, INSTRUMENT_NOUNS, MOOD_WORDS
from augmentation.compose.styles import style_words
from augmentation.reading.vocabulary import trie
from munet.music import TEMPO_WORDS
from mustango_app.planning.language import Language, Phrase, fold, languages

ENGLISH = "en"
UNKNOWN = "unknown"
# Besides function words, those that another language spells alike.
_FUNCTION_WORDS = (
    "a an the of and with in at for to is are it its on no not without only some by from like this that very about "
    "key major minor beats per minute bpm bars seconds minutes time chords chord song music piece loop track style i "
    "want make create please something between around then into over under both either or but as be should must can "
    "has have sung voice vocals solo duo trio intro outro coda finale final lento larghetto allegretto andantino "
    "lofi hiphop edm rap trap beat drums drum bass guitar melody rhythm energetic die war man was tempo am em dm gm "
    "bm fm cm hat will still refrain so wild jovial chant introduction ambiance core non come delicate do tom par "
    "con moto ma troppo molto poco espressivo cantabile dolce maestoso brio agitato grazioso sostenuto giocoso mesto "
    "lamentoso tranquillo scherzando fuoco assai mosso ritardando rallentando accelerando crescendo diminuendo legato "
    "staccato tremolo vibrato glissando ostinato chorale toccata partita style "
    "mezzo forte mezzoforte fortissimo pianissimo sotto voce "
    "march due sole sale male note case tone tones main pad pads alto soprano tenor radio opera quiet "
    "bridge plus wilder rocker basses glockenspiel each"
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_KANA, _HAN = re.compile(r"[\u3040-\u30ff]"), re.compile(r"[\u3400-\u9fff]")
# Letters of other scripts, with what stands between them.
_STRANGE = r"(?:(?![\u0000-\u024f\u1e00-\u1eff\u2000-\u2bff\u3000-\u303f\uff00-\uff65])\w)"
_UNREADABLE = re.compile(rf"{_STRANGE}+(?:[\s,.-]{{1,3}}{_STRANGE}+)*")
_CHORD = re.compile(r"[A-H](?:#|b|♯|♭|is|es)?(?:maj|min|dim|sus|aug|add|alt|m|M|°|ø|\+|-|[#b]?\d+)*(?:/[A-H](?:#|b)?)?")
_RUN = re.compile(r"[^\s,.;:!?、。\uff0c\uff1b\uff1a\uff01\uff1f()\uff08\uff09「」\u3040-\u30ff\u3400-\u9fff]+")
_NUMERIC = re.compile(r"\d+(?:[.,/:x]\d+)*(?:\s?(?:bpm|hz|s)\b)?", re.IGNORECASE)
_PLAIN_WORD, _JOINTS = re.compile(r"[^\W\d_]+"), re.compile(r"[ '\u2019-]+")
_NEXT_WORD = re.compile(r"[ '\u2019-]([^\W\d_]+)")
_SIGNS = str.maketrans("、。\uff0c\uff1b\uff1a\uff01\uff1f\uff08\uff09「」『』《》・\uff5e", ',.,;:!?()"""""",~')
_NEIGHBOUR = 12  # characters within which a chord's neighbour begins and ends
_LONGEST_COMPOUND = 30  # characters
_LONGEST = 2000  # characters, as a request may have
_JOINABLE = ("melody", "rhythm")  # general words that compounds begin with
_BEHIND = ("@no", "@only")  # said of the instruments before it
_THERE = ("@only", "@first")  # said of the section before it
_JOINING = ("and", "or", ",", "of")


@dataclass(frozen=True)
class Translation:
    """A request in English.

    Args:
        english: the sentence.
        language: code of the language that it was written in; "unknown" where it is none of ours.
        unread: what could not be read, as it stands.
    """

    english: str
    language: str
    unread: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The language in English words."""
        return next((one.name for one in languages() if one.code == self.language), "English")


@dataclass(frozen=True)
class _Piece:
    """A piece of English, and the group that it comes from."""

    english: str
    group: str = ""


@lru_cache(maxsize=64)
def to_english(text: str) -> Translation:
    """Say a request in English; one that is English, or of which nothing can be read, comes back as it is."""
    plain = unicodedata.normalize("NFC", text)
    language = detect(plain)
    if language is None:
        foreign = tuple(_foreign(plain))
        return Translation(text, UNKNOWN if foreign else ENGLISH, foreign)
    if not language.spaced:
        plain = unicodedata.normalize("NFKC", plain)
    plain = plain.translate(_SIGNS)
    if not language.spaced:
        plain = plain.replace(",", ", ")  # no decimal comma there
    pieces, unread = _Reader(plain, language).read()
    return Translation(_joined(_put_before(_within(pieces)))[:_LONGEST] or text, language.code, tuple(unread))


def detect(text: str) -> Language | None:
    """Return the language of a text; None for English, and for what is none of ours.

    Kana is Japanese, Han characters without kana are Chinese. Among languages in Latin letters the one whose words are
    most, if they are more than those that are English and not its own.
    """
    by_code = {language.code: language for language in languages()}
    if _KANA.search(text):
        return by_code.get("ja")
    if _HAN.search(text):
        return by_code.get("zh")
    words = [match[0] for match in _WORD.finditer(text) if not _CHORD.fullmatch(match[0])]
    parts = [part for word in words for part in re.split(r"['\u2019-]", fold(word))]
    strange = [part for part in parts if len(part) > 1 and not _is_english(part)]
    if not strange:
        return None
    best, most = None, 0.0
    for language in languages():
        telling = sum(language.code in _owners(part) for part in strange)
        if telling == 0:
            continue
        telling += 2 * sum(match["note"] in language.keys.notes for match in _named_keys(text, language))
        own = sum(language.code in _owners(part) for part in parts)
        known = (part for part in parts if _is_english(part) or part in trie().next)  # as the English reader does
        foreign = sum(language.code not in _owners(part) for part in known)
        score = telling + 0.1 * own - foreign
        if score > most:
            best, most = language, score
    return best


def _named_keys(text: str, language: Language) -> list[re.Match[str]]:
    return [match for match in language.keys.pattern.finditer(fold(text)) if match["note"]]


def _is_english(word: str) -> bool:
    return word in english_words() or (word.endswith("s") and word[:-1] in english_words())


@lru_cache(maxsize=20_000)
def _owners(word: str) -> frozenset[str]:
    """Return the codes of the languages in Latin letters that a folded word may be of."""
    spaced = (language for language in languages() if language.spaced)
    return frozenset(one.code for one in spaced if word in one.signs or _lookup(word, one))


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """Return words that an English request may hold: function words, and those of the composer's vocabulary."""
    phrases = [*style_words(), *INSTRUMENT_NOUNS, *GROUP_NOUNS, *MOOD_WORDS, *TEMPO_WORDS]
    phrases += [noun for table in (INSTRUMENT_NOUNS, MOOD_WORDS) for nouns in table.values() for noun in nouns]
    return frozenset(_FUNCTION_WORDS.split()) | {
        word for phrase in phrases for word in re.split(r"[\s-]+", phrase.lower())
    }


def _foreign(text: str) -> list[str]:
    """Return the stretches of a text in scripts that nothing here reads."""
    return [run.strip() for run in _UNREADABLE.findall(text)]


def _lookup(word: str, language: Language) -> Phrase | None:
    """Return what a folded word or phrase says, other endings tried."""
    found = language.phrases.get(word)
    if found is not None or not language.spaced:
        return found
    *before, last = word.split(" ")
    for ending, instead in language.endings:
        if last.endswith(ending) and len(last) - len(ending) >= 3:
            found = language.phrases.get(" ".join([*before, last[: len(last) - len(ending)] + instead]))
            if found is not None and found.group != "words":
                return found
    return None


class _Reader:
    """Reads a text from left to right."""

    def __init__(self, text: str, language: Language) -> None:
        self.text, self.language, self.folded = text, language, fold(text)
        self.pieces: list[_Piece] = []
        self.unread: list[str] = []
        self.facts = self._facts()

    def read(self) -> tuple[list[_Piece], list[str]]:
        """Return the English pieces and what could not be read."""
        at, lost = 0, None
        while at < len(self.text):
            if self.text[at].isspace():
                at += 1
                continue
            readers = (self._fact, self._sign, self._word)
            if not self.language.spaced:  # "Aメロ" is one word, and begins like a chord
                readers = (self._fact, self._characters, self._sign)
            end = next(filter(None, (reader(at) for reader in readers)), None)
            if end:
                if lost is not None:
                    self._lose(lost, at)
                    lost = None
                at = end
            else:
                lost = at if lost is None else lost
                at = self._past_unknown(at)
        if lost is not None:
            self._lose(lost, len(self.text))
        return self.pieces, self.unread

    def _lose(self, start: int, end: int) -> None:
        span = self.text[start:end].strip()
        if span and any(character.isalnum() for character in span):
            self.unread.append(span)

    def _past_unknown(self, at: int) -> int:
        match = _PLAIN_WORD.match(self.text, at) if self.language.spaced else None
        return match.end() if match else at + 1

    def _starts(self, at: int) -> bool:
        return not self.language.spaced or at == 0 or not (self.text[at - 1].isalnum() and self.text[at].isalnum())

    def _facts(self) -> dict[int, tuple[int, str]]:
        """Return keys and what is said with numbers: start -> (end, English)."""
        found: dict[int, tuple[int, str]] = {}
        end = "" if self.language.spaced else ","  # a key may stand before a noun there: "A major piece" has an article
        for match in self.language.keys.pattern.finditer(self.folded):
            found[match.start()] = match.end(), self.language.keys.english(match) + end
        for pattern, english in self.language.patterns:
            for match in pattern.finditer(self.folded):
                values = {name: self.language.number(value) for name, value in match.groupdict().items() if value}
                found.setdefault(match.start(), (match.end(), english.format(**values)))
        return found

    def _fact(self, at: int) -> int | None:
        """Read a key, or what is said with a number."""
        if at not in self.facts or not self._starts(at):
            return None
        end, english = self.facts[at]
        return self._say(english, end)

    def _sign(self, at: int) -> int | None:
        """Take numbers, punctuation and chords as they stand."""
        character = self.text[at]
        if character.isdigit():
            match = _NUMERIC.match(self.text, at)
            return self._say(match[0], match.end()) if match else None
        if not character.isalnum() and ord(character) < 0x2C00 and character not in "♯♭":
            return self._say(character, at + 1)
        run = _RUN.match(self.text, at)
        if run is None or not self._starts(at):
            return None
        if not self.language.spaced:  # what stands in Latin letters there is English, or a name, or a chord
            return self._say(run[0], run.end())
        return self._say(run[0], run.end()) if self._is_chord(run) else None

    def _is_chord(self, run: re.Match[str]) -> bool:
        """Whether a run of letters is a chord: it looks like one, and so does a neighbour ("Am" is a word, too)."""
        if not _CHORD.fullmatch(run[0]):
            return False
        after = re.match(r"[\s,|>→\u2013-]*([^\s,|>→]+)", self.text[run.end() : run.end() + _NEIGHBOUR])
        before = re.search(r"([^\s,|>→]+)[\s,|>→\u2013-]*$", self.text[max(0, run.start() - _NEIGHBOUR) : run.start()])
        return any(near and _CHORD.fullmatch(near[1].rstrip(".;")) for near in (before, after))

    def _word(self, at: int) -> int | None:
        """Read the longest phrase, compound or English word that begins here."""
        match = _PLAIN_WORD.match(self.text, at)
        if match is None or not self._starts(at):
            return None
        ends = [match.end()]
        most = self.language.longest.get(self.folded[at : match.end()], 1)
        while len(ends) < most and (more := _NEXT_WORD.match(self.text, ends[-1])):
            ends.append(more.end())
        for end in reversed(ends):
            phrase = " ".join(_JOINTS.split(self.folded[at:end]))
            if found := _lookup(phrase, self.language):
                skip = 1 if self.text[end : end + 1] in ("'", "\u2019", "-") else 0
                return self._say(found.english, end + skip, found.group)
        split = self.language.compounds and len(match[0]) <= _LONGEST_COMPOUND
        parts = self._compound(self.folded[at : match.end()]) if split else None
        for part in parts or ():
            self._say(part.english, at, part.group)
        if parts:
            return match.end()
        return self._say(match[0], match.end()) if _is_english(match[0].lower()) else None

    def _compound(self, word: str) -> list[Phrase] | None:
        """Split a word into known ones ("klavierstück"), with or without a joining s or n."""
        for cut in range(len(word) - 3, 2, -1):
            head = next((found for stem in (word[:cut], word[: cut - 1] if word[cut - 1] in "sn" else "")
                         if stem and (found := _lookup(stem, self.language))), None)  # fmt: skip
            if head is None or not head.english or (head.group == "words" and head.english not in _JOINABLE):
                continue
            tail = _lookup(word[cut:], self.language)
            rest = [tail] if tail else self._compound(word[cut:])
            if rest:
                return [head, *rest]
        return None

    def _characters(self, at: int) -> int | None:
        """Read the longest phrase that begins here, in a script without spaces."""
        most = self.language.longest.get(self.folded[at], 0)
        for length in range(min(most, len(self.text) - at), 0, -1):
            found = self.language.phrases.get(self.folded[at : at + length])
            if found is not None:
                return self._say(found.english, at + length, found.group)
        return None

    def _say(self, english: str, end: int, group: str = "") -> int:
        if english:
            self.pieces.append(_Piece(english, group))
        return end


def _within(pieces: list[_Piece]) -> list[_Piece]:
    """Say of who plays in a section alone that it does so there only: 只有副歌有鼓, 副歌才有鼓, サビだけドラム."""
    found: list[_Piece] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        players: list[_Piece] = []
        if piece.group == "sections":
            led = found[-1:] == [_Piece("only", "words")]
            told = at < len(pieces) and pieces[at].english in _THERE
            if led or told:
                players = list(takewhile(_names_players, islice(pieces, at + told, None)))
        if players:
            del found[len(found) - led :]
            found += [*players, _Piece(f"only in the {piece.english}")]
            at += told + len(players)
        elif piece.english != _THERE[1]:
            found.append(piece)
    return found


def _names_players(piece: _Piece) -> bool:
    """Whether a piece names an instrument, or joins two of them."""
    return piece.group == "instruments" or piece.english in ("and", "or")


def _put_before(pieces: list[_Piece]) -> list[_Piece]:
    """Put what is said behind instruments ("@no", "@only") before them."""
    found: list[_Piece] = []
    for piece in pieces:
        if piece.english not in _BEHIND:
            found.append(piece)
            continue
        start = len(found)
        while start > 0 and (found[start - 1].group == "instruments" or found[start - 1].english in _JOINING):
            start -= 1
        while start < len(found) and found[start].english in _JOINING:
            start += 1
        found.insert(start, _Piece("without" if piece.english == "@no" else "only"))
    return found


def _joined(pieces: list[_Piece]) -> str:
    """Return a sentence: spaces between words, none before punctuation, nothing twice."""
    text = " ".join(piece.english for piece in pieces)
    text = re.sub(r"\s+([,.;:!?)])", r"\1", text)
    text = re.sub(r"([,.;:])(?:\s*[,;:.])+", r"\1", text)
    text = re.sub(r"\(\s+", "(", text)
    return re.sub(r"\s+", " ", text).strip(" ,;")
