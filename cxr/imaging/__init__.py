"""Images: from a file's bytes to pixels, from pixels to the net's input, and what an image looks like in figures.

- `decode`: files that nobody vouches for; every fault has a reason of a closed list
- `formats`: what stands in a file beside its pixels, judged before they are decoded
- `preprocess`: the same for training and for what is served, by a record of `cxr.data.preprocessing_spec`
- `statistics`: eleven figures of an image, for the manifest and the scoring log
"""
