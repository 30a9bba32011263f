"""Few steps instead of many: a solver for models that were trained with, and come with, DDPM's ancestral steps.

DDPM draws new noise at every step and needs a hundred or more of them. DPM-Solver++ of second order (Lu et al., 2022)
follows the same model's probability flow and is near its end after twenty, if the steps lie closer together where there
is little noise (Karras et al., 2022): evenly laid ones end at a noise level at which the finest spread of the data is
lost (`tests/munet/test_solver.py` has a case with a known answer). Its last six steps lie where the music is decided
already: guidance is largely unnecessary there (Kynkäänniemi et al., 2024), and half of a step's work.
"""

from __future__ import annotations

from diffusers import DDPMScheduler, DPMSolverMultistepScheduler, SchedulerMixin

from munet.guidance_weights import Interval

FEW_STEPS = 20
GUIDED_LEVELS: Interval = (0.3, 1.0)  # noise levels of the few steps that are guided: 14 of 20


def few_step_solver(scheduler: SchedulerMixin) -> SchedulerMixin | None:
    """Return a solver of few steps for the noise schedule of a DDPM scheduler; None for any other scheduler."""
    if not isinstance(scheduler, DDPMScheduler):
        return None
    options = {"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True}
    return DPMSolverMultistepScheduler.from_config(scheduler.config, timestep_spacing="linspace", **options)
