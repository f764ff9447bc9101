"""What a scoring run did, as a page of markdown: for people, and for the artifact that flows publish."""

from pathlib import Path

from cxr.runtime.hand_over import ScoringCounts


def page(counts: ScoringCounts, folder: Path) -> str:
    """The counts of a run over `folder`."""
    rows = {name: getattr(counts, name) for name in ("seen", "scored", "already", "quarantined", "others")}
    lines = [
        "# Scoring",
        "",
        f"Folder: {folder}.",
        "",
        "| files | |",
        "|---|---:|",
        *(f"| {name} | {count} |" for name, count in rows.items()),
        "",
        *(f"- {count} scored by {version}" for version, count in sorted(counts.models.items())),
    ]
    if counts.quarantined:
        lines.append("\nWhy files were quarantined: `log/quarantine.csv` in the production folder.")
    return "\n".join(lines) + "\n"
