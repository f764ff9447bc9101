"""SHAP values of one logit at a time: Deep SHAP (Lundberg & Lee 2017; the rescale rule of DeepLIFT, Shrikumar et al.
2017) over a fixed background. Logits, not probabilities, so that values sum to f(x) - E f(background).

Not for choosing or drawing anything. Importing it imports TensorFlow and shap; an error inside shap leaves
TensorFlow's gradient registry broken, so a process that saw one must end.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shap
import tf_keras as keras
from shap.explainers._deep import deep_tf

from cxr.nets.layers.head import LOGITS

METHOD = "shap.DeepExplainer"
_CHUNK_BYTES = 1_000_000_000  # activations held at once; bounds how many background images run together

# shap knows no inference-time batch normalisation, depthwise convolution or ReLU6; the first two are linear in input 0.
deep_tf.op_handlers.setdefault("FusedBatchNormV3", deep_tf.linearity_1d(0))
deep_tf.op_handlers.setdefault("DepthwiseConv2dNative", deep_tf.linearity_1d(0))
deep_tf.op_handlers.setdefault("Relu6", deep_tf.nonlinearity_1d(0))


@dataclass(frozen=True)
class Attribution:
    """`values`: float32 (height, width), in logits, summed over channels; `output` f(x), `expected` E f(background)."""

    values: np.ndarray
    output: float
    expected: float

    @property
    def error(self) -> float:
        """What is missing to completeness: |sum of values - (f(x) - E f(background))|, in logits."""
        return abs(float(self.values.sum(dtype=np.float64)) - (self.output - self.expected))


class Explainer:
    """Explains single logits of one net; built once, since tracing costs more than explaining."""

    def __init__(self, net: keras.Model, background: np.ndarray) -> None:
        """`net`: a flat model from `cxr.nets`; `background`: uint8 (n, height, width, channels) of train images."""
        head = net.get_layer(LOGITS)
        self._kernel, self._bias = head.get_weights()
        self._one = keras.layers.Dense(1, name="one_logit")
        self._view = keras.Model(net.input, self._one(head.input))
        self._background = background.astype(np.float32)
        self._chunk = self._background
        # A view of one logit whose head's weights change: one trace serves every label. A function as background lets
        # shap take it in chunks that fit into memory.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Your TensorFlow version is newer")  # its own check: completeness error
            self._shap = shap.DeepExplainer(self._view, lambda image: [self._chunk])
        self._expected: dict[int, float] = {}

    def explain(self, image: np.ndarray, label: int) -> Attribution:
        """Attribution of one image, uint8 (height, width, channels), to logit number `label`."""
        self._one.set_weights([self._kernel[:, label : label + 1], self._bias[label : label + 1]])
        if label not in self._expected:
            self._expected[label] = float(np.mean([v for part in self._chunks() for v in self._outputs(part)]))
        one = image.astype(np.float32)[None]
        return Attribution(self._values(one), float(self._outputs(one)[0]), self._expected[label])

    def _values(self, image: np.ndarray) -> np.ndarray:
        """SHAP values of one image, float32 (1, H, W, C), summed over channels: float32 (H, W), in logits."""
        total = np.zeros(image.shape[1:3], np.float64)
        for chunk in self._chunks():
            self._chunk = chunk
            values = self._shap.shap_values(image, check_additivity=False)  # its error is measured and reported
            total += np.asarray(values, np.float64).reshape(image.shape[1:]).sum(axis=-1) * len(chunk)
        return (total / len(self._background)).astype(np.float32)

    def _outputs(self, images: np.ndarray) -> np.ndarray:
        """The logit under explanation for images float32 (n, H, W, C): float64 (n,)."""
        return np.asarray(self._view(images, training=False), np.float64)[:, 0]

    def _chunks(self) -> Sequence[np.ndarray]:
        """The background in parts of about equal size; how many is a function of the net alone."""
        image_bytes = 4 * 2 * sum(int(np.prod(layer.output.shape[1:])) for layer in self._view.layers)
        at_once = max(1, _CHUNK_BYTES // (2 * image_bytes))  # shap runs the image beside every background image
        return np.array_split(self._background, -(-len(self._background) // at_once))


def completeness_error(attributions: Sequence[Attribution]) -> float:
    """Mean |sum - (f(x) - E f(background))| as a part of mean |f(x) - E f(background)|; NaN where there is none."""
    spans = [abs(a.output - a.expected) for a in attributions]
    if not any(spans):
        return float("nan")
    return float(np.mean([a.error for a in attributions]) / np.mean(spans))
