"""The refusal of a file that is no image that comes in: a reason of a closed list, and what was found."""

REASONS = (
    "empty_file",
    "truncated",
    "corrupt",
    "not_an_image",
    "mislabelled",
    "unsupported",
    "absurd_header",
    "too_large",
)


class Undecodable(Exception):
    """The bytes are no image that comes in; `reason` stands in REASONS, `detail` says what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason, a word of REASONS, and the detail for the message."""
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type["Undecodable"], tuple[str, str]]:
        """Pickled by reason and detail, on the way back from a worker process."""
        return type(self), (self.reason, self.detail)
