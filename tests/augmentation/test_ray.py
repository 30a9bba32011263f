"""The builder on a Ray cluster of two nodes, both on this machine; slow, and only where Ray is installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from augmentation.dataset.builder import build_dataset
from augmentation.dataset.clips import BuildConfig
from augmentation.dataset.corpus import CorpusConfig, build_corpus
from tests.augmentation.dataset.test_builder import SMALL, digests

pytestmark = pytest.mark.slow


def test_two_nodes_give_the_bytes_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    ray = pytest.importorskip("ray")
    corpus = tmp_path / "corpus"
    build_corpus(CorpusConfig(count=6, seed=2, duration=2.5, sample_rate=8000), corpus)
    config = BuildConfig(str(corpus), str(corpus), **SMALL)
    build_dataset(config, tmp_path / "alone")
    root = str(Path(__file__).resolve().parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        report = build_dataset(config, tmp_path / "cluster", workers=2, engine="ray")
        assert report["made"] == 6 and digests(tmp_path / "cluster") == digests(tmp_path / "alone")
        ray.init(address=cluster.address)
        assert len({node["NodeID"] for node in ray.nodes() if node["Alive"]}) == 2
    finally:
        ray.shutdown()
        cluster.shutdown()
