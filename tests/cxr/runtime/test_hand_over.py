"""Typed documents: an older one is read as it is, a newer one is refused by a line that says what to do."""

import json

import pytest

from cxr.core.document import Document, UnreadableDocument
from cxr.core.files import write_json
from cxr.runtime.hand_over import DriftVerdict, GateVerdict, HistoryLine, ReleaseRecord, ScoringCounts

RELEASE = {
    "identity": "f" * 64,
    "version": "v0.0.1",
    "commit": "a" * 40,
    "latency": None,
    "batches": ["batch-001"],
    "explanation": None,
}


def test_a_document_without_a_number_is_read_and_has_one_when_it_is_written_again(tmp_path):
    write_json(tmp_path / "old.json", RELEASE)
    ReleaseRecord.read(tmp_path / "old.json").write(tmp_path / "new.json")
    assert json.loads((tmp_path / "new.json").read_text()) == RELEASE | {"format": ReleaseRecord.FORMAT}


@pytest.mark.parametrize("number", [0, ReleaseRecord.FORMAT])
def test_a_document_of_a_known_format_is_read_and_keeps_what_this_code_does_not_know(number):
    read = ReleaseRecord.parse(RELEASE | {"format": number, "unheard_of": 1}, "release.json")
    assert read.batches == ("batch-001",) and read.content()["unheard_of"] == 1


@pytest.mark.parametrize("kind", [ReleaseRecord, HistoryLine, GateVerdict, DriftVerdict, ScoringCounts])
def test_a_document_of_a_newer_format_is_refused_with_file_number_and_what_to_do(kind, tmp_path):
    path = tmp_path / "some.json"
    newer = kind.FORMAT + 1
    write_json(path, {"format": newer})
    with pytest.raises(UnreadableDocument) as refused:
        kind.read(path)
    said = str(refused.value)
    assert str(path) in said and f"format {newer}" in said and "update the code" in said and "\n" not in said


@pytest.mark.parametrize(
    ("text", "fault"),
    [("{", "not JSON"), ("[]", "the document"), ('{"commit": "a"}', "identity"), ('{"format": "two"}', "format two")],
)
def test_what_is_no_such_document_is_refused_by_its_first_fault(text, fault, tmp_path):
    (tmp_path / "release.json").write_text(text)
    with pytest.raises(UnreadableDocument, match=f"release.json.*{fault}"):
        ReleaseRecord.read(tmp_path / "release.json")


def test_a_document_that_is_not_there_is_no_unreadable_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        Document.read(tmp_path / "absent.json")
