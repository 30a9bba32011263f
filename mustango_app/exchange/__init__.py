"""Music in the forms that other programs read and write: MIDI, lead sheets, recordings, and folders with all of them.

A MIDI file is read by `score` (its events) and `midi_read` (as a plan); nothing here needs torch.
Public: `read_midi`, `read_melody`, `write_midi`, `plan_from_file`, `plan_from_heard`, `fit_tune`, `export`,
`click_track`.
"""
