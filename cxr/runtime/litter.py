"""The one list of what systems, file servers and programs leave among people's files: every command passes it over."""

_LITTER = {  # names, in lower case, of files and folders that systems, servers and programs leave among others
    "thumbs.db",  # Windows: pictures' thumbnails, settings, deleted files, what is kept for restoring
    "thumbs.db:encryptable",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "$recycle.bin",
    "recycler",
    "system volume information",
    "__macosx",  # macOS: what its archives hold beside each file, a folder's icon
    "icon\r",
    "network trash folder",
    "temporary items",
    "lost+found",  # Linux: what a check of the file system found
    "@eadir",  # Synology and QNAP: thumbnails, deleted files, snapshots
    "#recycle",
    "#snapshot",
    "@recycle",
    "@recently-snapshot",
    "__pycache__",
}
_LITTER_BEGINS = ("~$", "synofile_thumb", "synoindex")  # of Office's owner files, and of Synology's thumbnails
_LITTER_ENDS = (":zone.identifier", ".zone.identifier", "@synoeastream", "@synoresource", ".crdownload", ".part")


def is_litter(name: str) -> bool:
    """Whether any part of a path is hidden, or what systems, file servers and programs leave among other files."""
    return any(_is_litter(part.lower()) for part in name.split("/"))


def _is_litter(part: str) -> bool:
    return part.startswith((".", *_LITTER_BEGINS)) or part.endswith(_LITTER_ENDS) or part in _LITTER
