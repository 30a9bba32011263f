"""A larger MuNet that begins where a trained one is: blocks that change nothing yet, parts not heard yet.

New blocks are put behind the others in each pass. What they add is zero at first (Net2Net, Chen et al., 2016), so that
the larger model predicts what the smaller one does, and learns from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from munet.conditions.roll import NOTE_ROWS
from munet.conditions.sound import sound_features
from munet.errors import RequestError
from munet.unet import MuNetModel

NOTES_LAST = "frame_net.note_embedding.2."  # what leads from the notes into the hidden states
FIT_DRAWS, FIT_BATCH = 256, 16  # batches drawn to fit a new sound code to, and windows of a batch


def grown(
    unet: MuNetModel, layers: int | None = None, sound_codes: int | None = None, notes: bool = False, seed: int = 0
) -> MuNetModel:
    """Return a model with the weights of `unet` and more parts, which predicts the same.

    Args:
        unet: a model over frames.
        layers: blocks, None for as many as there are.
        sound_codes: numbers of the sound code, None for what there is; a new one waits to be fitted (`fit_new_sound`).
        notes: whether it takes the notes of a piece, see `munet.conditions.roll`.
        seed: of the new weights.

    Raises:
        RequestError: no model over frames, or fewer parts than there are.
    """
    config = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    if unet.frame_net is None:
        raise RequestError("start: expected a model over frames, got a two-dimensional UNet")
    blocks, codes = len(unet.frame_net.blocks), unet.config.sound_codes
    if layers is not None and layers < blocks:
        raise RequestError(f"layers: expected at least the {blocks} that there are, got {layers!r}")
    if sound_codes is not None and codes not in (None, sound_codes):
        raise RequestError(f"sound_codes: expected the {codes} that there are, got {sound_codes!r}")
    config["frames"] = {**config["frames"], "layers": layers or blocks}
    config["sound_codes"] = sound_codes or codes
    config["note_channels"] = NOTE_ROWS if notes else unet.config.note_channels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MuNetModel(**config)
    theirs, own = unet.state_dict(), model.state_dict()
    for name, tensor in own.items():  # the model's own memory
        if name in theirs and theirs[name].shape == tensor.shape:
            tensor.copy_(theirs[name])
        elif name == "frame_net.tables":
            tensor[:, :blocks] = theirs[name]
        elif ".to_out." in name or name.startswith(NOTES_LAST):
            tensor.zero_()
    return model.eval()


def fit_new_sound(unet: MuNetModel, draw: Callable[[int], Mapping[str, torch.Tensor]]) -> bool:
    """Fit the sound code of a model that has a new one; says whether there was one.

    A quarter of its numbers say how much latents vary.

    Args:
        unet: a model with or without a sound code.
        draw: draws windows: `latents`, and `aligned` rows some of which are left out as in training.
    """
    code = unet.sound_code
    if code is None or code.fitted:
        return False
    features, told = [], []
    for _ in range(FIT_DRAWS):
        drawn = draw(FIT_BATCH)
        features.append(sound_features(drawn["latents"]).cpu())
        told.append(drawn["aligned"].float().mean(dim=2).cpu())
    code.fit(torch.cat(features), torch.cat(told), len(code.axes) // 4)
    print(f"munet: sound code of {len(code.axes)} numbers fitted to {FIT_DRAWS * FIT_BATCH} draws", flush=True)
    return True
