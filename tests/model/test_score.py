"""`python -m stages.score`: every file is scored, known, quarantined or passed over; each study once."""
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import scored_place as made

from stages import calibration, production
from stages.images.chain import apply
from stages.images.decode import decode, image_id
from stages.images.statistics import NAMES, describe
from stages.inference import Net
from stages.score import latency, log, run, worker
from stages.score.__main__ import main
from stages.score.places import find

LOG = Path("production/log")
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def place(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model in production, entered."""
    monkeypatch.chdir(tmp_path)
    for name in ("CXR_PRODUCTION", "CXR_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return made.make(tmp_path, root)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting other processes costs seconds."""
    monkeypatch.setattr(run.crew, "spread", lambda function, items, processes, chunk: (
        (index, function(item)) for index, item in enumerate(items)))


def test_the_log_says_what_the_net_says_of_the_image_preprocessed_as_in_training(place):
    paths = made.files(place / "in", range(7))
    assert main(["in"]) == 0  # with processes of its own
    table, net = log.read(LOG).set_index("source"), Net(production.current(place / "production").folder)
    assert sorted(table.index) == [path.name for path in paths]
    for path in paths:
        row, decoded = table.loc[path.name], decode(path.read_bytes(), 10**6)
        answers = net.answers(apply(made.CHAIN, decoded)[None])
        assert row["image_id"] == image_id(decoded) and (row["width"], row["height"], row["bit_depth"]) == (40, 40, 8)
        assert [row[f"logit_{label}"] for label in made.LABELS] == answers.logits[0].tolist()
        expected = calibration.apply(answers.logits, net.card["calibration"])[0]
        assert [row[f"probability_{label}"] for label in made.LABELS] == expected.tolist()
        assert np.array_equal(row["features"], answers.features[0]) and row["latency_ms"] > 0
        assert {name: np.float32(value) for name, value in describe(decoded).items()} == {n: row[n] for n in NAMES}
    assert set(table["version"]) == {"v1"} and str(table["scored_at"].dt.tz) == "UTC"
    assert next(LOG.glob("*/part-*.parquet")).parent.name.startswith("day=20")


def test_what_arrives_later_is_scored_alone_and_what_is_known_is_not_opened_again(place, in_this_process, monkeypatch,
                                                                                 capsys):
    made.files(place / "in", range(6))
    assert main(["in"]) == 0
    before = log.read(LOG)
    made.files(place / "in" / "later", range(6, 9))
    opened, real = [], worker.look
    monkeypatch.setattr(worker, "look", lambda source, *rest: opened.append(source) or real(source, *rest))
    assert main(["in"]) == 0
    assert sorted(opened) == ["later/0006.png", "later/0007.png", "later/0008.png"]
    assert "9 files seen = 3 scored + 6 already scored + 0 quarantined" in capsys.readouterr().out
    after = log.read(LOG)
    assert len(after) == 9 and after[:6].equals(before)


def test_the_same_pixels_under_two_names_or_in_another_format_are_one_study(place, in_this_process, capsys):
    first = made.files(place / "in", range(3))[0]
    shutil.copy(first, place / "in" / "copy.png")
    assert main(["in"]) == 0
    assert "4 files seen = 3 scored + 1 already" in capsys.readouterr().out and len(log.read(LOG)) == 3


def test_killed_again_and_again_each_study_stands_once_in_the_end(place):
    made.files(place / "in", range(120))
    command, environment = [sys.executable, "-m", "stages.score", "in"], {**os.environ, "PYTHONPATH": str(ROOT)}
    counts = []
    for more in (1, 9, 25, 60):
        child = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while child.poll() is None and len(rows()) < min(120, more + (counts[-1] if counts else 0)):
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        counts.append(len(rows()))
    assert 0 < counts[0] < counts[2] and counts[0] < 120, f"no kill hit a run at work: {counts}"
    whole = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"{len(rows())} files seen" in whole.stdout and len(rows()) == 120
    assert len(set(rows())) == 120 and not list(LOG.glob("day=*/.part-*"))


def rows() -> list[str]:
    """Ids of all rows on disk, as they stand there (not as `read` makes them unique)."""
    parts = list(LOG.glob("day=*/part-*.parquet"))
    try:
        return [image_id for part in parts for image_id in log._open(part, ["image_id"])["image_id"].to_pylist()]
    except FileNotFoundError:  # put together meanwhile
        return rows()


def test_bad_files_are_quarantined_once_with_a_reason_and_the_others_are_scored(place, in_this_process, monkeypatch,
                                                                                capsys):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "data"))
    import made_images

    made.files(place / "in", range(3))
    for name, (data, _) in made_images.BROKEN.items():
        (place / "in" / name).write_bytes(data)
    (place / "in" / "big.png").write_bytes(bytes((1 << 20) + 1))
    (place / "in" / "link.png").symlink_to(place / "params.yaml")
    os.mkfifo(place / "in" / "pipe.png")
    (place / "in" / "notes.txt").write_text("no image")
    expected = {name: reason for name, (_, reason) in made_images.BROKEN.items()}
    expected |= {"big.png": "too_large", "link.png": "link", "pipe.png": "special_file"}
    for turn in range(2):
        assert main(["in"]) == 0
        assert {row["path"]: row["reason"] for row in log.read_quarantine(LOG)} == expected
        assert len(log.read_quarantine(LOG)) == len(expected) and len(log.read(LOG)) == 3
        said = f"{3 * (1 - turn)} scored + {3 * turn} already scored + {len(expected)} quarantined"
        out = capsys.readouterr().out
        assert f"{3 + len(expected)} files seen = {said}" in out and "1 other files" in out
    assert not [path for path in LOG.rglob("*") if path.is_file() and str(place).encode() in path.read_bytes()]


def test_archives_are_searched_and_views_are_taken_from_the_table_beside(place, in_this_process):
    paths = made.files(place / "made", range(3))
    (place / "in").mkdir()
    with tarfile.open(place / "in" / "pack.tar", "w") as archive:
        for path in paths:
            archive.add(path, path.name)
    (place / "in" / "Data_Entry_2017.csv").write_text("Image Index,View Position\n0000.png,pa\n0002.png,AP\n")
    assert main(["in"]) == 0
    found = log.read(LOG).set_index("source")["view"].to_dict()
    assert found == {"pack.tar/0000.png": "PA", "pack.tar/0001.png": "", "pack.tar/0002.png": "AP"}


def test_a_new_release_is_taken_up_between_batches_and_never_within_one(place):
    places = find(place / "in", 1 << 20).places if made.files(place / "in", range(12)) else []
    orders = [worker.Order(place / "production", tuple(places[i:i + 4]), 1 << 20, 10**6) for i in (0, 4, 8)]
    real, seen = worker.look, []

    def look(*given):
        if not seen:  # another release comes while the first batch is under way
            made.release(place, "v2", 2.0)
        return seen.append(given) or real(*given)

    worker.look = look
    try:
        outcomes = [worker.work(order).scored for order in orders]
    finally:
        worker.look = real
    assert [outcome.version for outcome in outcomes] == ["v1", "v2", "v2"]
    assert all(len(outcome.studies) == 4 for outcome in outcomes)
    assert np.allclose(outcomes[1].probabilities, calibration.sigmoid(2.0 * outcomes[1].logits), atol=1e-6)


def test_after_a_promotion_old_studies_are_left_alone_unless_asked_for(place, in_this_process, capsys):
    made.files(place / "in", range(3))
    assert main(["in"]) == 0
    made.release(place, "v2", 2.0)
    assert main(["in"]) == 0 and "0 scored + 3 already" in capsys.readouterr().out
    assert main(["in", "--again"]) == 0 and "3 scored + 0 already scored + 0 quarantined (3 by v2)" in \
        capsys.readouterr().out
    assert main(["in", "--again"]) == 0 and "0 scored + 3 already" in capsys.readouterr().out
    assert sorted(log.read(LOG)["version"]) == ["v1"] * 3 + ["v2"] * 3


def test_two_runs_into_one_log_are_refused_and_errors_are_one_line(place, in_this_process, capsys):
    made.files(place / "in", range(2))
    with run._only_one(LOG):
        assert main(["in"]) == 1
    assert "another run scores into it" in capsys.readouterr().err
    assert main(["elsewhere"]) == 1 and "elsewhere: no such folder" in capsys.readouterr().err
    (production.current(place / "production").folder / "model.tflite").write_bytes(b"damaged")
    assert main(["in"]) == 1
    said = capsys.readouterr().err
    assert "model.tflite" in said and "Traceback" not in said
    shutil.rmtree(place / "production")
    assert main(["in"]) == 1 and "production install" in capsys.readouterr().err


def test_latency_is_measured_as_the_log_measures_it(place, in_this_process, monkeypatch):
    monkeypatch.setattr(latency.crew, "spread", run.crew.spread)
    made.files(place / "in", range(20))
    taken = latency.measure(place / "model", find(place / "in", 1 << 20).places, 4, 10**6)
    assert taken["images"] == 20 and 0 < taken["p50_ms"] <= taken["p95_ms"]
