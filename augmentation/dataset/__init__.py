"""Folders of rows: a composed corpus, MusicBench rebuilt from recordings, labels of any audio; all resumable.

A row has MusicBench's fields (`records`); `labels` and `transforms` change labels and audio together.
Public: `build_corpus`, `build_dataset`, `extract_files`, `read_rows`, `plan_of`, `read_sources`, `write_card`.
"""
