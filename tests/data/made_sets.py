"""Small raw sets made for tests of batches and ingest, in the layouts `nih` and `folder`."""
from pathlib import Path
from typing import Any

import pandas as pd
from made_images import grey, png

from stages import artifacts, manifest
from stages.ingest.run import ingest
from stages.params.schema import Params

SALT_FINGERPRINT = "01bfe63055bb"
NIH_HEADER = ("Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
              "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]")
BOX_HEADER = "Image Index,Finding Label,Bbox [x,y,w,h],,,"
NIH = {"set": "made", "layout": "nih", "task": "multilabel", "labels": ["Mass", "Infiltration", "Effusion"]}
FOLDER = {"set": "made", "layout": "folder", "task": "binary", "labels": ["PNEUMONIA"], "negative": "NORMAL",
          "patient_pattern": r"^(?P<patient>person\d+|(?:NORMAL2-)?IM-\d+)"}


def put(folder: Path, files: dict[str, bytes | str]) -> Path:
    """Write files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def nih_row(name: str, findings: str = "No Finding", patient: int | str = 1, age: str = "50", study: int = 0) -> str:
    """A line of the Data_Entry table."""
    return f"{name},{findings},{study},{patient},{age},F,PA,2500,2048,0.168,0.168"


def nih_table(*rows: str, head: str = NIH_HEADER) -> str:
    """A Data_Entry table."""
    return "\n".join([head, *rows]) + "\n"


def nih_files(patients: int, first: int = 1) -> dict[str, bytes | str]:
    """A sound batch of layout nih: two images a patient."""
    names = {f"{p:08d}_{s:03d}.png": (p, s) for p in range(first, first + patients) for s in range(2)}
    rows = [nih_row(name, "Mass|Infiltration" if p % 2 else "No Finding", p, study=s) for name, (p, s) in names.items()]
    images = {f"images_001/images/{name}": png(grey(2 * p + s)) for name, (p, s) in names.items()}
    return {"Data_Entry_2017_v2020.csv": nih_table(*rows), **images}


def folder_files() -> dict[str, bytes | str]:
    """A sound batch of layout folder, with official folders."""
    names = ["train/NORMAL/IM-0001-0001.png", "train/NORMAL/NORMAL2-IM-0001-0001.png", "val/NORMAL/IM-0002-0001.png",
             "train/NORMAL/IM-0002-0002.png", "test/NORMAL/IM-0003-0001.png", "test/PNEUMONIA/person1_virus_1.png",
             "train/PNEUMONIA/person1_bacteria_2.png", "train/PNEUMONIA/person7_bacteria_9.png"]
    return {name: png(grey(100 + index)) for index, name in enumerate(names)}


def batch(files: dict[str, bytes | str], name: str = "batch-001", folder: Path = Path("data/raw/made")) -> Path:
    """A sealed batch of the set `made` in the working folder."""
    made = put(folder / name, files)
    artifacts.seal(made)
    return made


def params(section: dict[str, Any], **more: Any) -> Params:
    """Parameters with a section `ingest`; everything may be quarantined unless said otherwise."""
    lenient = {"salt_fingerprint": SALT_FINGERPRINT, "max_quarantined_fraction": 1.0}
    return Params.model_validate({"ingest": {**lenient, **section, **more}})


def run(section: dict[str, Any], **more: Any) -> pd.DataFrame:
    """Run the stage in the working folder; the manifest's table, indexed by source."""
    ingest(params(section, **more))
    return manifest.read(Path("data/manifest.parquet")).table.set_index("source")


def listed(name: str) -> pd.DataFrame:
    """One of the stage's CSV outputs."""
    return pd.read_csv(f"data/{name}.csv", keep_default_na=False)


def reasons() -> dict[str, str]:
    """File name without folders to reason, for all that is quarantined."""
    table = listed("quarantine")
    return {source.rpartition("/")[2]: reason for source, reason in zip(table.source, table.reason, strict=True)}


def counts() -> dict[str, Any]:
    """data/ingest.json."""
    made: dict[str, Any] = artifacts.read_json(Path("data/ingest.json"))
    return made


def adds_up() -> bool:
    """Whether every input row is in exactly one of the outputs."""
    made = counts()
    parts = made["manifest"] + sum(made["quarantined"].values()) + made["merged"] + made["absent"]
    return bool(parts == made["rows_in"])
