"""From a float net to the file that is served: a float32 TFLite flatbuffer (byte-stable by `from_keras_model`)."""
import tensorflow as tf
import tf_keras as keras


def float_tflite(net: keras.Model) -> bytes:
    """float32 images (n, H, W, C) in 0..255 in, float32 logits (n, labels) out."""
    return bytes(converter(net).convert())


def converter(net: keras.Model) -> tf.lite.TFLiteConverter:
    """A converter for the net with nothing optimised yet."""
    return tf.lite.TFLiteConverter.from_keras_model(net)
