"""Images: from the bytes of a file to pixels (`decode`), and from pixels to the net's input (`chain`)."""
