"""Reader of the arrangement: who plays, style, mood, energy, pace, with negation and scope; and what nobody can play.

"no drums" takes away, "only piano" and "piano trio" leave nobody else, "rock with a trumpet" adds to a band. A name
behind "like" ("like Daft Punk") is no style. What has no field at all (voices, effects) is kept for the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from augmentation.reading.priors import Prior
from augmentation.reading.readers.names import find_names
from augmentation.reading.tokens import PLAYERS, Kind, Token, Tokens
from munet.music.instruments import CLASS_OF

_CALLED = (Kind.STYLE, Kind.MOOD, Kind.PACE, Kind.ENERGY, Kind.DANCE, Kind.VOICE, Kind.EFFECT)
_JOINTS = (",", "and", "or", "nor", "&", "/", "+", "plus")
_QUALITY = ("recording", "quality", "audio", "sound")  # behind "lo-fi", when it is no style
_EMPTY = ("a", "an", "the", "any", "some", "too", "very", "really", "so", "of", "-", "at", "all", "please", "use")
_TUNE_PLAYER = "flute"  # who plays a melody that is all there is
_SAID_BEHIND = ("alone", "by itself", "on its own", "unaccompanied", "and nothing else")  # said of who stands before it
_TUNES = ("melody", "melodies", "lead melody", "lead line", "topline", "tune")
_ALONE = ("loop", "loops", "fill", "fills", "beat", "beats", "groove", "track", "pattern", "riff", "bassline",
          "basslines", "line")  # fmt: skip
_PLACED = ("before", "into", "between", "after", "during", "every")
_COLOURS = ("jazzy", "funky", "bluesy", "soulful", "folky", "jazz-like", "rocky")
_HEADS = ("song", "track", "piece", "tune", "music", "instrumental")
_NO_KEYS = ("of", "change", "changes", "in", "two", "between", "both", "different", "black", "white")  # before "keys"
_JAZZ, _JAZZ_TRIO = ("jazz", "jazz waltz", "swing", "bebop", "bossa nova"), ("piano", "upright bass", "drums")
_OFF = ("none", "no", "off", "false", "never")
_SET = (":", "=", "is", "level", "should", "be", "very")  # between "energy" and how much of it
_LEVELS = MappingProxyType({"high": "energetic", "low": "calm", "medium": "moderate", "moderate": "moderate"})
_ADJECTIVES = 3  # words between "no" or "only" and what it means


@dataclass(frozen=True)
class Player:
    """An instrument, or several at once, that the text names.

    Args:
        names: those it may be, of `munet.music.instruments`, the usual one first; of an ensemble all of them.
        together: whether all of them are meant, not one.
        near: whether it stands for something that the composer lacks.
        first, last: its tokens.
    """

    names: tuple[str, ...]
    together: bool
    near: bool
    first: int
    last: int


@dataclass(frozen=True)
class Word:
    """A style, mood or pace that the text calls by a token.

    Args:
        prior: what it suggests.
        index: of the token; text: its words.
        weak: whether it is a loose word, or an instrument's name, so that any other counts more.
        modifies: whether it only colours another style ("funky house" is house).
    """

    prior: Prior
    index: int
    text: str
    weak: bool = False
    modifies: bool = False

    @property
    def source(self) -> str:
        """Return where values come from, for a person: "style: waltz"."""
        return f"{self.prior.kind}: {self.text.lower()}"


@dataclass
class Arrangement:
    """What a text says of the arrangement.

    Args:
        players: who is named to play; `alone`: those that nobody else plays beside.
        removed: who is named to be silent.
        drop: instruments of which the whole class is silent ("drumless").
        styles, moods, paces: words, in order.
        energies: ("calm", token), in order.
        denied: tokens of styles, moods and paces that are negated.
        voices, effects: tokens of what has no field; (token, denied).
        later: those of the players who enter within the piece.
        tuneless: tokens of a melody that nobody is to play.
        names: (first, last) tokens of names of artists.
    """

    players: list[Player] = field(default_factory=list)
    alone: list[Player] = field(default_factory=list)
    later: list[Player] = field(default_factory=list)
    removed: list[Player] = field(default_factory=list)
    styles: list[Word] = field(default_factory=list)
    scenes: list[Word] = field(default_factory=list)
    moods: list[Word] = field(default_factory=list)
    paces: list[Word] = field(default_factory=list)
    energies: list[tuple[str, int]] = field(default_factory=list)
    denied: list[int] = field(default_factory=list)
    voices: list[tuple[int, bool]] = field(default_factory=list)
    effects: list[tuple[int, bool]] = field(default_factory=list)
    tuneless: list[int] = field(default_factory=list)
    names: list[tuple[int, int]] = field(default_factory=list)

    def players_at(self, index: int | None) -> list[Player]:
        """Return the players that a token names; none of no token."""
        return [player for player in self.players if index is not None and player.first <= index < player.last]


def read_arrangement(tokens: Tokens, taken: Sequence[tuple[int, int]] = ()) -> Arrangement:
    """Read a text; tokens in `taken` (first, last) state something else: keys, chords, lengths."""
    found = Arrangement(names=find_names(tokens))
    hidden = {index for first, last in [*found.names, *taken] for index in range(first, last)}
    denied, only = _scopes(tokens)
    for index, token in enumerate(tokens):
        if index in hidden:
            continue
        player = _player(tokens, index)
        if player is not None:
            _take(found, player, index in denied, index in only)
        if token.word in _TUNES and Kind.NEGATION in tokens[tokens.back(index, (*_EMPTY, "main", "lead", "clear"))]:
            found.tuneless.append(index)
        if Kind.DRUMLESS in token:
            found.removed.append(Player((token[Kind.DRUMLESS],), False, False, index, index + 1))
        for kind, rows in ((Kind.STYLE, found.styles), (Kind.MOOD, found.moods), (Kind.PACE, found.paces)):
            if kind in token and _called(tokens, index):
                if index in denied:
                    found.denied.append(index)
                else:
                    colours = kind is Kind.STYLE and _modifies(tokens, index)
                    rows.append(Word(token[kind], index, token.text, _is_weak(token), colours))
        if Kind.SCENE in token and index not in denied:
            found.scenes.append(Word(token[Kind.SCENE], index, token.text, True))
        if token.word == "energy" and (level := _LEVELS.get(tokens.word(tokens.ahead(index, _SET)))):
            found.energies.append((level, index))
        if Kind.ENERGY in token and index not in denied:
            found.energies.append((token[Kind.ENERGY], index))
        if Kind.VOICE in token and player is None and Kind.ENSEMBLE not in token:
            found.voices.append((index, index in denied))
        if Kind.EFFECT in token:
            found.effects.append((index, index in denied))
    if not found.players and (tune := _bare_tune(tokens)) is not None:
        found.players.append(Player((_TUNE_PLAYER,), False, False, tune, tune + 1))
        found.alone = [*found.players]
    if len(found.players) == 1 and (_is_solo(tokens, found.players[0]) or _is_loop(tokens, found.players[0])):
        found.alone = [*found.players]  # "a harp solo", and nobody else is named
    return found


def _bare_tune(tokens: Tokens) -> int | None:
    """Return the token of a melody that is all there is: "a melody without accompaniment", "only a melody"."""
    for index, token in enumerate(tokens):
        only = Kind.ONLY in tokens[index + 1] or Kind.ONLY in tokens[tokens.back(index, ("a", "one", "the", "single"))]
        if token.word in _TUNES and only:
            return index
    return None


def _is_loop(tokens: Tokens, player: Player) -> bool:
    """Whether the piece is what one instrument plays: "drum loop 92 bpm", "funk bassline in E"; not "a techno track
    with a drum loop"."""
    noun = tokens.word(player.last - 1).rsplit(" ", 1)[-1]
    noun = noun if noun in _ALONE else tokens.word(player.last)
    before = range(player.first)
    if any(tokens.word(player.last + at) in _PLACED for at in (0, 1)):
        return False  # "a drum fill before every chorus"
    part = any(Kind.WITH in tokens[at] or Kind.PUNCT in tokens[at] or tokens.word(at) in _HEADS for at in before)
    return noun in _ALONE and not part


def _is_solo(tokens: Tokens, player: Player) -> bool:
    """Whether an instrument's solo is the piece, not a part of it ("rock with a guitar solo")."""
    solo = tokens.word(player.last) == "solo" or tokens.word(player.last - 1).endswith(" solo")
    part = any(Kind.WITH in tokens[at] for at in range(player.first))
    return solo and not part


def _take(found: Arrangement, player: Player, denied: bool, only: bool) -> None:
    if denied:
        found.removed.append(player)
        return
    found.players.append(player)
    if only or (player.together and len(player.names) > 1):
        found.alone.append(player)


def _is_weak(token: Token) -> bool:
    """Whether a word for a style is a loose one ("tropical"), or the name of an instrument ("acoustic guitar")."""
    if Kind.STYLE not in token:
        return False
    names = token.get(Kind.INSTRUMENT, ())
    return (
        token[Kind.STYLE].loose or token.word in names or (bool(names) and " " not in token.text) or Kind.NEAR in token
    )


def _modifies(tokens: Tokens, index: int) -> bool:
    """Whether a word for a style is an adjective, or the one behind it is what is meant: "bluesy", "cinematic techno";
    not "jazz waltz", which lends jazz its metre."""
    following = tokens[tokens.ahead(index, ("-",))]
    if tokens.word(index) in _COLOURS:
        return True
    if Kind.STYLE not in following or _is_weak(following):
        return False
    prior = following[Kind.STYLE]
    return not prior.lends and prior.style != tokens[index][Kind.STYLE].style


def _called(tokens: Tokens, index: int) -> bool:
    """Whether a word is meant as a style: not "a score", "in a house", "lo-fi recording"."""
    token = tokens[index]
    if token.word == "drop" or (
        token.word in ("score", "house") and tokens.word(index - 1) in ("a", "the", "my", "in")
    ):
        return token.word == "house" and tokens.word(index - 1) != "in" and tokens.ends(index + 1)
    if token.word == "heavy" and tokens.plays(index + 1):
        return False  # "heavy bass"
    if token.word == "latin" and tokens.word(index - 1) == "in":
        return False  # the language
    if token.word == "swing" and Kind.NUMBER in tokens[index + 1]:
        return False  # "swing 16ths"
    return token.word not in ("lo-fi", "lofi", "lo fi") or tokens.word(index + 1) not in _QUALITY


def _player(tokens: Tokens, index: int) -> Player | None:
    token = tokens[index]
    if Kind.MACHINE in token:
        # "808 drums", "808 kick": the drums of the machine; one token, or two.
        return Player((token[Kind.MACHINE],), False, False, index, index + 1)
    if Kind.ENSEMBLE in token:
        jazz = token.word == "piano trio" and any(one.word in _JAZZ for one in tokens)
        names = _JAZZ_TRIO if jazz else tuple(name.strip() for name in token[Kind.ENSEMBLE].split(","))
        return Player(names, True, False, index, index + 1)
    if Kind.NEAR in token and not _no_player(tokens, index):
        return Player((token[Kind.NEAR],), False, True, index, index + 1)
    if (Kind.INSTRUMENT in token or Kind.USUAL in token) and not _no_player(tokens, index):
        usual = (token[Kind.USUAL],) if Kind.USUAL in token else ()
        names = tuple(dict.fromkeys([*usual, *token.get(Kind.INSTRUMENT, ())]))
        return Player(tuple(name for name in names if name in CLASS_OF), False, False, index, index + 1)
    return None


def _no_player(tokens: Tokens, index: int) -> bool:
    """Whether a word is no instrument here: the keys of music, "12-string", something that kicks in."""
    token = tokens[index]
    if token.word in ("keys", "key"):
        before, after = tokens.word(index - 1), tokens.word(index + 1)
        return before in _NO_KEYS or after in (":", "=")
    if token.word == "vibes":  # those of a mood: "summer vibes"
        listed = tokens.word(index - 1) in (*_JOINTS, "with", "on") and tokens.ends(index + 1)
        return not (listed or tokens.word(index + 1) in _JOINTS)
    if token.word in ("kick", "kicks") and tokens.word(index + 1) == "in":
        return True
    return token.word in ("string", "drone", "drones", "wind") and token.word != "strings"


# --- negation and "only"


def _scopes(tokens: Tokens) -> tuple[set[int], set[int]]:
    """Return the tokens that a negation denies and those that stand alone ("only piano", "cello alone")."""
    denied: set[int] = set()
    only: set[int] = set()
    for index, token in enumerate(tokens):
        if tokens.plays(index) and tokens.word(index + 1) in (":", "=") and tokens.word(index + 2) in _OFF:
            denied.add(index)  # "drums: none"
        if Kind.NEGATION in token:
            denied.update(_scope(tokens, index, token[Kind.NEGATION] != "not"))
        elif token.get(Kind.WITH) == "for":
            only.update(at for at in _scope(tokens, index, True) if tokens.plays(at))
        elif (
            token.word == "solo"
            and Kind.WITH in tokens[tokens.back(index, ("a", "the"))]
            and _players_before(tokens, index)
        ):
            continue  # "strings with solo violin"
        elif Kind.ONLY in token:
            behind = token.word in _SAID_BEHIND and _listed_before(tokens, index)  # "piano alone then drums at 0:20"
            ahead = [] if behind or _solo_part(tokens, index) else _scope(tokens, index, True)
            players = [at for at in ahead if tokens.plays(at)]
            if not players and token.word != "solo":
                players = _listed_before(tokens, index)
            itself = {index} if tokens.plays(index) else set()  # "a cappella" is a choir
            only.update(players, itself)
    return denied, only - denied


def _players_before(tokens: Tokens, index: int) -> bool:
    return any(tokens.plays(at) for at in range(index))


def silences(tokens: Tokens) -> list[tuple[int, int]]:
    """Return the spans of words that say who does not play: "without drums, bass or guitar", "drumless"."""
    found = []
    for index, token in enumerate(tokens):
        scope = _scope(tokens, index, token[Kind.NEGATION] != "not") if Kind.NEGATION in token else []
        if any(tokens.plays(at) for at in scope):
            found.append((index, max(scope) + 1))
        elif Kind.DRUMLESS in token:
            found.append((index, index + 1))
    return found


def _solo_part(tokens: Tokens, index: int) -> bool:
    """Whether "solo" is a part of the music ("a guitar solo with drums"), not a way to play."""
    return tokens.word(index) == "solo" and tokens.plays(index - 1) and tokens.word(index - 2) != "for"


def _scope(tokens: Tokens, index: int, lists: bool) -> list[int]:
    """Return what a word that stands before means: the next thing, and those that "and" or "or" add to it."""
    at, skipped, found = index + 1, 0, []
    while skipped <= _ADJECTIVES and at < len(tokens):
        token = tokens[at]
        if _means(token):
            found.append(at)
            if not (tokens.plays(at) or Kind.VOICE in token) and tokens.plays(at + 1):
                found.pop()  # "no dark piano": the adjective is not what is denied
            if found and lists:
                at = _further(tokens, at, found)
                break
            if found:
                break
        elif (Kind.PUNCT in token and token.text != "-") or token.word in ("but", "with", "and"):
            break
        skipped += token.word not in _EMPTY
        at += 1
    return found


def _means(token: Token) -> bool:
    return any(kind in token for kind in (*PLAYERS, *_CALLED))


def _further(tokens: Tokens, at: int, found: list[int]) -> int:
    """Add what "and", "or" and commas before them join: "no drums, bass or guitar", but not "no drums, piano"."""
    pending: list[int] = []
    at += 1
    while True:
        joint = tokens.word(at)
        if joint not in _JOINTS:
            return at
        following = at + 1
        if joint == "," and tokens.word(following) in ("and", "or", "nor"):
            joint, following = tokens.word(following), following + 1
        while tokens.word(following) in ("any", "a", "the"):
            following += 1
        if not _means(tokens[following]) or Kind.NEGATION in tokens[following]:
            return at
        pending.append(following)
        if joint in ("or", "nor") or (joint != "," and len(pending) == 1):
            found += pending
            pending = []
        at = following + 1


def _listed_before(tokens: Tokens, index: int) -> list[int]:
    """Return the instruments right before "only" or "alone": "piano and cello only"."""
    found: list[int] = []
    at = index - 1
    while at >= 0:
        if tokens.plays(at):
            found.append(at)
        elif tokens.word(at) not in ("and", "&", "+", "plus", "-", *_TUNES):
            break
        at -= 1
    return found
