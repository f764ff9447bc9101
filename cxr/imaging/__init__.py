"""Images: from the bytes of a file to pixels (`decode`), from pixels to the net's input (`preprocess`), and what an
image looks like in figures (`statistics`)."""
