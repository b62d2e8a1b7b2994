"""Which lessons does a mail list before its own words? Those whose days passed while lessons rested."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A lesson that was passed over: how it is called, and where the person can read it."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What one person's mail lists before the lesson's own words; beyond those, `more` are on the course page."""

    lessons: tuple[Listed, ...] = ()
    more: int = 0


NO_DIGEST = Digest()
SAMPLE_DIGEST = Digest(
    lessons=(Listed(title="A lesson that was passed over", url="https://example.org/v/passed"),), more=2
)
