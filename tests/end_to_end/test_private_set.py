"""A hospital's set from its batch to the gate: no name of a file and no id of a patient stands anywhere but in the raw
data and in `.runs/names`."""

import csv
import json
import re
import shutil
import stat
import sys

import pandas as pd
import pytest

from cxr.core.patient_salt import fingerprint
from tests.fixtures.workspace import Workspace

SALT = "a long word of the hospital's own"
SECRETS = ("Mueller", "Annabel", "PAT-8765", "Zyxwvut")
# what is known to hold names: raw data, DVC's index of them, and the folder that names are kept in
RAW = ("data/raw/hospital", ".dvc/tmp/site", ".runs/names", "production/inbox", "incoming", ".git")
pytestmark = pytest.mark.slow


def name_of(name):
    """A file's name as a hospital has it: who is on it, and when."""
    patient, study = re.findall(r"\d+", name)[:2]
    return f"Mueller_Annabel_{int(patient):04d}_2024013{int(study) % 10}.png"


def renamed(source, target):
    """NIH's layout with a hospital's names and ids, and what else such a folder holds."""
    shutil.copytree(source, target)
    for path in sorted(target.rglob("*.png")):
        path.rename(path.with_name(name_of(path.name)))
    for table in [*target.glob("Data_Entry*.csv"), *target.glob("BBox*.csv")]:
        rows = list(csv.reader(table.open()))
        for row in rows[1:]:
            row[0] = name_of(row[0])
            if "Patient ID" in rows[0]:
                place = rows[0].index("Patient ID")
                row[place] = f"PAT-8765-{row[place]}"
        with table.open("w", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
    (table,) = target.glob("Data_Entry*.csv")
    table.rename(table := table.with_name("Data_Entry_Mueller.csv"))
    (target / "SHA256SUMS").unlink(missing_ok=True)
    first = table.read_text().splitlines()[1].split(",")
    with table.open("a") as stream:
        stream.write(",".join(["Zyxwvut_gone.png", *first[1:]]) + "\n")
        stream.write(",".join(["Zyxwvut_word.png", "Zyxwvut", *first[2:]]) + "\n")
        stream.write(",".join(["Zyxwvut_cut.png", *first[1:]]) + "\n")
    whole = next(target.rglob("*.png"))
    (whole.parent / "Zyxwvut_word.png").write_bytes(whole.read_bytes())
    (whole.parent / "Zyxwvut_cut.png").write_bytes(whole.read_bytes()[:900])
    (whole.parent / "Zyxwvut_stray.png").write_bytes(whole.read_bytes())
    return target


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """A workspace of the preset `tiny` on a private set, its pipeline run, with all that was said meanwhile."""
    folder = tmp_path_factory.mktemp("private") / "w"
    made = Workspace(folder)
    made.environment["CXR_PATIENT_SALT"] = SALT
    for stage in ("check", "phantom"):
        made.run(sys.executable, "-m", f"stages.{stage}")
    source = renamed(folder / "data/raw/phantom/batch-001", folder.with_name("from"))
    shutil.rmtree(folder / "data/raw/phantom")
    made.edit("  set: phantom ", "  set: hospital ")
    made.edit("  public: true ", "  public: false ")
    made.edit('"01bfe63055bb"', f'"{fingerprint(SALT)}"')
    made.edit("max_quarantined_fraction: 0.01", "max_quarantined_fraction: 0.1")
    made.edit("epochs: 3 ", "epochs: 1 ")
    made.run(sys.executable, "-m", "cxr.raw", "add", "--set", "hospital", "--from", str(source))
    done = made.repro()
    (folder / "said.txt").write_text(done.stdout + done.stderr)
    return made


def say(made, *command, accept=(0,)):
    """Run a command in the workspace; what it said is kept beside what was said before."""
    done = made.run(sys.executable, "-m", *command, check=False)
    assert done.returncode in accept, done.stdout + done.stderr
    with (made.folder / "said.txt").open("a") as stream:
        stream.write(done.stdout + done.stderr)
    return done.stdout


def raw_objects(folder):
    """The paths in DVC's cache of the raw set itself: its listing and its files."""
    top = re.search(r"md5: (\w+)\.dir", (folder / "data/raw/hospital.dvc").read_text())[1]
    store = folder / ".dvc/cache/files/md5"
    listing = store / top[:2] / f"{top[2:]}.dir"
    return {listing} | {store / each["md5"][:2] / each["md5"][2:] for each in json.loads(listing.read_text())}


def names_found(folder, but=RAW):
    """Path to the secrets that stand in a file, or in its name, wherever nothing of the kind may be."""
    found, passed = {}, raw_objects(folder) if but else ()
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path in passed or place.startswith(but) or not path.is_file():
            continue
        text = place + path.read_bytes().decode("latin-1")
        if path.read_bytes()[:4] == b"PAR1":
            text += pd.read_parquet(path).to_csv()
        if secrets := [word for word in SECRETS if word in text]:
            found[place] = secrets
    return found


def test_the_pipeline_names_nobody(hospital):
    made = json.loads((hospital.folder / "data/ingest.json").read_text())
    assert sum(made["quarantined"].values()) == 3 and made["absent"] == 1 and made["manifest"] == 120
    assert names_found(hospital.folder) == {}
    everywhere = names_found(hospital.folder, but=())  # they would be found
    assert {path.partition("/")[0] for path in everywhere} == {"data", ".runs", ".dvc"}
    assert {word for words in everywhere.values() for word in words} == set(SECRETS)


def test_the_names_are_for_their_owner_alone_and_lead_back(hospital):
    folder = hospital.folder / ".runs/names"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    text = (folder / "set-hospital.csv").read_text()
    assert all(word in text for word in SECRETS)
    assert "set-hospital" not in hospital.run("git", "status", "--porcelain", "--untracked-files=all").stdout


def test_production_names_nobody_either_and_feedback_finds_its_images(hospital):
    folder = hospital.folder
    batch = folder / "data/raw/hospital/batch-001"
    shutil.copytree(batch, folder / "incoming", ignore=shutil.ignore_patterns("SHA256SUMS"))
    say(hospital, "serving.registry", "install", "--version", "v0.0.1")
    assert stat.S_IMODE((folder / "production").stat().st_mode) == 0o700
    say(hospital, "serving.score", "incoming", "--page", "score.md")
    say(hospital, "serving.score", "incoming", "--json")
    say(hospital, "serving.monitor", "--images", "incoming", accept=(0, 3))
    told = folder.with_name("told.csv")
    names = sorted(
        path.relative_to(folder / "incoming").as_posix() for path in (folder / "incoming").rglob("Mueller*.png")
    )
    labels = ["Atelectasis", "Cardiomegaly", "Effusion", "Infiltration"]
    lines = [",".join(["source", *labels]), *(f"{name},1,0,0,0" for name in names[:30])]
    told.write_text("\n".join(lines) + "\n")
    say(hospital, "serving.feedback", "add", str(told))
    say(hospital, "serving.feedback", "batch", "week-1", "--images", "incoming")
    say(hospital, "serving.monitor", "--images", "incoming", accept=(0, 3))
    say(hospital, "serving.gate", "--out", "production/gates/one", "--version", "v0.0.2", accept=(0, 3))
    assert (folder / "production/inbox/week-1/Data_Entry_feedback.csv").read_text().count("PAT-8765") == 30
    assert names_found(folder) == {}


def test_what_stops_a_stage_names_nobody(hospital, tmp_path):
    made = Workspace.copy_of(hospital, tmp_path / "w")
    made.environment["CXR_PATIENT_SALT"] = SALT
    (path,) = (made.folder / "data/raw/hospital").rglob("Data_Entry_Mueller.csv")
    path.chmod(0o644)
    path.write_text(path.read_text().replace("Patient ID", "Zyxwvut"))
    done = made.repro("-f", "-s", "ingest", check=False)
    assert done.returncode and ".runs/names/ingest.txt" in done.stdout + done.stderr
    (made.folder / "said.txt").write_text(done.stdout + done.stderr)
    assert names_found(made.folder) == {}
    assert "Data_Entry_Mueller.csv" in (made.folder / ".runs/names/ingest.txt").read_text()
