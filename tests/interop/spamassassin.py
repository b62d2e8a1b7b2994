"""What does a spam filter say of our mails? SpamAssassin as Debian ships it, on the server of whoever they are for."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

from interop.room import Room

# Nothing is learnt here, and the server trusts itself alone: trust in a relay of ours would speak for the mail.
_PREFS = "use_bayes 0\nclear_trusted_networks\ntrusted_networks 192.0.2.25\n"
# The relay's address may be anybody's: SpamAssassin takes those that are kept for documentation for forged.
_RECEIVED = """Received: from {relay} ({relay} [93.184.216.34])
\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
\tby mx.example.com (Postfix) with ESMTPS id 4Wz0Qh1xYzT9
\tfor <{recipient}>; {date}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """SpamAssassin's `score`, and the rules that hit with what each counts in SpamAssassin's four ways of running."""

    score: float
    rules: Mapping[str, tuple[float, ...]]

    @property
    def strictest(self) -> float:
        """The score where it counts most, and what speaks for the mail does not count at all."""
        return max(sum(max(0.0, scores[way]) for scores in self.rules.values()) for way in range(4))

    def __str__(self) -> str:
        """The score, and the rules that count, for whoever has to mend the mail."""
        rules = ", ".join(f"{rule} {max(scores):+.3g}" for rule, scores in sorted(self.rules.items()))
        return f"{self.score:.3f} (strictest {self.strictest:.3f}): {rules or 'no rule'}"


def verdicts(room: Room, messages: Sequence[bytes]) -> list[Verdict]:
    """What SpamAssassin says of each message; no test of its that asks the network runs."""
    room.write("/etc/spamassassin.prefs", _PREFS)
    room.write("/score.pl", (Path(__file__).parent / "score.pl").read_text(encoding="utf-8"))
    names = [f"/var/mail/filtered{number}.eml" for number in range(len(messages))]
    for name, content in zip(names, messages, strict=True):
        room.write(name, content)
    said = room.run("/usr/bin/perl", "/score.pl", *names)
    # Perl warns about locales that the room does not have.
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert len(found) == len(messages), said
    return [
        Verdict(score=one["score"], rules={name: tuple(row) for name, row in one["rules"].items()}) for one in found
    ]


def received(content: bytes) -> bytes:
    """The message that a relay passed on as the recipient's server keeps it: with the line that it writes above it."""
    trace = str(message_from_bytes(content, policy=policy.default)["Received"])
    found = re.fullmatch(r"from .*\sby (?P<relay>\S+) .*\sfor <(?P<recipient>[^>]+)>; (?P<date>.*)", trace)
    assert found, trace
    return _RECEIVED.format(**found.groupdict()).replace("\n", "\r\n").encode() + content
