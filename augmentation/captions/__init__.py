"""Sentences about music: captions of composed pieces, MusicBench's control sentences, and both in other words.

A caption sentence is made in `control` (facts) and `wording` (words, from `words` and the styles' files).
Public: `caption`, `describe`, `control_sentences`, `read_sentence`, `OfflineParaphraser`, `ChatParaphraser`.
"""
