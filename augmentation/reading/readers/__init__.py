"""Tokens -> statements: one reader a field, none of which sees the raw string.

What is stated comes back as `Statement`s with a rank, the plainest first to count; nothing is guessed here.
Public: `find_tempos`, `find_meters`, `find_keys`, `find_chords`, `find_lengths`, `read_arrangement`, `find_tagged`,
`find_changes`.
"""
