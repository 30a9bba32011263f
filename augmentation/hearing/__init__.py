"""Sound -> beats, tempo, metre, tuning, chords and key; what an installation cannot measure is named, never guessed.

Beats are tracked in `beats`, chords recognised in `chords`, the key is voted on in `key`; back ends are tables there.
`singing` hears voices. `channels` mixes to mono, `tuning` brings a recording to A = 440 Hz, `pulse` tells hats apart.
Public: `listen`, `Heard`, `track_beats`, `recognise_chords`, `estimate_key`, `refuse_missing`.
"""
