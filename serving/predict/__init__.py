"""Using a model folder on images: `python -m serving.predict MODEL_FOLDER IMAGE_OR_FOLDER...`; no TensorFlow."""
