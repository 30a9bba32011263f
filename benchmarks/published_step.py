"""One guided denoising step of the published model at its real size: memory and seconds.

    python -m benchmarks.published_step [--dtype bfloat16] [--steps 1]

The weights are those of the golden vectors' rule (`tests/golden.py`), since the real ones cannot be had everywhere; the
sizes are the published ones, so memory and time are the real ones too. A step is one forward pass over two rows
(guided and not) of 8 x 256 x 16 latents with 24 text tokens, 50 beats and 20 chords, and one step of the scheduler.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import torch
from diffusers import DDPMScheduler

from munet.published.bases import SCHEDULE
from munet.unet import MuNetModel
from tests.golden import golden_weight, parity_tensors

GIGABYTE = 1e9


def load_unet(dtype: torch.dtype) -> MuNetModel:
    """The published denoiser (1.4 G parameters) with reproducible weights, each made in float32 and held in `dtype`."""
    with torch.device("meta"):
        unet = MuNetModel()
    unet = unet.to(dtype).to_empty(device="cpu")
    for name, tensor in unet.state_dict().items():
        tensor.copy_(golden_weight(name, tuple(tensor.shape)))
    return unet.eval()


def guided_steps(unet: MuNetModel, steps: int) -> list[float]:
    """Seconds of each of the first `steps` guided steps of a run of 100."""
    golden = parity_tensors("unet_real_forward.safetensors")
    names = (("encoder_hidden_states", "in.text"), ("encoder_attention_mask", "in.text_mask"),
             ("beat_hidden_states", "in.beats"), ("beat_attention_mask", "in.beat_mask"),
             ("chord_hidden_states", "in.chords"), ("chord_attention_mask", "in.chord_mask"))  # fmt: skip
    both = {name: torch.cat([golden[recorded]] * 2) for name, recorded in names}
    both = {name: value.to(unet.dtype) if value.is_floating_point() else value for name, value in both.items()}
    scheduler = DDPMScheduler(**SCHEDULE)
    scheduler.set_timesteps(100)
    latents, generator, taken = golden["in.sample"].to(unet.dtype), torch.Generator().manual_seed(0), []
    for timestep in scheduler.timesteps[:steps]:
        start = time.perf_counter()
        with torch.inference_mode():
            null, given = unet(torch.cat([latents] * 2), timestep, **both).sample.chunk(2)
            latents = scheduler.step(null + 3 * (given - null), timestep, latents, generator=generator).prev_sample
        taken.append(time.perf_counter() - start)
    if not latents.isfinite().all():
        raise FloatingPointError("latents: expected finite numbers after the step")
    return taken


def main() -> None:
    """Run the measurement and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--steps", type=int, default=1, help="of the hundred (%(default)s)")
    options = parser.parse_args()
    unet = load_unet(getattr(torch, options.dtype))
    seconds = guided_steps(unet, options.steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIGABYTE
    parameters = sum(parameter.numel() for parameter in unet.parameters())
    facts = {"dtype": options.dtype, "parameters": parameters, "threads": torch.get_num_threads()}
    print(json.dumps({**facts, "seconds": [round(value, 2) for value in seconds], "peak_gigabytes": round(peak, 2)}))


if __name__ == "__main__":
    main()
