"""A model as a folder, the net in it run by LiteRT, and what its card says. Never imports TensorFlow."""
