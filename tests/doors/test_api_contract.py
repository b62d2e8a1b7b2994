"""Does the API keep what /openapi.json says, whatever is sent to it? Schemathesis asks it everything, good and bad.

It asks a real server in front of a real database: the edges of every schema, requests at random, and walks from one
operation to the next. What is asked is always the same, so that a failure comes again.
"""

import os
from collections.abc import Iterator

import pytest
import schemathesis
from door import Door, served
from house import DAY, FORM, LONDON, NOW, House, small_course
from hypothesis import strategies as st
from schemathesis.checks import CheckContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case

from sequencer.core.keys import Scope
from sequencer.flows import keys, subscription
from sequencer.message import address
from sequencer.store.database import Database
from sequencer.web import asgi, intake

EXAMPLES = int(os.environ.get("API_EXAMPLES", "20"))

# What the schemas cannot say in full: values that fit them and can be used.
schemathesis.openapi.format("email", st.from_regex(r"[a-z]{1,8}[0-9]{0,3}@example\.(org|com)", fullmatch=True))
schemathesis.openapi.format("timezone", st.sampled_from(intake.zones()))
schemathesis.openapi.format("ip", st.ip_addresses().map(str))


@schemathesis.check
def what_fits_the_schema_is_not_called_invalid(_: CheckContext, response: Response, case: Case) -> None:
    """Schema and answer agree: what fits may be no good for another reason, but is never called invalid."""
    fits = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if fits and response.status_code == 422:
        assert not response.json()["type"].endswith("#invalid"), response.json()


@pytest.fixture
def house(db: Database) -> House:
    """A house with a course and two people on it."""
    house = House(db)
    house.publish(small_course(exit_on=("bought",)))
    for name in ("ann", "bob"):
        to, reason = address.parse(f"{name}@example.org"), "They said so at the fair."
        subscription.add(db, to, FORM, name=name, zone=LONDON, reason=reason, now=NOW)
    house.tick(NOW + DAY)
    return house


@pytest.fixture
def counter(house: House) -> Iterator[str]:
    """The address of a server that answers for the house."""
    with served(asgi.build(Door(house, api_per_minute=100_000).app)) as url:
        yield url


def config(key: str, url: str) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "base-url": url,
            "auth": {"openapi": {"key": {"bearer": key}}},
            # U+0000 is malformed wherever it stands, which a schema says of free-form data but clumsily.
            "generation": {
                "max-examples": EXAMPLES,
                "deterministic": True,
                "database": "none",
                "allow-x00": False,
            },
            # An address that no mail program takes, a name of control characters: they fit, and are unusable.
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 404, 409, 412, 422]}},
            "phases": {"stateful": {"max-steps": 8}},
        }
    )


def test_the_api_keeps_its_word(house: House, counter: str) -> None:
    key = keys.new(house.db, "all", list(Scope), now=NOW)
    schema = schemathesis.openapi.from_url(f"{counter}/openapi.json", config=config(key, counter))
    asked: dict[str, int] = {}
    wrong: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            asked[event.phase.value] = asked.get(event.phase.value, 0) + len(event.recorder.interactions)
            wrong += faults(event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(event))
    assert not wrong, "\n\n".join(wrong)
    assert set(asked) >= {"coverage", "fuzzing", "stateful"}
    assert sum(asked.values()) > 500


def faults(record: ScenarioRecorder) -> list[str]:
    """What went wrong in one scenario, with the command that does it again."""
    return [
        f"{one.name}: {one.failure_info.failure}\n{record.cases[case].value.as_curl_command()}"
        for case, checks in record.checks.items()
        for one in checks
        if one.failure_info is not None
    ]
