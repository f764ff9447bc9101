"""What is to be said of a set's tables after ingest: rows that contradict each other, words and names of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.ingest.merge import CONFLICT, Merged


def lines(counts: Mapping[str, Any], gone: Sequence[Merged]) -> dict[str, int]:
    """Sentences to how often what they say was found, for data/ingest.json's `counts` and the rows that gave way."""
    contradict = sum(each.outcome == CONFLICT and bool(each.gone.record.repeats) for each in gone)
    unclear = {column: found["cells"] for column, found in counts["not_understood"].items()}
    rounded, matched = sum(counts["rounded_ids"].values()), sum(counts["names_matched_otherwise"].values())
    listed = counts["official_lists"]
    return {
        f"rows that contradict another row of their table about the same image: {contradict}; the findings of all "
        "hold, what else differs is unknown, see the outcome conflict in data/merged.csv": contradict,
        f"cells that are not understood: {', '.join(f'{column} {number}' for column, number in unclear.items())}; they "
        "are unknown, see not_understood in data/ingest.json": sum(unclear.values()),
        f"patient ids that look as if a spreadsheet had rounded them (8.4E+36, 7.5): {rounded}; several patients may "
        "be one: get the table again from its source, with ids as text": rounded,
        f"names of images in tables that differ from the files' in case, folders or Unicode form: {matched}; they were "
        "matched": matched,
        f"entries of the official lists that name no image and no row of a table: {listed['unmatched']} of "
        f"{listed['entries']}": listed["unmatched"],
    }
