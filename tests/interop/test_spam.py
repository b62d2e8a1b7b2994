"""Does a spam filter let through what we send: each lesson of the shipped course, and the mails that ask for a yes?"""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from interop import shipped, spamassassin
from interop.room import Room
from interop.run import Authority, Keyring, Post
from interop.shipped import Shipped
from interop.spamassassin import Verdict

MOST = 1.0  # of the 5 points that make a mail spam
SPAM, GTUBE = 5.0, 1000.0

through_postfix = pytest.mark.parametrize("post", ["postfix"], indirect=True)
_GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
_NASTY = b"""Received: from relay.example.net (unknown [127.0.0.1]) by relay.example.net (Postfix) with ESMTP id 1
\tfor <you@example.org>; Mon, 2 Mar 2026 08:00:00 +0000
From: "DR. PRINCE BELLO" <prince4711@example.net>
Subject: $$$ YOU HAVE WON!!! ACT NOW !!!
To: you@example.org
Date: Mon, 2 Mar 2026 08:00:00 +0000
Message-ID: <4711@example.net>
MIME-Version: 1.0
Content-Type: text/html; charset=us-ascii

<html><body bgcolor="#ffffff"><font color="#fefefe" size="1">cheap meds</font>
<font size="7" color="red">DEAR FRIEND, I AM THE SON OF THE LATE MINISTER. THE SUM OF $45,000,000 USD (FORTY FIVE
MILLION UNITED STATES DOLLARS) LIES IN A BANK, AND I NEED A FOREIGN PARTNER TO TRANSFER THE FUNDS. ALSO: BUY VIAGRA,
CIALIS ONLINE PHARMACY, NO PRESCRIPTION, 100% RISK FREE, MONEY BACK GUARANTEE! CLICK HERE BELOW!</font>
<a href="http://93.184.216.34:8080/?you@example.org">CLICK HERE</a></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was said of each mail of the course by its theme and name, of GTUBE and of a mail that is spam."""

    ours: Mapping[str, Verdict]
    gtube: Verdict
    nasty: Verdict


@pytest.fixture(scope="session")
def judged(
    post: Post, room_of_servers: Room, authority: Authority, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> Judged:
    """The course in each theme, sent through the relay; all are judged at once, as the filter starts slowly."""
    mails: dict[str, bytes] = {}
    for theme in shipped.THEMES:
        folder, before = tmp_path_factory.mktemp(theme), len(post.collector.arrived)
        sent = Shipped(folder=folder, keys=keyring.folder, trusts=authority.file, theme=theme).send(post.relay.url())
        post.wait_for(before + len(sent))
        # Nobody gets two at once, so that whoever gets two gets them in this order.
        arrived = sorted(post.collector.arrived[before:], key=lambda one: one.recipient)
        for (_, name), one in zip(sorted(sent, key=lambda pair: pair[0]), arrived, strict=True):
            mails[f"{theme}: {name}"] = spamassassin.received(one.content)
    spam = spamassassin.received(_NASTY.replace(b"\n", b"\r\n"))
    *ours, gtube, nasty = spamassassin.verdicts(
        room_of_servers, [*mails.values(), spam.replace(b"cheap meds", _GTUBE), spam]
    )
    return Judged(ours=dict(zip(mails, ours, strict=True)), gtube=gtube, nasty=nasty)


@through_postfix
def test_each_mail_of_the_shipped_course_passes_a_spam_filter_with_ease(judged: Judged) -> None:
    lessons = len(list(shipped.COURSE.glob("*.md")))
    assert len(judged.ours) == len(shipped.THEMES) * (lessons + 2)
    table = "\n".join(f"{name}: {verdict}" for name, verdict in sorted(judged.ours.items()))
    print(table)  # noqa: T201 (what docs/performance.md tells)
    assert not [name for name, verdict in judged.ours.items() if verdict.strictest >= MOST], table


@through_postfix
def test_the_same_filter_keeps_what_is_spam(judged: Judged) -> None:
    assert "GTUBE" in judged.gtube.rules
    assert judged.gtube.score >= GTUBE
    assert judged.nasty.score >= SPAM, str(judged.nasty)
    assert "HTML_FONT_LOW_CONTRAST" in judged.nasty.rules
