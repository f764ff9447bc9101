"""Images: from the bytes of a file to pixels (`decode`), from pixels to the net's input (`chain`), and what an
image looks like in figures (`statistics`)."""
