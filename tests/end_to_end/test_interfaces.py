"""What others script against: stage names, the figures' places, DVC's commands, a second run that does nothing."""

import json
import re
import sys

import pytest

from tests.test_kept_for_users import METRICS


def metrics(workspace, name):
    return json.loads((workspace.folder / "metrics" / f"{name}.json").read_text())


def test_the_figures_stand_where_scripts_look_for_them(unhurt):
    variants = [name for name in metrics(unhurt, "compress") if name != "chosen"]
    labels = metrics(unhurt, "validate")["label"]
    assert {"base", "pruned", "int8"} <= set(variants)
    for name in variants:
        assert {"macro", "worst", *labels} == set(metrics(unhurt, "evaluate")[name]["auroc"])
        assert {"bytes", "bytes_gzip", "sparsity", "multiply_adds"} <= set(metrics(unhurt, "compress")[name])
        assert metrics(unhurt, "latency")[name]["ms_per_image"] > 0
    assert metrics(unhurt, "compress")["chosen"]["name"] in variants
    assert {"score", "random", "centre", "class_prior"} <= set(metrics(unhurt, "explain")["pointing_game"])
    assert {"rows_in", "manifest", "quarantined", "merged", "absent"} <= set(metrics(unhurt, "validate")["ingest"])


def keys_of(content):
    """Every key of a JSON object, however deep."""
    return set(content).union(*map(keys_of, content.values())) if isinstance(content, dict) else set()


@pytest.mark.parametrize("stage", METRICS)
def test_every_key_that_is_kept_for_users_stands_in_the_metrics(unhurt, stage):
    lacking = {name: set(keys) - keys_of(metrics(unhurt, name)) for name, keys in METRICS[stage].items()}
    assert not any(lacking.values()), lacking


def test_dvc_shows_metrics_and_plots(unhurt, tmp_path):
    told = unhurt.run(sys.executable, "-m", "dvc", "metrics", "show", "--json").stdout
    assert {"metrics/evaluate.json", "metrics/latency.json", "metrics/train.json"} <= set(json.loads(told)[""]["data"])
    drawn = json.loads(unhurt.run(sys.executable, "-m", "dvc", "plots", "show", "--json").stdout)
    assert "errors" not in drawn
    assert set(drawn["data"]) == {"Loss", "Validation AUROC", "ROC", "Precision and recall", "Confusion"}
    unhurt.run(sys.executable, "-m", "dvc", "plots", "show", "-o", str(tmp_path / "plots"))
    page = (tmp_path / "plots" / "index.html").read_text()
    for title in ("Loss", "Validation AUROC", "ROC on test", "Precision and recall on test", "Confusion on test"):
        assert title in page


def test_the_report_is_one_file_without_network(unhurt):
    page = (unhurt.folder / "reports/index.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert page.count("data:image/jpeg;base64,") >= 1
    assert "Learning curves" in page


def test_a_second_run_runs_no_stage(unhurt):
    done = unhurt.run(sys.executable, "-m", "flows.repro")
    assert "Running stage" not in done.stdout
    assert "reports/index.html" in done.stdout
