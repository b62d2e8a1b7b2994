"""Do the documents say what the program does? What is printed from the code is compared with it."""

import re
from pathlib import Path

import pytest

from sequencer.content.markdown import addresses
from sequencer.core import lifecycle

ROOT = Path(__file__).resolve().parent.parent.parent
FLOW = (ROOT / "docs" / "flow.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("subscriber", lifecycle.SUBSCRIBER),
        ("enrolment", lifecycle.ENROLMENT),
        ("issue", lifecycle.ISSUE),
        ("delivery", lifecycle.DELIVERY),
    ],
)
def test_the_diagrams_are_printed_from_the_tables(name: str, table: dict[object, object]) -> None:
    found = re.search(rf"<!-- {name} -->\n```mermaid\n(.*?)\n```\n<!-- end -->", FLOW, re.DOTALL)
    assert found is not None
    assert found.group(1) == lifecycle.diagram(table)  # type: ignore[type-var]


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name
)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    # As Markdown reads them: what stands in code is an example.
    links = [one.to.partition("#")[0] for one in addresses(page.read_text(encoding="utf-8"))]
    here = [link for link in links if link and not re.match("[a-z]+:", link)]
    assert [link for link in here if not (page.parent / link).exists()] == []
