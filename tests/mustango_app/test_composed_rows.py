"""Composed clips among the rows of a folder: as many as asked for, with exact chords, also in a run that goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from munet.errors import RequestError
from mustango_app.composed_rows import MixedRows, composed_of, share_of
from mustango_app.train import main
from tests.mustango_app.test_folder_rows import config, run, write_split  # noqa: F401 (a fixture)


class Numbers:
    """Rows that count upwards from `first`."""

    def __init__(self, first: int) -> None:
        self.next, self.size, self.seen, self.closed = first, 9, 0, False

    def draw(self, count: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        """The next numbers."""
        self.next += count
        return {"latents": torch.arange(self.next - count, self.next)}

    def check(self) -> None:
        """Nothing goes wrong."""

    def close(self) -> None:
        """Note it."""
        self.closed = True


def test_both_kinds_come_in_their_share_and_none_is_left_out() -> None:
    composed = ({"latents": torch.arange(start, start + 3)} for start in range(100, 200, 3))
    rows, generator = MixedRows(Numbers(0), composed, 0.4), torch.Generator()
    drawn = [rows.draw(4, generator)["latents"].tolist() for _ in range(5)]
    # int(0.4 * n) after 4, 8, 12, 16, 20 rows: 1, 3, 4, 6, 8.
    assert drawn == [[0, 1, 2, 100], [3, 4, 101, 102], [5, 6, 7, 103], [8, 9, 104, 105], [10, 11, 106, 107]]
    assert rows.seen == 20 and rows.size == 9
    rows.close()
    assert rows.folder.closed
    again = MixedRows(Numbers(12 - 4), iter([{"latents": torch.arange(104, 108)}]), 0.4, drawn=12)
    assert again.draw(4, generator)["latents"].tolist() == drawn[3]
    assert composed_of(12, 0.4) == 4


def test_a_share_that_cannot_be_is_refused(tmp_path: Path) -> None:
    for value in (1, -0.1, True, "half"):
        with pytest.raises(RequestError, match=r"data\.composed_share: expected a share from 0 to below 1"):
            share_of({"folder": "x", "composed_share": value})
    with pytest.raises(RequestError, match=r"data\.composed_share: expected 'folder' with it"):
        share_of({"composed": 5, "composed_share": 0.5})
    write_split(tmp_path / "data", ["song"], 0)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"stage": "decoder", "data": {"composed_share": 0.5}, "training": {}}))
    with pytest.raises(RequestError, match=r"data\.composed_share: expected the stage munet or distill"):
        main(str(path), str(tmp_path / "data"))


def test_a_folder_is_trained_on_with_composed_clips_beside_it(config: Path) -> None:  # noqa: F811
    from augmentation.training_data import CorpusClips
    from munet.training.loop import Budget
    from munet.training.munet import MuNetTrainer
    from munet.training.settings import MuNetTraining
    from mustango_app.composed_rows import with_composed
    from mustango_app.folder_rows import folder_pool
    from mustango_app.train import windows_of
    from mustango_app.training_rows import Faults

    given = json.loads(config.read_text())
    given["data"] |= {"composed_share": 0.5, "piece_seconds": 4.0, "windows": 2}
    config.write_text(json.dumps(given))
    assert run(config, budget={"steps": 2, "warmup": 1}) == 0
    settings = MuNetTraining(**given["training"] | {"budget": Budget(2), "out": str(config.parent / "rows")})
    trainer = MuNetTrainer(settings, 1.28)
    data = given["data"] | {"folder": str(config.parent / "data")}

    def rows() -> MixedRows:
        folder = folder_pool(trainer, CorpusClips(data["folder"]), data, 0, Faults())
        return with_composed(trainer, folder, data, windows_of(data, trainer.pipeline.vae), 0, Faults())

    first, generator = rows(), torch.Generator()
    batches = [first.draw(4, generator) for _ in range(2)]
    null = trainer.null["chord_roots"]
    chords = [(batch["chord_roots"] != null).any(dim=1).tolist() for batch in batches]
    assert chords == [[False, False, True, True]] * 2  # the folder's rows have none, composed ones always have
    trainer.progress.step = 2  # of two rows each
    assert torch.equal(rows().draw(4, generator)["latents"], batches[1]["latents"])
