"""A project of 150 made-up images in which only `compress` is left to do; imported by tests of train and compress."""
import numpy as np
import pandas as pd
import yaml

from stages import manifest, modelfolder, nets, session, shards
from stages.artifacts import write_json
from stages.images.chain import Chain
from stages.learning import card
from stages.learning.served import float_tflite, served_answers
from stages.params import Params
from stages.params.schema import Machine

SIDE, LABELS = 16, ("bright_square", "bright_edge")
PARAMS = {
    "machine": {"intra_op_threads": 2},
    "ingest": {"set": "made-up", "layout": "folder", "task": "multilabel", "labels": list(LABELS),
               "salt_fingerprint": "0" * 12},
    "preprocess": {"size": SIDE},
    "train": {"width": 4, "seed": 1, "batch_size": 16, "learning_rate": 0.01, "checkpoint_seconds": 1e6,
              "augment": {"shift": 0.1}},
    "compress": {"variants": ["float16", "int8", "pruned_int8"], "uint8_output": True, "representative_images": 8,
                 "prune": {"sparsity": 0.5, "epochs": 2, "learning_rate": 0.001}},
}


def made_up_rows(random, count):
    """A manifest's rows for images of no one: ids, splits and two labels."""
    ids = sorted(f"{i:08x}{i:024x}" for i in random.choice(2**31, count, replace=False))
    split = np.resize(["train", "train", "validation"], count)
    filled = {"study": "", "view": "PA", "sex": "", "age": np.float32(50), "batch": "b", "source": "", "sha256": "",
              "width": SIDE, "height": SIDE, "bit_depth": 8, **dict.fromkeys(manifest.STATISTICS, np.float32(40)),
              "boxes": "[]", "gate": np.arange(count) % 15 == 2}
    table = pd.DataFrame({"image_id": ids, "patient": ids, "split": split, **filled})
    for label in LABELS:
        table[f"label_{label}"] = random.integers(0, 2, count).astype(np.int8)
    return table


def made_up_images(random, table):
    """Noise of 16x16 in which a bright square means the first label, a bright edge the second."""
    images = random.integers(20, 130, (len(table), SIDE, SIDE, 1), dtype=np.uint8)
    images[:, 4:8, 4:8] += np.uint8(60) * table["label_bright_square"].to_numpy(np.uint8)[:, None, None, None]
    images[:, :, 14:] += np.uint8(60) * table["label_bright_edge"].to_numpy(np.uint8)[:, None, None, None]
    return images


def write_data(project):
    """data/ and params.yaml of a project of 150 made-up images."""
    random = np.random.default_rng(0)
    table = made_up_rows(random, 150)
    images = dict(zip(table["image_id"], made_up_images(random, table), strict=True))
    head = manifest.Head("made-up", "multilabel", LABELS, split_rule={"rule": "hash"})
    manifest.write(project / "data/manifest.parquet", manifest.Manifest(head, table))
    for bucket, ids in shards.plan(list(images), 4).items():
        shards.write_bucket(project / "data/processed", bucket, np.stack([images[i] for i in ids]))
    write_json(project / "data/processed/chain.json", Chain(SIDE, 0.0, 2, 1).to_dict())
    shards.finish(project / "data/processed", list(images), 4)
    complete = Params.model_validate(PARAMS).model_dump(mode="json", by_alias=True)
    (project / "params.yaml").write_text(yaml.safe_dump(complete))


def write_base(project):
    """models/base: a tiny net trained for eight epochs."""
    session.start(Machine(intra_op_threads=2), 1)
    spec = nets.spec("small", width=4, dropout=0.0, shape=(SIDE, SIDE, 1), outputs=len(LABELS))
    net = nets.build(spec)
    data = manifest.read(project / "data/manifest.parquet")
    read = shards.Shards(project / "data/processed")
    train = data.rows("train")
    images = read.images(list(train.table["image_id"])).astype(np.float32)
    net.compile("adam", nets.keras.losses.BinaryCrossentropy(from_logits=True))
    net.optimizer.learning_rate = 0.01
    net.fit(images, train.targets(), batch_size=20, epochs=8, verbose=0, shuffle=False)
    tflite, validation = float_tflite(net), data.rows("validation", gate=False)
    content = card.base_card("base", data, Chain(SIDE, 0.0, 2, 1), "data", "code")
    answers = served_answers(content, tflite, read.images(list(validation.table["image_id"])))
    modelfolder.write(project / "models/base", spec=spec, weights=net.get_weights(),
                      card={**content, **card.measured(validation, answers.logits)}, tflite=tflite,
                      reference=card.reference(validation, answers))
