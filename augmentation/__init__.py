"""Music with labels: composed by this project, or recordings that it hears, captions and changes.

The rooms, downwards: `dataset` (folders of rows), `hearing` (sound -> beats, chords, key), `captions` (sentences),
`compose` (seed -> piece -> sound). Beside them `audio` reads files within bounds, `workers` runs work in processes,
`training_data` feeds trainings and holds seeds back from them.
"""
