"""Using a model folder on images: `cxr predict MODEL_FOLDER IMAGE_OR_FOLDER...`; no TensorFlow."""
