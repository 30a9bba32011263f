"""Sound -> beats, tempo, metre, chords and key; what an installation cannot measure is named, never guessed.

Beats are tracked in `beats`, chords recognised in `chords`, the key is voted on in `key`; back ends are tables there.
Public: `listen`, `Heard`, `track_beats`, `recognise_chords`, `estimate_key`, `refuse_missing`.
"""
