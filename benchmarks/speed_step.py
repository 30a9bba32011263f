"""(a) A guided step of the published model at its real size, beside a plain implementation of the same mathematics.

    python -m benchmarks.speed_step [--rounds 2 --dtype float32 --device cpu --batch 1 --small --save]

Plain: diffusers' stock blocks, stacked as the reference stacks them (resnet, then three whole transformers for text,
beats and chords), called with both halves of the guidance as a batch of copies and all padding masked: 24 text tokens,
50 beats and 20 chords, of which a clip of 10 seconds at 120 BPM with 8 chords fills 20 and 8. Ours: the same weights
and inputs through `Conditions`; both give the same numbers, which is checked. Given alone: ours outside the interval of
guidance, one half of it. The weights are random (the real ones cannot be had everywhere), the sizes the published ones.
In half precision all are compared with the plain implementation in float32, which runs as well. `--small` is a dry
run at toy size.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor2_0

from benchmarks.timing import PEAK, Task, counted, in_turn, options_of, peak_task, rows_of, tell
from munet.attended import Conditions
from munet.processor import keep_memory, usable_cores
from munet.unet import MuNetModel

SMALL: Mapping[str, Any] = MappingProxyType(
    {"block_out_channels": (32, 64, 64, 64), "attention_head_dim": (1, 2, 2, 2)}
)
LENGTHS = (("encoder", 24, 24), ("beat", 50, 20), ("chord", 20, 8))  # tokens with padding, and without
BASE = "plain in float32"
TOLERANCE = MappingProxyType({"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02})


class StockProcessor(AttnProcessor2_0):
    """diffusers' own processor under a name that MuNet does not take a shorter way around."""


def load_unet(config: Mapping[str, Any], dtype: torch.dtype, device: str) -> MuNetModel:
    """The denoiser with random weights that keep activations in range, made without a second copy."""
    with torch.device("meta"):
        unet = MuNetModel(**config)
    unet = unet.to(dtype).to_empty(device=device)
    generator = torch.Generator(device).manual_seed(0)
    for name, tensor in unet.state_dict().items():
        if tensor.ndim > 1:
            bound = (3 / tensor[0].numel()) ** 0.5
            tensor.uniform_(-bound, bound, generator=generator)
        else:
            tensor.fill_(float("norm" in name and name.endswith("weight")))
    return unet.eval()


def inputs(batch: int, dtype: torch.dtype, device: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Null and given conditions as the published encoders pad them: the padding of a row is all the same."""
    generator = torch.Generator().manual_seed(1)
    given: dict[str, torch.Tensor] = {}
    null: dict[str, torch.Tensor] = {}
    for name, length, held in LENGTHS:
        states = torch.randn(batch, length, 1024, generator=generator)
        padding = torch.randn(1, 1, 1024, generator=generator)
        mask = (torch.arange(length) < held).expand(batch, -1)
        first = (torch.arange(length) < (0 if name == "beat" else 1)).expand(batch, -1)
        values = {f"{name}_hidden_states": torch.where(mask[..., None], states, padding)}
        given |= values | {f"{name}_attention_mask": mask}
        null |= {f"{name}_hidden_states": padding.expand(batch, length, -1), f"{name}_attention_mask": first}
    return tuple(
        {key: value.to(device, dtype) if value.is_floating_point() else value.to(device) for key, value in form.items()}
        for form in (null, given)
    )


def run_counted(task: Task, run: Callable[[], None]) -> None:
    """Run, and note the FLOPs."""
    task.flops = counted(run)


def evaluations(
    exact: MuNetModel,
    unet: MuNetModel,
    sample: torch.Tensor,
    forms: tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]],
    results: dict[str, torch.Tensor],
) -> dict[str, Callable[[], None]]:
    """What is compared, by name, the base first; each notes its prediction in `results`.

    Args:
        exact, unet: the same weights in float32 and in the type to measure; one model where that is float32.
        sample: noisy latents.
        forms: null and given conditions.
        results: predictions by name.
    """
    null, given = forms
    both = {name: torch.cat([null[name], given[name]]) for name in given}
    conditions = Conditions.of_forms(null, given)

    def evaluate(name: str, model: MuNetModel, processor: Any, *arguments: Any, **conditioned: Any) -> None:
        model.set_attn_processor(processor)
        with torch.inference_mode():
            prediction = model(*arguments, **conditioned).sample
        if prediction.is_cuda:
            torch.cuda.synchronize()
        results[name] = prediction

    def plain(name: str, model: MuNetModel) -> None:
        dtype = model.dtype
        padded = {key: value.to(dtype) if value.is_floating_point() else value for key, value in both.items()}
        evaluate(name, model, StockProcessor(), torch.cat([sample.to(dtype)] * 2), 500, **padded)

    runs: dict[str, Callable[[], None]] = {}
    if exact is not unet:
        runs[BASE] = functools.partial(plain, BASE, exact)
    runs["plain"] = functools.partial(plain, "plain", unet)
    runs["ours"] = lambda: evaluate("ours", unet, AttnProcessor2_0(), sample, 500, conditions)
    # A step outside the interval of guidance.
    alone = conditions.last(len(sample))
    runs["given alone"] = lambda: evaluate("given alone", unet, AttnProcessor2_0(), sample, 500, alone)
    return runs


def main() -> None:
    """Measure and print."""
    parser = options_of(__doc__, 2)
    parser.add_argument("--dtype", choices=tuple(TOLERANCE), default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1, help="clips (%(default)s)")
    parser.add_argument("--fresh-memory", action="store_true", help="without `munet.processor.keep_memory`")
    parser.add_argument("--small", action="store_true", help="toy size: a dry run")
    options = parser.parse_args()
    torch.set_num_threads(options.threads or usable_cores())
    kept = not options.fresh_memory and options.device == "cpu" and keep_memory()
    dtype = getattr(torch, options.dtype)
    exact = load_unet(SMALL if options.small else {}, torch.float32, options.device)
    unet = exact if dtype == torch.float32 else copy.deepcopy(exact).to(dtype)
    size = (options.batch, 8, 32, 16) if options.small else (options.batch, 8, 256, 16)
    sample = torch.randn(size, generator=torch.Generator().manual_seed(2)).to(options.device, dtype)
    null, given = inputs(options.batch, dtype, options.device)
    results: dict[str, torch.Tensor] = {}
    runs = evaluations(exact, unet, sample, (null, given), results)
    # FLOPs are counted while a task runs, since a run takes a minute.
    tasks = {name: Task(lambda: None) for name in runs}
    for name, task in tasks.items():
        task.run = functools.partial(run_counted, task, runs[name])
    tasks[PEAK] = peak_task(options.device, options.dtype)
    in_turn(tasks, options.rounds, warm=int(options.device != "cpu"))
    compared = next(iter(runs))
    rows = rows_of(tasks, compared)
    difference = float((results[compared] - results["ours"]).abs().max() / results[compared].abs().max())
    if difference > TOLERANCE[options.dtype]:
        raise FloatingPointError(f"ours: expected the numbers of plain, got a difference of {difference:.2g}")
    facts = {
        "dtype": options.dtype,
        "batch": options.batch,
        "small": options.small,
        "memory_kept": kept,
        "difference": difference,
    }
    tell(f"speed_step_{options.dtype}", rows, options.save, **facts)


if __name__ == "__main__":
    main()
