"""Who uses the API in tests? A program with a key, that asks at an open door."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

import httpx
from door import STREET, Door
from house import FORM, LONDON, NOW, House

from sequencer.core.keys import Scope
from sequencer.core.model import Subscriber
from sequencer.flows import keys, subscription
from sequencer.message import address

ALL = tuple(Scope)
USUAL = tuple(scope for scope in Scope if scope is not Scope.READ_SUPPRESSIONS)


class Program(AbstractContextManager["Program"]):
    """A program that has a key with these scopes; good for everything unless said otherwise."""

    def __init__(self, door: Door, scopes: Iterable[Scope] = ALL, *, name: str = "a program") -> None:
        self.key = keys.new(door.house.db, name, list(scopes), now=door.now)
        headers = {"host": door.host, "authorization": f"Bearer {self.key}"}
        self.ask = httpx.Client(base_url=f"{STREET.url}/api/v1", timeout=20, headers=headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.ask.close()

    def get(self, path: str, **query: object) -> Any:
        """What is there; it must be."""
        answer = self.ask.get(path, params={name: str(value) for name, value in query.items()} or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, status: int, /, key: str = "", **body: object) -> Any:
        """What is answered to this body, in this manner."""
        answer = self.ask.post(path, json=body, headers={"idempotency-key": key} if key else {})
        assert answer.status_code == status, answer.text
        return answer.json()

    def patch(self, path: str, status: int, /, **body: object) -> Any:
        """What is answered to this change, in this manner."""
        answer = self.ask.patch(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def emails(self, **query: object) -> list[str]:
        """Whom a list holds."""
        return [one["email"] for one in self.get("/subscribers", **query)["data"]]


def bring(house: House, *names: str) -> list[Subscriber]:
    """These people, confirmed and on the small course."""
    for name in names:
        to, reason = address.parse(f"{name}@example.org"), "They said so at the fair."
        subscription.add(house.db, to, FORM, name="", zone=LONDON, reason=reason, now=NOW)
    return [house.person(f"{name}@example.org") for name in names]


def problem(answer: httpx.Response, status: int, kind: str) -> Any:
    """What a refusal says; it must be of this kind."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["type"], said["status"]) == (f"/docs/api.md#{kind}", status)
    assert said["detail"][0].isupper() or said["detail"][0] == '"'
    assert said["detail"].endswith((".", "?"))
    return said
