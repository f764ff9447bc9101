"""The embedded default's data: layout, determinism, prevalence, label noise, and no cheap way to solve it."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from cxr.params import load
from stages.ingest.patients import PUBLIC_SALT, key
from stages.ingest.splits import split_of
from stages.phantom import write
from stages.phantom.plan import CHRONIC, FINDINGS, StudyPlan, plan_studies
from stages.phantom.render import render_study
from stages.phantom.write import BOX_LIST, DATA_ENTRY, write_batch

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Params:
    """The phantom section of params.yaml, small."""

    studies: int = 30
    image_size: int = 128
    seed: int = 7
    label_noise: float = 0.0
    prevalence: float = 0.12
    scanner_b_fraction: float = 0.25


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small batch on disk."""
    folder = tmp_path_factory.mktemp("batch")
    write_batch(folder, Params())
    return folder


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _present(plans: list[StudyPlan]) -> NDArray[np.bool_]:
    return np.array([[finding in plan.visibility for finding in FINDINGS] for plan in plans])


def _labelled(plans: list[StudyPlan]) -> NDArray[np.bool_]:
    return np.array([[finding in plan.labels for finding in FINDINGS] for plan in plans])


def test_the_data_entry_table_has_the_header_and_the_fields_that_nih_ships(batch: Path) -> None:
    text = (batch / DATA_ENTRY).read_bytes().decode()
    assert "\r" not in text
    assert text.splitlines()[0] == (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
    )
    for row in _rows(batch / DATA_ENTRY)[1:]:
        assert len(row) == 11
        assert row[0] == f"{int(row[3]):08d}_{int(row[2]):03d}.png"
        assert set(row[1].split("|")) <= {*FINDINGS, "No Finding"}
        assert 18 <= int(row[4]) <= 95 and row[5] in "MF" and row[6] in ("PA", "AP")


def test_every_row_has_its_grey_8_bit_image(batch: Path) -> None:
    names = {row[0] for row in _rows(batch / DATA_ENTRY)[1:]}
    assert names == {path.name for path in (batch / "images").iterdir()}
    for name in names:
        image = cv2.imread(str(batch / "images" / name), cv2.IMREAD_UNCHANGED)
        assert image.shape == (128, 128) and image.dtype == np.uint8


def test_the_box_list_has_nihs_odd_header_and_its_name_for_infiltration(tmp_path: Path) -> None:
    write_batch(tmp_path, replace(Params(), studies=60, image_size=64, prevalence=0.4))
    lines = (tmp_path / BOX_LIST).read_text().splitlines()
    assert lines[0] == "Image Index,Finding Label,Bbox [x,y,w,h],,,"
    names = {line.split(",")[1] for line in lines[1:]}
    assert "Infiltrate" in names and "Infiltration" not in names
    assert all(len(line.split(",")) == 6 for line in lines[1:])


def test_the_same_parameters_give_the_same_bytes(batch: Path, tmp_path: Path) -> None:
    write_batch(tmp_path, Params())
    assert _bytes(tmp_path) == _bytes(batch)


def test_the_number_of_processes_changes_no_byte(batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_WORKERS", "2")
    monkeypatch.setattr(write, "_CHUNK", 8)  # so that so small a batch is worth two processes
    write.write_batch(tmp_path, Params())
    assert _bytes(tmp_path) == _bytes(batch)


def test_another_seed_gives_other_images(batch: Path, tmp_path: Path) -> None:
    write_batch(tmp_path, replace(Params(), seed=8, studies=1))
    first = "images/00000001_000.png"
    assert _bytes(tmp_path)[first] != _bytes(batch)[first]


def test_more_studies_change_no_earlier_image_and_no_earlier_row(batch: Path, tmp_path: Path) -> None:
    write_batch(tmp_path, replace(Params(), studies=45))
    before, after = _bytes(batch), _bytes(tmp_path)
    images = [name for name in before if name.endswith(".png")]
    assert all(after[name] == before[name] for name in images) and len(images) == 30
    assert after[DATA_ENTRY].startswith(before[DATA_ENTRY])
    assert after[BOX_LIST].startswith(before[BOX_LIST])


def test_a_later_batch_takes_other_patients_on_the_scanner_asked_for(tmp_path: Path) -> None:
    assert write_batch(tmp_path, Params(), scanner="B", studies=12, first_patient=500) == 12
    rows = _rows(tmp_path / DATA_ENTRY)[1:]
    assert len(rows) == 12 and min(int(row[3]) for row in rows) == 500
    assert {row[7] for row in rows} == {"2992"}


def test_an_unknown_scanner_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'C'.*A, B"):
        write_batch(tmp_path, Params(), scanner="C")


def test_boxes_lie_within_the_image_and_only_on_findings_present() -> None:
    params = Params()
    for plan in plan_studies(replace(params, studies=80, prevalence=0.3)):
        for box in render_study(plan, 128, params.seed).boxes:
            assert box.finding in plan.visibility
            assert box.x >= 0 and box.y >= 0 and min(box.width, box.height) >= 1
            assert box.x + box.width <= 128 and box.y + box.height <= 128


@pytest.mark.parametrize("finding", FINDINGS)
def test_each_finding_has_a_box_and_changes_the_image_mostly_inside_it(finding: str) -> None:
    plan = replace(next(plan_studies(Params())), visibility={finding: 1.0})
    shown, healthy = render_study(plan, 256, seed=7), render_study(replace(plan, visibility={}), 256, seed=7)
    assert shown.boxes
    change = np.abs(shown.pixels.astype(float) - healthy.pixels)
    inside = np.zeros(change.shape, bool)
    for box in shown.boxes:
        x, y = int(box.x), int(box.y)
        inside[y : y + int(box.height) + 1, x : x + int(box.width) + 1] = True
    assert change[inside].mean() > 2 * change[~inside].mean()


@pytest.fixture(scope="module")
def present() -> NDArray[np.bool_]:
    """The findings present in each of 2,000 studies."""
    return _present(list(plan_studies(replace(Params(), studies=2000))))


def test_every_label_has_a_prevalence_of_10_to_15_per_cent(present: NDArray[np.bool_]) -> None:
    prevalence = present.mean(axis=0)
    assert (prevalence > 0.10).all() and (prevalence < 0.15).all()


def test_the_defaults_labels_have_a_prevalence_of_about_10_to_15_per_cent() -> None:
    prevalence = _labelled(list(plan_studies(load(ROOT / "presets/default.yaml").phantom))).mean(axis=0)
    assert prevalence.min() > 0.10
    assert prevalence.max() < 0.155  # Pneumonia: 301 of 2,000


def test_chronic_findings_stay_with_the_patient() -> None:
    plans = list(plan_studies(replace(Params(), studies=300)))
    chronic = {(plan.patient, frozenset(plan.visibility) & frozenset(CHRONIC)) for plan in plans}
    assert len(chronic) == len({plan.patient for plan in plans})


def test_edema_comes_with_a_large_heart_and_effusion_more_often_than_alone(present: NDArray[np.bool_]) -> None:
    at = FINDINGS.index
    edema = present[:, at("Edema")]
    for other in ("Cardiomegaly", "Effusion"):
        column = present[:, at(other)]
        assert column[edema].mean() > 1.4 * column[~edema].mean()


def test_label_noise_flips_the_given_fraction_of_positives_and_as_many_negatives() -> None:
    plans = list(plan_studies(replace(Params(), studies=3000, label_noise=0.2)))
    present, labelled = _present(plans), _labelled(plans)
    lost, gained = (present & ~labelled).sum(), (~present & labelled).sum()
    assert abs(lost / present.sum() - 0.2) < 0.02
    assert abs(gained / lost - 1) < 0.12


def test_without_label_noise_the_table_names_what_is_there() -> None:
    plans = list(plan_studies(replace(Params(), studies=100)))
    assert (_present(plans) == _labelled(plans)).all()


def _thumbnail_features(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """A 16x16 thumbnail and global statistics."""
    thumbnail = cv2.resize(pixels, (16, 16), interpolation=cv2.INTER_AREA).ravel()
    percentiles = np.percentile(pixels, [1, 5, 10, 25, 50, 75, 90, 95, 99])
    return np.concatenate([thumbnail, [pixels.mean(), pixels.std()], percentiles]) / 255


def _thumbnail_aurocs(
    features: NDArray[np.float64], labels: NDArray[np.bool_], test: NDArray[np.bool_], c: float
) -> list[float]:
    """AUROC per finding of logistic regression with inverse regularisation `c`, on the patients of `test`."""
    scaler = StandardScaler().fit(features[~test])
    train_x, test_x = scaler.transform(features[~test]), scaler.transform(features[test])
    scores = []
    for truth in labels.T:
        model = LogisticRegression(C=c, max_iter=300).fit(train_x, truth[~test])
        scores.append(roc_auc_score(truth[test], model.decision_function(test_x)))
    return scores


def test_thumbnails_and_global_statistics_do_not_solve_it_however_regularised() -> None:
    plans = list(plan_studies(replace(Params(), studies=800)))
    features = np.stack([_thumbnail_features(render_study(plan, 128, seed=7).pixels) for plan in plans])
    labels = _present(plans)
    test = np.array([plan.patient % 5 == 0 for plan in plans])
    with threadpool_limits(1):  # small fits: threads would only wait for one another
        macro = [np.mean(_thumbnail_aurocs(features, labels, test, c)) for c in (0.01, 0.1, 1, 10)]
    assert min(macro) > 0.5, macro
    assert max(macro) < 0.70, macro


def test_the_default_has_20_positives_of_each_label_among_the_test_patients() -> None:
    params = load(ROOT / "presets/default.yaml")
    plans = list(plan_studies(params.phantom))
    keys = [key(PUBLIC_SALT, params.ingest.set, str(plan.patient)) for plan in plans]
    tested = np.array([split_of(params.ingest.split, patient, "", frozenset()) == "test" for patient in keys])
    assert 180 < tested.sum() < 240
    assert _labelled(plans)[tested].sum(axis=0).min() >= 20
