"""`python -m serving.gate` on a finished pipeline: what it reads, what it writes, what it ends with."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cxr.core.errors import UserError
from cxr.core.files import sha256_file, write_csv, write_json
from cxr.data import manifest
from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import decode
from cxr.imaging.preprocess import apply
from cxr.model.litert import Net
from serving.gate import inputs, needs
from serving.gate.command import STAYS, main
from serving.registry import releases
from serving.registry.pipeline_output import pipeline_output_in
from tests.fixtures import gate_project as project
from tests.fixtures import scored_place as made

OUT = Path("out")
SOFTER = Chain.from_dict(made.CHAIN.to_dict() | {"clip_limit": 0.0})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("CXR_PRODUCTION", "CXR_CACHE"):
        monkeypatch.delenv(name, raising=False)


def verdict() -> dict:
    return json.loads((OUT / "gate.json").read_text())


def asked() -> int:
    return main(["--out", str(OUT), "--version", "v0.0.2"])


def test_a_better_challenger_is_promoted_with_0_and_the_verdict_says_on_what(tmp_path, root, capsys):
    table = project.make(tmp_path, root)
    assert asked() == 0
    found, release = verdict(), releases.current(Path("production"))
    assert (found["verdict"], found["reasons"]) == ("promote", [])
    assert found["champion"] == {"identity": release.identity, "version": "v0.0.1", "batches": ["batch-001"]}
    assert found["challenger"]["version"] == "v0.0.2" and found["challenger"]["variant"] == "int8"
    assert found["challenger"]["batches"] == list(project.BATCHES)
    assert [check["name"] for check in found["checks"]] == [
        "old",
        "new",
        "worst label",
        "calibration",
        "latency",
        "explanation",
    ]
    assert [check["passed"] for check in found["checks"]] == [True] * 5 + ["n/a"]
    assert {part: each["studies"] for part, each in found["gate"].items()} == {
        "old": project.GATE // 2,
        "new": project.GATE // 2,
    }, "by the batch; the test studies are none of them"
    assert {part: each["studies"] for part, each in found["test"].items()} == {
        "old": project.TEST // 2,
        "new": project.TEST // 2,
    }
    assert set(next(c for c in found["checks"] if c["name"] == "calibration")["value"]) == {"old", "new"}
    page = (OUT / "gate.md").read_text()
    assert page in capsys.readouterr().out and "the challenger goes into production" in page
    assert "New batches: batch-002." in page and len(table) == project.GATE + project.TEST + project.TRAIN


def test_a_worse_challenger_is_kept_out_with_3_and_the_reasons_are_written(tmp_path, root, capsys):
    project.make(tmp_path, root, better="champion")
    assert asked() == STAYS == 3
    found = verdict()
    assert found["verdict"] == "keep" and {check["name"] for check in found["checks"] if check["passed"] is False} >= {
        "old",
        "new",
    }
    assert found["reasons"] == [check["words"] for check in found["checks"] if check["passed"] is False]
    assert "the champion stays" in capsys.readouterr().out
    assert releases.current(Path("production")).version == "v0.0.1", "the gate installs nothing"


def test_old_studies_whose_labels_a_new_batch_has_corrected_are_new(tmp_path, root):
    table = project.make(tmp_path, root)
    old = table[(table["batch"] == "batch-001") & table["gate"]]["image_id"].tolist()
    columns = ("image_id", "batch", "source", "outcome")
    rows = [
        (old[0], "batch-002", "a", "corrected"),
        (old[1], "batch-002", "b", "corrected"),
        (old[2], "batch-001", "c", "corrected"),
        (old[3], "batch-002", "d", "same"),
    ]
    write_csv(Path("data/merged.csv"), columns, [dict(zip(columns, row, strict=True)) for row in rows])
    read = inputs.read(releases.current(Path("production")), Path(), 10**6)
    new = set(read.rows.table["image_id"][read.parts["new"]])
    assert new & set(old) == set(old[:2]), "not what the champion's own batch corrected, nor what stayed the same"
    assert len(new) == project.GATE // 2 + 2 and len(read.rows.table[read.parts["old"]]) == project.GATE // 2 - 2
    assert set(read.gate.table["image_id"]) == set(table[table["gate"]]["image_id"])
    assert not set(read.train.table["image_id"]) & set(read.rows.table["image_id"])


def test_each_model_sees_the_images_by_its_own_preprocessing(tmp_path, root, capsys):
    project.make(tmp_path, root, chain=SOFTER)
    assert asked() in (0, STAYS)
    release = releases.current(Path("production"))
    read = inputs.read(release, Path(), 10**6)
    for folder, chain in ((release.folder, SOFTER), (project.CHALLENGER, made.CHAIN)):
        net = Net(folder)
        expected = np.stack(
            [apply(chain, decode(made.png(int(Path(name).stem)), 10**6)) for name in read.rows.table["source"]]
        )
        assert np.array_equal(inputs.answers(net, chain, read, Path()).logits, net.logits(expected))
    shutil.rmtree("data/raw")
    capsys.readouterr()
    assert asked() == 1 and "dvc pull" in capsys.readouterr().err


def test_raw_images_of_a_private_set_are_found_by_their_sha256_and_never_named(tmp_path, root):
    table = project.make(tmp_path, root, chain=SOFTER)
    read = inputs.read(releases.current(Path("production")), Path(), 10**6)
    public = list(inputs.batches(SOFTER, read.rows, Path()))
    hashes = [sha256_file(Path("data/raw/toy") / row.batch / row.source) for row in read.rows.table.itertuples()]
    without = read.rows.table.assign(sha256=hashes, source=[f"{sha}.png" for sha in hashes])
    private = manifest.Manifest(replace(read.rows.head, public=False), without)
    assert np.array_equal(np.concatenate(list(inputs.batches(SOFTER, private, Path()))), np.concatenate(public))
    gone = Path("data/raw/toy") / table["batch"].iloc[0] / table["source"].iloc[0]
    gone.write_bytes(b"Mueller")
    with pytest.raises(UserError, match=r"\.runs/names/gate\.txt") as said:
        list(inputs.batches(SOFTER, private, Path()))
    assert gone.name not in str(said.value)


@pytest.mark.parametrize(("chain", "raw"), [(made.CHAIN, []), (SOFTER, ["data/raw/toy"])])
def test_the_raw_images_are_needed_only_where_the_champion_preprocesses_otherwise(tmp_path, root, capsys, chain, raw):
    project.make(tmp_path, root, chain=chain)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["ingest"]["set"] = "toy"
    params["preprocess"] |= {
        "size": made.CHAIN.size,
        "clahe": {"clip_limit": made.CHAIN.clip_limit, "tiles": made.CHAIN.tiles},
    }
    Path("params.yaml").write_text(yaml.safe_dump(params))
    shutil.rmtree("data")
    assert main(["--needs"]) == 0, "before any of it is here"
    assert json.loads(capsys.readouterr().out) == [*needs.ALWAYS, *raw]
    shutil.rmtree("production")
    assert main(["--needs"]) == 0 and json.loads(capsys.readouterr().out) == list(needs.ALWAYS)


def test_what_cannot_be_compared_ends_with_1_and_a_line(tmp_path, root, capsys):
    project.make(tmp_path, root)
    release = releases.current(Path("production"))
    card = release.folder / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"labels": ["Other", "Mass", "Nodule"]}))
    assert asked() == 1
    shutil.rmtree("production")
    assert asked() == 1
    said = capsys.readouterr().err
    assert "no model is in production" in said and "Traceback" not in said and not OUT.exists()


def test_labels_that_differ_are_refused_by_name(tmp_path, root):
    project.make(tmp_path, root)
    table = pd.read_parquet("data/manifest.parquet")
    from cxr.core.errors import UserError
    from cxr.data import manifest

    renamed = table.rename(columns={"label_Mass": "label_Lump"})
    head = manifest.Head("toy", "multilabel", tuple("Lump" if name == "Mass" else name for name in project.LABELS))
    manifest.write(Path("data/manifest.parquet"), manifest.Manifest(head, renamed))
    with pytest.raises(UserError, match="the two models answer different questions"):
        inputs.read(releases.current(Path("production")), Path(), 10**6)


def test_what_a_pipeline_made_is_its_chosen_variant_its_batches_and_its_pointing_game(tmp_path, root):
    project.make(tmp_path, root)
    found = pipeline_output_in(Path())
    assert (found.variant, found.model, found.batches, found.explanation) == (
        "int8",
        project.CHALLENGER,
        project.BATCHES,
        None,
    )
    game = {"score": 0.5, "images": 8, "hit_share": {"value": 0.5, "low": 0.2, "high": 0.8}, "random": 0.1}
    from cxr.model.model_folder import identity

    explained = {"model": {"identity": identity(project.CHALLENGER)}, "pointing_game": game}
    write_json(Path("metrics/explain.json"), explained)
    assert pipeline_output_in(Path()).explanation == {name: game[name] for name in ("score", "images", "hit_share")}
    write_json(Path("metrics/explain.json"), explained | {"pointing_game": {"images": 0, "score": "n/a"}})
    assert pipeline_output_in(Path()).explanation is None
    write_json(Path("metrics/explain.json"), {"model": {"identity": "0" * 64}, "pointing_game": game})
    with pytest.raises(ValueError, match="explains another model"):
        pipeline_output_in(Path())
    write_json(Path("metrics/compress.json"), {"chosen": {"name": "base"}})
    Path("metrics/explain.json").unlink()
    assert pipeline_output_in(Path()).model == Path("models/base")
    Path("metrics/compress.json").unlink()
    with pytest.raises(FileNotFoundError, match="make repro"):
        pipeline_output_in(Path())
