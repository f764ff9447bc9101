"""The served path: a model folder's TFLite net in LiteRT."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr.core.errors import HashMismatch
from cxr.model import model_folder, probabilities
from cxr.model.litert import InferenceError, Net
from tests.fixtures import tiny_nets

KINDS = ("float", "int8", "uint8", "probabilities")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("nets")
    return {kind: tiny_nets.write(place / kind, kind, ["a", "b", "c"]) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_logits_do_not_depend_on_company_block_or_threads(folders: dict[str, Path], kind: str) -> None:
    images = tiny_nets.pictures(23)
    alone = np.concatenate([Net(folders[kind], block=1).logits(image[None]) for image in images])
    order = np.random.default_rng(0).permutation(23)
    for block, threads in ((1, 2), (3, 1), (4, 1), (8, 2), (64, 1)):
        net = Net(folders[kind], threads, block)
        np.testing.assert_array_equal(net.logits(images), alone)
        np.testing.assert_array_equal(net.logits(images[order]), alone[order])
        np.testing.assert_array_equal(net.logits(images[5:6]), alone[5:6])


@pytest.mark.parametrize(("kind", "tolerance"), [("int8", 0.05), ("uint8", 0.08)])
def test_integer_nets_take_uint8_and_give_logits_close_to_the_float_net(
    folders: dict[str, Path], kind: str, tolerance: float
) -> None:
    images = tiny_nets.pictures(40)
    exact, found = Net(folders["float"]).logits(images), Net(folders[kind]).logits(images)
    assert found.dtype == np.float32 and found.shape == (40, 3)
    assert np.abs(found - exact).max() < tolerance * np.ptp(exact)


def test_rounded_probabilities_come_back_as_finite_logits_close_to_the_float_nets(folders: dict[str, Path]) -> None:
    images = np.concatenate([tiny_nets.pictures(40), np.full((1, 16, 16, 1), 255, np.uint8)])
    exact, found = (probabilities.sigmoid(Net(folders[kind]).logits(images)) for kind in ("float", "probabilities"))
    assert np.abs(found - exact).max() < 0.02
    assert len(np.unique(found)) <= 256


def test_probabilities_are_the_cards_calibration_of_the_logits(folders: dict[str, Path]) -> None:
    net, images = Net(folders["float"]), tiny_nets.pictures(5)
    np.testing.assert_array_equal(net.probabilities(images), probabilities.sigmoid(net.logits(images)))


def test_no_image_gives_no_logits(folders: dict[str, Path]) -> None:
    assert Net(folders["float"]).logits(tiny_nets.pictures(4)[:0]).shape == (0, 3)


def test_features_are_the_float_nets_pooled_features_in_every_kind(folders: dict[str, Path]) -> None:
    import tf_keras as keras

    whole, images = tiny_nets.net(3), tiny_nets.pictures(11)
    pooled = keras.Model(whole.input, whole.get_layer("pool").output)(images.astype("f4")).numpy()
    for kind, tolerance in (("float", 1e-5), ("int8", 0.03), ("uint8", 0.03), ("probabilities", 0.03)):
        answers = Net(folders[kind]).answers(images)
        assert answers.features.dtype == np.float32 and answers.features.shape == (11, 8)
        assert np.abs(answers.features - pooled).max() < tolerance * np.ptp(pooled), kind
        np.testing.assert_array_equal(answers.logits, Net(folders[kind]).logits(images))


def test_the_features_do_not_change_a_logit(folders: dict[str, Path], tmp_path: Path) -> None:
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    images = tiny_nets.pictures(4)
    alone = Interpreter(model_content=tf.lite.TFLiteConverter.from_keras_model(tiny_nets.net(3)).convert())
    place = alone.get_input_details()[0]["index"]
    alone.resize_tensor_input(place, images.shape)
    alone.allocate_tensors()
    alone.set_tensor(place, images.astype("f4"))
    alone.invoke()
    np.testing.assert_array_equal(
        Net(folders["float"]).logits(images), alone.get_tensor(alone.get_output_details()[0]["index"])
    )


def test_a_net_without_features_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    import tensorflow as tf

    plain = bytes(tf.lite.TFLiteConverter.from_keras_model(tiny_nets.net(1)).convert())
    model_folder.write(tmp_path / "net", spec={}, weights=[], card=tiny_nets.card(["a"]), tflite=plain)
    with pytest.raises(InferenceError, match=r"no output features nor logits.*dvc repro"):
        Net(tmp_path / "net")


def test_two_conversions_give_the_same_bytes() -> None:
    first = tiny_nets.flatbuffer("int8", 3), tiny_nets.flatbuffer("float", 3)
    tiny_nets.flatbuffer.cache_clear()
    assert first == (tiny_nets.flatbuffer("int8", 3), tiny_nets.flatbuffer("float", 3))


@pytest.mark.parametrize(
    "images",
    [np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 8, 16, 1), np.uint8), np.zeros((1, 16, 16, 1), np.float32)],
)
def test_images_of_another_shape_or_type_are_refused(folders: dict[str, Path], images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="takes uint8 images"):
        Net(folders["float"]).logits(images)


def test_a_changed_net_is_refused(tmp_path: Path) -> None:
    folder = tiny_nets.write(tmp_path / "net", "float", ["a", "b", "c"])
    content = bytearray((folder / model_folder.TFLITE).read_bytes())
    content[-1] ^= 1
    (folder / model_folder.TFLITE).write_bytes(content)
    with pytest.raises(HashMismatch, match=r"model\.tflite"):
        Net(folder)


def test_a_file_that_is_no_flatbuffer_is_refused_by_name(tmp_path: Path) -> None:
    model_folder.write(tmp_path / "net", spec={}, weights=[], card=tiny_nets.card(["a"]), tflite=b"not a net" * 9)
    with pytest.raises(InferenceError, match=r"net/model.tflite: LiteRT cannot run it"):
        Net(tmp_path / "net")


def test_a_net_that_is_not_what_its_card_says_is_refused(tmp_path: Path) -> None:
    tflite = tiny_nets.flatbuffer("float", 3)
    model_folder.write(tmp_path / "net", spec={}, weights=[], card=tiny_nets.card(["only"]), tflite=tflite)
    with pytest.raises(InferenceError, match=r"gives logits \[3\], its card says \[16, 16, 1\] and \[1\]"):
        Net(tmp_path / "net")


def test_serving_does_not_import_tensorflow(folders: dict[str, Path], root: Path) -> None:
    code = (
        "import sys, numpy as np; from pathlib import Path; from cxr.model.litert import Net; "
        "import stages.evaluate.run; Net(Path(sys.argv[1])).logits(np.zeros((1, 16, 16, 1), 'u1')); "
        "sys.exit(any(m.split('.')[0] in ('tensorflow', 'tf_keras') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folders["int8"])], cwd=root, check=False).returncode == 0
