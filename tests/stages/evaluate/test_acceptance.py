"""What the default promises is held against the figures of the default, and of nothing else."""

import json
import shutil

import pytest

from stages.evaluate import acceptance


def evaluated(macro=0.9, positives=20):
    """Content of metrics/evaluate.json for two variants and two labels."""
    entry = {"auroc": {"macro": 0.9}, "counts": {"Mass": {"positives": 30}, "Edema": {"positives": positives}}}
    return {"base": entry, "int8": {**entry, "auroc": {"macro": macro}}}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"macro": 0.849}, ["int8: macro AUROC on test is 0.849"]),
        ({"macro": 0.981}, ["int8: macro AUROC on test is 0.981"]),
        ({"macro": "n/a"}, ["int8: macro AUROC on test is n/a"]),
        ({"positives": 19}, ["Edema: 19 positives on test"]),
        ({}, []),
    ],
)
def test_figures_outside_what_the_default_promises_are_named(tmp_path, root, monkeypatch, capsys, changed, said):
    for name in ("params.yaml", "presets/default.yaml", "metrics/evaluate.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    shutil.copy(root / "presets/default.yaml", tmp_path / "presets")
    shutil.copy(root / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "metrics/evaluate.json").write_text(json.dumps(evaluated(**changed)))
    monkeypatch.chdir(tmp_path)
    assert acceptance.main() == 0
    found = capsys.readouterr().out.splitlines()
    assert len(found) == len(said) and all(part in line for line, part in zip(found, said, strict=True))
    (tmp_path / "params.yaml").write_text("other: data\n")
    assert acceptance.main() == 0 and capsys.readouterr().out == ""


def test_metrics_that_do_not_parse_are_named_in_a_line(tmp_path, root, monkeypatch, capsys):
    for name in ("params.yaml", "presets/default.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/evaluate.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    assert acceptance.main() == 1 and capsys.readouterr().err.startswith("acceptance: metrics/evaluate.json: not JSON")
