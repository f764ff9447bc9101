"""Latency: the same share of the net and of a process's first study in the log as in the reference."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cxr.core.files import write_json
from cxr.model.litert import Net
from cxr.params.production import Monitor
from serving.log import scoring_log
from serving.monitor.latency import compare as latency_drift
from serving.monitor.rule import judge
from serving.score import model, run, score_images
from serving.score.command import main
from serving.score.files import find
from serving.score.latency import measure
from serving.score.score_images import ImageBounds
from tests.fixtures import scored_place as made

LOG = Path("production/log")
ROOT = Path(__file__).resolve().parents[3]


def test_latency_is_measured_as_the_log_measures_it(place, in_this_process, monkeypatch):
    monkeypatch.setattr(measure.process_pool, "map_unordered", run.process_pool.map_unordered)
    made.files(place / "in", range(20))
    taken = measure.measure(place / "model", find(place / "in", 1 << 20).images, 4, ImageBounds(10**6))
    assert taken["images"] == 20 and 0 < taken["p50_ms"] <= taken["p95_ms"]


def test_latency_is_measured_of_a_folder_or_of_what_a_project_chose(place, in_this_process, monkeypatch, capsys):
    monkeypatch.setattr(measure.process_pool, "map_unordered", run.process_pool.map_unordered)
    made.files(place / "in", range(4))
    write_json(place / "metrics/compress.json", {"chosen": {"name": "base"}})
    assert measure.main([str(place), str(place / "in")]) == 1
    assert "models/base" in capsys.readouterr().err, "which is not there"
    shutil.copytree(place / "model", place / "models/base")
    for given in (place, place / "model"):
        assert measure.main([str(given), str(place / "in")]) == 0
        assert json.loads(capsys.readouterr().out)["images"] == 4


class Clock:
    """Milliseconds as a machine would take them: a kind of file costs 30 ms more the first time that a process reads
    it, and a net 60 ms more at its first answer; then it is 1 ms a file and 4 ms a block."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.first, self.nets = 0.0, True, set()
        real, answers = score_images.decode, Net.answers
        monkeypatch.setattr(score_images, "decode", lambda *given: self.spend(1 + 30 * self.first) or real(*given))
        monkeypatch.setattr(Net, "answers", lambda net, images: self.run(net, len(images)) or answers(net, images))
        monkeypatch.setattr(score_images, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def spend(self, milliseconds: float) -> None:
        self.now, self.first = self.now + milliseconds / 1000, False

    def run(self, net: Net, images: int) -> None:
        self.spend(4 * -(-images // net.block) + 60 * (net not in self.nets))
        self.nets.add(net)

    def new_process(self) -> None:
        self.first = True
        for held in (score_images._MET, model._open, model._releases):
            held.clear()
        measure._model.cache_clear()


def test_studies_that_trickle_in_one_by_one_are_timed_as_the_reference_is_and_raise_no_drift_of_latency(
    place, in_this_process, monkeypatch
):
    monkeypatch.setattr(measure.process_pool, "map_unordered", run.process_pool.map_unordered)
    clock, section = Clock(monkeypatch), Monitor()
    made.files(place / "many", range(1000, 1041))
    reference = measure.measure(place / "model", find(place / "many", 1 << 20).images, 8, ImageBounds(10**6))
    assert reference == {"p50_ms": 2.0, "p95_ms": 2.0, "images": 41}
    for seed in range(60):  # every study a run of its own
        clock.new_process()
        made.files(place / "in", range(seed, seed + 1))
        assert main(["in"]) == 0
    taken = scoring_log.read(LOG)["latency_ms"].to_numpy(float)
    assert len(taken) == 60 and np.allclose(taken, 2.0)
    judged = judge(list(latency_drift(taken, reference, section.latency_factor)), section.alpha)
    assert len(judged) == 2 and not any(each.drifted for each in judged)
    slow = judge(list(latency_drift(taken * 2, reference, section.latency_factor)), section.alpha)
    assert all(each.drifted for each in slow)


def test_a_study_alone_and_one_of_a_full_block_are_charged_the_same_share_of_the_net(place, monkeypatch):
    Clock(monkeypatch)
    in_use = model.in_use(place / "production")
    images = [score_images.opened("", made.png(seed), ".png", made.CHAIN, ImageBounds(10**6)) for seed in range(9)]
    studies = score_images.look(images, in_use.chain)
    shares = [score_images.answer(in_use, studies[:count]).latency_ms for count in (1, 4, 7, 9)]
    assert all(np.allclose(taken, 2.0) for taken in shares)
