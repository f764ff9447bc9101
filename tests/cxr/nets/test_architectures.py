"""Keras's backbones as the model case uses them: flat, pooled, with ImageNet weights from a file or a clear word."""

import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

from cxr.nets import factory, registry
from cxr.nets.imagenet import MissingWeights
from cxr.params.learning import Train


def spec(net):
    return factory.spec(net, width=16, dropout=0.0, shape=(64, 64, 1), outputs=14)


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    """A file of weights as Keras ships them (no top), with arrays of our own, and the backbone they are of."""
    backbone = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3))
    backbone.set_weights([array + np.float32(0.01) for array in backbone.get_weights()])
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    backbone.save_weights(str(path), save_format="h5")
    return path, backbone


def test_the_model_case_is_flat_resnet50_with_global_average_pooling_and_a_dense_layer_of_14():
    net = factory.build(spec("resnet50"))
    assert not [layer for layer in net.layers if hasattr(layer, "layers")]
    *_, pool, dense = net.layers
    assert isinstance(pool, layers.GlobalAveragePooling2D)
    assert isinstance(dense, layers.Dense) and dense.output_shape == (None, 14)
    convolutions = [layer for layer in net.layers if isinstance(layer, layers.Conv2D) and layer.trainable]
    assert len(convolutions) == 53  # 49 on the way, 4 in the shortcuts; with the dense layer 50 on the way


def test_the_nets_that_have_a_file_are_those_that_params_yaml_may_name():
    assert sorted(get_args(Train.model_fields["net"].annotation)) == registry.names()
    assert {"densenet121", "mobilenetv2", "resnet50", "small"} <= set(registry.names())


def test_a_net_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match=r"net 'alexnet' is not known; known: densenet121, .*, small"):
        factory.build(spec("alexnet"))


def test_looking_up_names_imports_neither_a_net_nor_tensorflow():
    code = "import sys; from cxr.nets import registry; registry.names(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "cxr.nets.architectures" in loaded
    assert not {"tensorflow", "tf_keras", "cxr.nets.architectures.small"} & set(loaded)


def strided_1x1(net):
    return [
        layer.name
        for layer in net.layers
        if isinstance(layer, layers.Conv2D) and layer.kernel_size == (1, 1) and layer.strides != (1, 1)
    ]


@pytest.mark.parametrize("net", registry.names())
def test_no_net_has_a_strided_1x1_convolution(net):
    """Its gradient has raced with oneDNN. Keras's own ResNet50 has them."""
    built = factory.build(spec(net))
    assert len([layer for layer in built.layers if isinstance(layer, layers.Conv2D)]) > 5
    assert strided_1x1(built) == []


def test_resnet50_has_no_strided_1x1_convolution_and_answers_as_keras_one_does():
    ours = factory.build(spec("resnet50"))
    assert not strided_1x1(ours)
    keras_one = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(64, 64, 3))
    assert strided_1x1(keras_one)
    grey = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1)).astype(np.float32)
    features = keras.Model(ours.input, ours.get_layer("conv5_block3_out").output)
    features.set_weights(features.get_weights()[:1] + keras_one.get_weights())
    prepared = keras.Model(ours.input, ours.get_layer("scale").output)(grey)
    np.testing.assert_allclose(features(grey), keras_one(prepared), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("net", ["resnet50", "mobilenetv2"])
def test_one_step_repeated_gives_the_same_gradients(net):
    tf.config.experimental.enable_op_determinism()
    model = factory.build(spec(net))
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (4, 64, 64, 1)).astype(np.float32))

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(images, training=True)))
        return tape.gradient(loss, model.trainable_variables)

    first = [g.numpy().tobytes() for g in gradients()]
    for _ in range(5):
        assert [g.numpy().tobytes() for g in gradients()] == first


def test_weights_of_a_local_file_are_in_the_backbone(mobilenet):
    path, backbone = mobilenet
    net = factory.build(spec("mobilenetv2"), str(path))
    for name in ("Conv1", "block_5_expand", "Conv_1"):
        assert np.array_equal(net.get_layer(name).get_weights()[0], backbone.get_layer(name).get_weights()[0])


def test_a_missing_file_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(MissingWeights, match=r"resnet50_weights_tf_dim_ordering_tf_kernels_notop\.h5"):
        factory.build(spec("resnet50"), "imagenet")


def test_a_file_that_is_cut_off_or_of_another_net_is_refused_by_name(mobilenet, tmp_path):
    path, _ = mobilenet
    cut = tmp_path / "cut.h5"
    cut.write_bytes(path.read_bytes()[:5000])
    for given, net in ((cut, "mobilenetv2"), (path, "densenet121")):
        with pytest.raises(MissingWeights, match=given.name):
            factory.build(spec(net), str(given))
