"""Packages that run late behave as those that run at once, each in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LATE = "import sys, munet, torch, diffusers.models.modeling_utils, diffusers.hooks.first_block_cache\n"


def output_of(program: str) -> str:
    """What a program prints in a fresh process."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_what_the_compiler_was_told_before_it_ran_is_remembered() -> None:
    program = """
early = "torch._dynamo.convert_frame" in sys.modules
@torch.compiler.disable
def left_alone(x):
    return x + (1 if not torch.compiler.is_compiling() else 2)

def allowed(x):
    return x.sin()

torch.compiler.allow_in_graph(allowed)
graphs = []
def backend(graph, inputs):
    graphs.append([node.target for node in graph.graph.nodes if node.op == "call_function"])
    return graph.forward

before = float(left_alone(torch.zeros(1)))
made = torch.compile(lambda x: left_alone(allowed(x)) * 3, backend=backend)(torch.zeros(1))
import torch._dynamo.config
whole = torch._dynamo.config is sys.modules["torch._dynamo.config"] and torch._dynamo.config.recompile_limit > 0
print(early, before, float(made), graphs[0] == [allowed], len(graphs), whole)
"""
    assert output_of(LATE + program) == "False 1.0 3.0 True 2 True"


@pytest.mark.slow
def test_packages_give_their_names_and_no_others_and_quantizers_do_without_transformers() -> None:
    program = """
from diffusers.quantizers import PipelineQuantizationConfig
early = "transformers" in sys.modules
import importlib
import transformers
from transformers.utils.quantization_config import QuantizationConfigMixin

for name, member in (
    ("diffusers.models.transformers", "Transformer2DModel"),
    ("diffusers.models.autoencoders", "AutoencoderKL"),
    ("diffusers.models.unets", "UNet2DConditionModel"),
    ("diffusers.hooks", "HookRegistry"),
    ("scipy.stats", "norm"),
    ("scipy.integrate", "quad"),
    ("transformers.models", "bert"),
):
    package = importlib.import_module(name)
    assert type(package).__name__ == "Deferred", name
    assert getattr(package, member) is not None
    try:
        package.nonsense_that_nobody_has
    except AttributeError as error:
        assert "nonsense" in str(error)
    else:
        raise AssertionError(name)
print(early, hasattr(transformers, "AutoModel"))
"""
    assert output_of(LATE + program) == "False True"


def test_a_model_begins_without_what_it_does_not_use() -> None:
    program = """
import sys
from mustango_app import Mustango

class Begun(Exception): ...

def first(done, total):
    raise Begun

try:
    Mustango.from_pretrained(device="cpu").generate("a calm waltz", seconds=2, seed=1, callback=first)
except Begun:
    unused = ("transformers", "sympy", "torch._dynamo.exc", "scipy.optimize", "diffusers.pipelines.pipeline_utils")
    print([name for name in unused if name in sys.modules])
"""
    assert output_of(program) == "[]"
