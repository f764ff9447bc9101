"""What stands in a PNG's or JPEG's bytes beside its pixels, read and judged before a decoder sees them.

- `undecodable`: the refusal, and its closed list of reasons
- `png`, `jpeg`: structure, sides and what else decides how the pixels are meant
- `exif`: the orientation
"""
