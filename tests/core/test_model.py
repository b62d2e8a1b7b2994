"""Are the nouns values, and do they read as an author would write them?"""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from datetime import time

import pytest
from house import NOW, an_address, small_course, small_lesson

from sequencer.core import model
from sequencer.core.model import (
    Claim,
    DeliveryId,
    DeliveryKind,
    Gap,
    Image,
    ImageKind,
    Rhythm,
    SubscriberId,
    Ticket,
)

NOUNS = [noun for noun in vars(model).values() if isinstance(noun, type) and is_dataclass(noun)]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_every_noun_is_frozen_slotted_and_told_by_keyword(noun: type) -> None:
    assert "__slots__" in vars(noun)
    assert all(field.kw_only for field in fields(noun))
    made = object.__new__(noun)
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(noun)[0].name, 1)


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (Gap(days=1), "1 day"),
        (Gap(days=2), "2 days"),
        (Gap(days=14), "14 days"),
        (Gap(hours=1), "1 hour"),
        (Gap(hours=36), "36 hours"),
    ],
)
def test_a_gap_reads_as_an_author_writes_it(gap: Gap, words: str) -> None:
    assert str(gap) == words


def test_a_lessons_own_gap_goes_before_the_courses() -> None:
    course = replace(small_course(), lessons=(small_lesson(1), small_lesson(2, gap=Gap(days=3))))
    daily = Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(days=1))
    assert course.rhythm_to(0) == daily
    assert course.rhythm_to(1) == Rhythm(send_at=time(8), days=frozenset(range(7)), gap=Gap(days=3))


def test_a_claims_ticket_names_its_delivery_and_its_attempt() -> None:
    claim = Claim(
        id=DeliveryId(7),
        attempt=2,
        kind=DeliveryKind.LESSON,
        campaign_id=1,
        subscriber_id=SubscriberId(3),
        run=1,
        doubts=0,
        spared=0,
        relay="",
        enrolment_id=None,
        revision_id=None,
        course_id=None,
        step=1,
        created_at=NOW,
        address=an_address(),
        name="",
        timezone="Europe/London",
    )
    assert claim.ticket == Ticket(delivery_id=DeliveryId(7), attempt=2)


@pytest.mark.parametrize(
    ("kind", "media_type", "ending"),
    [
        (ImageKind.PNG, "image/png", "png"),
        (ImageKind.JPEG, "image/jpeg", "jpg"),
        (ImageKind.GIF, "image/gif", "gif"),
        (ImageKind.WEBP, "image/webp", "webp"),
    ],
)
def test_an_image_has_its_place_by_what_is_in_it(kind: ImageKind, media_type: str, ending: str) -> None:
    image = Image(to="a b.png", digest="0" * 64, kind=kind, width=1, height=1)
    assert image.path == f"/i/{'0' * 64}.{ending}"
    assert kind.media_type == media_type
