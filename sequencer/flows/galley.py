"""Which mails of a course in writing are made already? Each is compiled and judged once, until what it says changes."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock

from sequencer.content.digest import Digest, Listed
from sequencer.content.lint.findings import Finding
from sequencer.content.templates import Templates
from sequencer.core.model import CatchUp, Course, DeliveryId, Lesson, RevisionId
from sequencer.flows import lint, proof
from sequencer.flows.lint import Judged, Which
from sequencer.flows.press import Imprint, Press
from sequencer.flows.proof import Proof, Reader
from sequencer.message.dkim import Signers
from sequencer.relays import Relay

_MOST_KEPT = 256  # mails; beyond that what nobody asked for longest is made anew
_OTHER = Lesson(key="", subject="", preheader="", theme="", body="")


class Galley:
    """One course in writing, whose files may change between any two calls. Its templates may not: take another then.

    What is kept goes by content: a lesson that comes back to what it said is not made again. Threads may share it.
    """

    def __init__(
        self,
        templates: Templates,
        imprint: Imprint,
        relay: Relay,
        signers: Signers | None = None,
        *,
        room: int = _MOST_KEPT,
    ) -> None:
        self._templates = templates
        self._postal_address = imprint.postal_address
        self._relay = relay
        self._press = Press(templates, imprint, signers)
        self._judge = lint.fresh(templates, imprint.postal_address)
        self._ids = map(RevisionId, itertools.count(1))
        self._content = lru_cache(room)(self._next)
        self._judged = lru_cache(room)(self._judge)
        self._lock = Lock()

    def lesson(self, course: Course, step: int, reader: Reader, *, now: datetime, passed: int = 0) -> Proof:
        """The lesson at `step`; where a course makes digests it lists so many as `passed` over. Raises BadContent."""
        with self._lock:
            content = self._content(_alone(course, step), step)
            listed = range(max(0, step - passed), step) if course.catch_up is CatchUp.DIGEST else ()
            digest = self._digest(course, listed, reader)
            parcel = proof.pull(
                self._press, course, step, reader, relay=self._relay, now=now, digest=digest, content=content
            )
        return proof.opened(parcel.content)

    def letter(self, template: str, course: Course, reader: Reader, *, now: datetime) -> Proof:
        """A mail that is no lesson, by its template. Raises BadContent."""
        with self._lock:
            content = self._content(_alone(course, template), template)
            parcel = proof.pull_letter(
                self._press, template, course, reader, relay=self._relay, now=now, content=content
            )
        return proof.opened(parcel.content)

    def findings(self, folder: Path, *, now: datetime) -> Sequence[Finding]:
        """What lint finds in the course's files, as they are; nobody's server is asked."""

        def judge(course: Course, which: Which, empty: int) -> Judged:
            return self._judged(_alone(course, which), which, empty)

        return lint.lint(folder, self._templates, postal_address=self._postal_address, now=now, judge=judge)

    def _digest(self, course: Course, steps: Sequence[int], reader: Reader) -> Digest:
        url = self._press.view_url(DeliveryId(0))
        return Digest(
            lessons=tuple(Listed(title=self._press.subject(course, step, name=reader.name), url=url) for step in steps)
        )

    def _next(self, _course: Course, _which: Which) -> RevisionId:
        return next(self._ids)


def _alone(course: Course, which: Which) -> Course:
    """The course with what a mail is made of: its own keys, how many lessons there are, and of those this one alone."""
    lessons = (one if number == which else _OTHER for number, one in enumerate(course.lessons))
    return replace(course, lessons=tuple(lessons))
