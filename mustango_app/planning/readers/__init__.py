"""What the tokens of a text state, one reader a field: `find_tempos`, `find_meters`, `find_keys`, `find_chords`,
`find_lengths`, `read_arrangement`, `find_tagged`, `find_changes`. None of them reads the raw string.
"""
