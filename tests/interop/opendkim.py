"""What does somebody else's verifier say of our signatures? OpenDKIM, with the DNS records in a file."""

import re
from collections.abc import Mapping, Sequence

from interop.room import Room


def verdicts(room: Room, messages: Sequence[bytes], records: Mapping[str, str]) -> list[str]:
    """What OpenDKIM says of each message, one sentence each."""
    room.write("/etc/opendkim.records", "".join(f"{name} {value}\n" for name, value in records.items()))
    room.write("/etc/opendkim.conf", "Mode v\nTestPublicKeys /etc/opendkim.records\nStrictTestMode yes\n")
    names = [f"/var/mail/{number}.eml" for number in range(len(messages))]
    for name, content in zip(names, messages, strict=True):
        room.write(name, content)
    said = room.run("/usr/sbin/opendkim", "-x", "/etc/opendkim.conf", "-t", ",".join(names))
    return re.findall(r"\.eml: (.*)", said)
