"""Does the API keep what /openapi.json says, whatever is sent to it? Schemathesis makes requests of all kinds, good and bad.

They go to a real server in front of a real database. What is made is always the same, so that a failure comes again.
"""

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
import requests
import schemathesis
from door import STREET, Door
from house import DAY, FORM, NOW, House, small_course
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from sqlalchemy import text

from sequencer.core.keys import Scope
from sequencer.flows import keys
from sequencer.message import address
from sequencer.flows import subscription
from sequencer.content.files import shipped
from sequencer.store import migrate
from sequencer.store.database import connect
from sequencer.web import intake
from sequencer.web.api import openapi

schemathesis.openapi.format("email", st.from_regex(r"[a-z]{1,8}[0-9]{0,3}@example\.(org|com)", fullmatch=True))
schemathesis.openapi.format("timezone", st.sampled_from(intake.zones()))
schemathesis.openapi.format("ip", st.ip_addresses().map(str))

CONFIG = SchemathesisConfig.from_dict({})
SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi.document("https://mail.example.org")), config=CONFIG)
SETTINGS = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", params=["sqlite"])
def counter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("contract")
    db = connect("sqlite:///contract.db", root=folder)
    migrate.upgrade(db, shipped("migrations"))
    house = House(db)
    house.publish(small_course(exit_on=("bought",)))
    with Door(house, api_per_minute=100_000).open() as door:
        key = keys.new(db, "all", list(Scope), now=NOW)
        yield {"host": door.host, "authorization": f"Bearer {key}"}
    db.close()

N = itertools.count()

@SCHEMA.parametrize()
@SETTINGS
def test_the_api_keeps_its_word(case, counter: dict[str, str]) -> None:
    next(N)
    case.call_and_validate(base_url=STREET.url, headers=counter, session=SESSION)


SESSION = requests.Session()
def teardown_module():
    print("CALLS", N)
