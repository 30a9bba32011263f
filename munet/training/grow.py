"""A larger MuNet that begins where a trained one is: blocks that change nothing yet, a sound code not heard yet.

New blocks are put behind the others in each pass. What they add is zero at first (Net2Net, Chen et al., 2016), so that
the larger model predicts what the smaller one does, and learns from there.
"""

from __future__ import annotations

import torch

from munet.conditions.batch import replace_group
from munet.conditions.sound import SoundCode, sound_features
from munet.errors import RequestError
from munet.training.pool import RowSource
from munet.unet import MuNetModel

FORMS = 4  # in which a window's plan is shown to the fit of the sound code; all but one lack some of it
GROUPS = ("instruments", "energy", "style")  # that a plan may lack
UNSAID = 0.3  # of those forms lack each of the groups
ROWS_PER_CODE = 4
FIT_ROWS, FIT_BATCH = 2048, 16  # drawn to fit a new sound code to, and at a time


def grown(unet: MuNetModel, layers: int | None = None, sound_codes: int | None = None, seed: int = 0) -> MuNetModel:
    """Return a model with the weights of `unet` and more parts, which predicts the same.

    Args:
        unet: a model over frames.
        layers: blocks, None for as many as there are.
        sound_codes: numbers of the sound code, None for what there is; a new one waits to be fitted (`fit_sound`).
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
    torch.manual_seed(seed)
    model = MuNetModel(**config)
    theirs, own = unet.state_dict(), model.state_dict()
    for name, tensor in own.items():
        if name in theirs and theirs[name].shape == tensor.shape:
            tensor.copy_(theirs[name])
        elif name == "frame_net.tables":
            tensor[:, :blocks] = theirs[name]
        elif ".to_out." in name:
            tensor.zero_()
    model.load_state_dict(own)
    return model.eval()


def fit_new_sound(unet: MuNetModel, rows: RowSource, generator: torch.Generator) -> None:
    """Fit the sound code of a model that has a new one.

    Args:
        unet: a model with or without a sound code.
        rows: `{"latents", "aligned", ...}` to draw from.
        generator: of the draws.

    Raises:
        RequestError: too few rows.
    """
    code = unet.sound_code
    if code is None or code.fitted:
        return
    count = min(FIT_ROWS, 2 * rows.size)
    drawn = [rows.draw(min(FIT_BATCH, count - first), generator) for first in range(0, count, FIT_BATCH)]
    fit_sound(code, *(torch.cat([batch[name] for batch in drawn]) for name in ("latents", "aligned")))
    print(f"munet: sound code of {len(code.axes)} numbers fitted to {count} draws from {rows.size} rows", flush=True)


def fit_sound(code: SoundCode, latents: torch.Tensor, aligned: torch.Tensor, seed: int = 0) -> None:
    """Fit a sound code to windows of music; a quarter of its numbers say how much latents vary.

    Args:
        code: to fit.
        latents: `(windows, channels, frames, bins)`.
        aligned: `(windows, rows, frames)`.
        seed: of what is left out of plans.

    Raises:
        RequestError: too few windows.
    """
    codes = len(code.axes)
    if len(latents) < ROWS_PER_CODE * codes:
        raise RequestError(
            f"prefill: expected at least {ROWS_PER_CODE * codes} rows to fit {codes} sound codes to, got {len(latents)}"
        )
    told = aligned.float().mean(dim=2, keepdim=True).cpu()
    generator = torch.Generator().manual_seed(seed)
    forms = [told]
    for _ in range(FORMS - 1):
        tokens = {"aligned": told}
        for group in GROUPS:
            tokens = replace_group(tokens, {}, group, torch.rand(len(told), generator=generator) < UNSAID)
        forms.append(tokens["aligned"])
    features = sound_features(latents).cpu().repeat(FORMS, 1)
    code.fit(features, torch.cat(forms)[..., 0], codes // 4)
