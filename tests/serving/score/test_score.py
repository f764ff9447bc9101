"""`python -m serving.score`: every file is scored, known, quarantined or passed over; each study once."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np

from cxr.imaging.decode import decode, image_id
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import NAMES, describe
from cxr.model import probabilities
from cxr.model.litert import Net
from cxr.model.probabilities import calibrated
from serving.log import quarantine, scoring_log
from serving.registry import releases
from serving.score import model, run, worker
from serving.score.command import main
from serving.score.files import find
from serving.score.score_images import ImageBounds
from tests.fixtures import scored_place as made

LOG = Path("production/log")
ROOT = Path(__file__).resolve().parents[3]


def test_the_log_says_what_the_net_says_of_the_image_preprocessed_as_in_training(place):
    paths = made.files(place / "in", range(7))
    assert main(["in"]) == 0  # with processes of its own
    table, net = scoring_log.read(LOG).set_index("source"), Net(releases.current(place / "production").folder)
    assert sorted(table.index) == [path.name for path in paths]
    for path in paths:
        row, decoded = table.loc[path.name], decode(path.read_bytes(), 10**6)
        answers = net.answers(apply(made.CHAIN, decoded)[None])
        assert row["image_id"] == image_id(decoded) and (row["width"], row["height"], row["bit_depth"]) == (40, 40, 8)
        assert [row[f"logit_{label}"] for label in made.LABELS] == answers.logits[0].tolist()
        expected = calibrated(answers.logits, net.card.calibration)[0]
        assert [row[f"probability_{label}"] for label in made.LABELS] == expected.tolist()
        assert np.array_equal(row["features"], answers.features[0]) and row["latency_ms"] > 0
        assert {name: np.float32(value) for name, value in describe(decoded).items()} == {n: row[n] for n in NAMES}
    assert set(table["version"]) == {"v1"} and str(table["scored_at"].dt.tz) == "UTC"
    assert next(LOG.glob("*/part-*.parquet")).parent.name.startswith("day=20")


def test_what_arrives_later_is_scored_alone_and_what_is_known_is_not_opened_again(
    place, in_this_process, monkeypatch, capsys
):
    made.files(place / "in", range(6))
    assert main(["in"]) == 0
    before = scoring_log.read(LOG)
    made.files(place / "in" / "later", range(6, 9))
    opened, real = [], worker.opened
    monkeypatch.setattr(worker, "opened", lambda source, *rest: opened.append(source) or real(source, *rest))
    assert main(["in"]) == 0
    assert sorted(opened) == ["later/0006.png", "later/0007.png", "later/0008.png"]
    assert "9 files seen = 3 scored + 6 already scored + 0 quarantined" in capsys.readouterr().out
    after = scoring_log.read(LOG)
    assert len(after) == 9 and after[:6].equals(before)


def test_the_same_pixels_under_two_names_or_in_another_format_are_one_study(place, in_this_process, capsys):
    first = made.files(place / "in", range(3))[0]
    shutil.copy(first, place / "in" / "copy.png")
    assert main(["in"]) == 0
    assert "4 files seen = 3 scored + 1 already" in capsys.readouterr().out and len(scoring_log.read(LOG)) == 3


SLOWLY = """
import sys, time
from serving.score import worker
from serving.score.command import main
look = worker.look
worker.look = lambda *given: time.sleep(0.1) or look(*given)
if __name__ == "__main__":
    sys.exit(main(["in"]))
"""


def test_killed_again_and_again_each_study_stands_once_in_the_end(place):
    made.files(place / "in", range(120))
    (place / "slowly.py").write_text(SLOWLY)  # so that all is not done before the kill comes
    environment, counts = {**os.environ, "PYTHONPATH": str(ROOT), "CXR_WORKERS": "2"}, []
    for more in (1, 9, 25, 60):
        child = subprocess.Popen(
            [sys.executable, "slowly.py"], env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        while child.poll() is None and len(rows()) < min(120, more + (counts[-1] if counts else 0)):
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        counts.append(len(rows()))
    assert 0 < counts[0] < counts[2] and counts[0] < 120, f"no kill hit a run at work: {counts}"
    whole = subprocess.run(
        [sys.executable, "-m", "serving.score", "in"], env=environment, check=True, text=True, capture_output=True
    )
    assert f"{len(rows())} files seen" in whole.stdout and len(rows()) == 120
    assert len(set(rows())) == 120 and not list(LOG.glob("day=*/.part-*"))


def rows() -> list[str]:
    """Ids of all rows on disk, as they stand there (not as `read` makes them unique)."""
    parts = list(LOG.glob("day=*/part-*.parquet"))
    try:
        opened = [scoring_log._open(part, ["image_id"]) for part in parts]
        return [image_id for table in opened for image_id in table["image_id"].to_pylist()]
    except FileNotFoundError:  # put together meanwhile
        return rows()


def test_bad_files_are_quarantined_once_with_a_reason_and_the_others_are_scored(
    place, in_this_process, monkeypatch, capsys
):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "data"))
    from tests.fixtures import made_images

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
        assert {row["path"]: row["reason"] for row in quarantine.read(LOG)} == expected
        assert len(quarantine.read(LOG)) == len(expected) and len(scoring_log.read(LOG)) == 3
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
    found = scoring_log.read(LOG).set_index("source")["view"].to_dict()
    assert found == {"pack.tar/0000.png": "PA", "pack.tar/0001.png": "", "pack.tar/0002.png": "AP"}


def test_a_new_release_is_taken_up_between_batches_and_never_within_one(place):
    places = find(place / "in", 1 << 20).images if made.files(place / "in", range(12)) else []
    orders = [
        worker.ScoringOrder(place / "production", tuple(places[i : i + 4]), ImageBounds(10**6)) for i in (0, 4, 8)
    ]
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
    assert np.allclose(outcomes[1].probabilities, probabilities.sigmoid(2.0 * outcomes[1].logits), atol=1e-6)


def test_after_a_promotion_old_studies_are_left_alone_unless_asked_for(place, in_this_process, capsys):
    made.files(place / "in", range(3))
    assert main(["in"]) == 0
    made.release(place, "v2", 2.0)
    assert main(["in"]) == 0 and "0 scored + 3 already" in capsys.readouterr().out
    assert (
        main(["in", "--again"]) == 0
        and "3 scored + 0 already scored + 0 quarantined (3 by v2)" in capsys.readouterr().out
    )
    assert main(["in", "--again"]) == 0 and "0 scored + 3 already" in capsys.readouterr().out
    assert sorted(scoring_log.read(LOG)["version"]) == ["v1"] * 3 + ["v2"] * 3


def test_images_too_large_to_be_held_together_are_looked_at_one_by_one_with_the_same_result(place, monkeypatch):
    made.files(place / "in", range(7))
    places, chain = find(place / "in", 1 << 20).images, model.in_use(place / "production").chain
    real, groups = worker.look, []
    monkeypatch.setattr(worker, "look", lambda images, *rest: groups.append(len(images)) or real(images, *rest))
    together, _ = worker.read(places, chain, ImageBounds(10**6))
    monkeypatch.setattr(worker, "_HELD_BYTES", 2 * 40 * 40 - 1)  # two images of 40 x 40 are too much
    apart, _ = worker.read(places, chain, ImageBounds(10**6))
    assert groups == [7, 2, 2, 2, 1]
    assert [study.image_id for study in apart] == [study.image_id for study in together]
    assert all(
        np.array_equal(one.pixels, other.pixels) and one.statistics == other.statistics
        for one, other in zip(apart, together, strict=True)
    )


def test_a_name_that_an_archive_holds_twice_is_scored_once_and_refused_once(place, in_this_process, capsys):
    paths = made.files(place, range(2))
    with tarfile.open(place / "in.tar", "w") as archive:
        for path in paths:
            archive.add(path, "same.png")
    (place / "in").mkdir()
    (place / "in.tar").rename(place / "in" / "pack.tar")
    assert main(["in"]) == 0 and "2 files seen = 1 scored + 0 already scored + 1 quarantined" in capsys.readouterr().out
    assert [row["reason"] for row in quarantine.read(LOG)] == ["doubled_name"]
    assert list(scoring_log.read(LOG)["source"]) == ["pack.tar/same.png"]


def test_two_runs_into_one_log_are_refused_and_errors_are_one_line(place, in_this_process, capsys):
    made.files(place / "in", range(2))
    with run._only_one(LOG):
        assert main(["in"]) == 1
    assert "another run scores into it" in capsys.readouterr().err
    assert main(["elsewhere"]) == 1 and "elsewhere: no such folder" in capsys.readouterr().err
    (releases.current(place / "production").folder / "model.tflite").write_bytes(b"damaged")
    assert main(["in"]) == 1
    said = capsys.readouterr().err
    assert "model.tflite" in said and "Traceback" not in said
    shutil.rmtree(place / "production")
    assert main(["in"]) == 1 and "cxr production install" in capsys.readouterr().err


def test_what_no_model_has_an_answer_for_is_quarantined_and_a_pipe_that_took_a_files_place_is_not_waited_for(
    place, in_this_process, monkeypatch
):
    (sound,) = made.files(place / "in", range(1))
    for name, value in (("black.png", 0), ("white.png", 255)):
        (place / "in" / name).write_bytes(cv2.imencode(".png", np.full((64, 64), value, np.uint8))[1].tobytes())
    (place / "in" / "swapped.png").write_bytes(sound.read_bytes())

    def swapped(folder, most):
        found = find(folder, most)
        (folder / "swapped.png").unlink()
        os.mkfifo(folder / "swapped.png")
        return found

    monkeypatch.setattr(run, "find", swapped)
    assert main(["in"]) == 0
    assert scoring_log.read(LOG)["source"].tolist() == [sound.name]
    reasons = {row["path"]: row["reason"] for row in quarantine.read(LOG)}
    assert reasons == {"black.png": "blank", "white.png": "blank", "swapped.png": "unreadable"}
