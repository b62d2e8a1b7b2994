"""Who has to act when something is wrong?

SequencerError
├── BadRequest           the visitor: what they sent cannot be used
│   ├── NotFound         … because there is no such thing
│   ├── Expired          … because it was good for a while only
│   ├── Conflict         … because it does not go with how things stand
│   ├── TooLarge         … because there is too much of it
│   ├── TooSlow          … because it did not arrive in time
│   ├── BadContentType   … because it is not in a shape we read
│   └── TooMany          … because there were too many; it can be used later
│       └── Busy         … and that is our fault: it can be used in a minute
├── BadContent           the author: a lesson, course or template file
├── BadSettings          the operator: an option, a database, a relay
├── BadDatabase          the operator: a database that was well and is not any more
├── BadBroker            the operator: a broker of the engine that cannot be reached
└── IllegalTransition    us: a move the tables in `core.lifecycle` do not know

Each message is one whole sentence that says what would be right.
"""


class SequencerError(Exception):
    """The root of all errors that this program raises on purpose."""


class BadRequest(SequencerError):
    """What a visitor or an admin asked for cannot be done; the message is for them."""


class NotFound(BadRequest):
    """There is no such form, page, person or course."""


class Conflict(BadRequest):
    """What is asked for does not go with how things stand; it was well said."""


class Expired(BadRequest):
    """The link was one of ours, and its time is over."""


class TooLarge(BadRequest):
    """The request is larger than the door takes."""


class TooSlow(BadRequest):
    """The request did not arrive within the time that the door waits for one."""


class BadContentType(BadRequest):
    """The request is of a kind that the door does not read."""


class TooMany(BadRequest):
    """There were too many of these lately; the message says when to come again."""


class Busy(TooMany):
    """More come at this moment than we can take."""


class BadContent(SequencerError):
    """A file of the author is wrong; the message begins with its path and, where known, its line."""


class BadSettings(SequencerError):
    """The operator must change an option; the message names it, its value and what would be right."""


class BadDatabase(SequencerError):
    """The database cannot be used for now; the message says what the operator should do. Nothing is lost by it.

    What was being written is undone; what was on the wire is recovered by a later pass.
    """


class BadBroker(SequencerError):
    """The broker that carries hints cannot be used for now; the message says what the operator should do.

    Nothing is lost by it: hints come again.
    """


class IllegalTransition(SequencerError):
    """A state and an event that the tables do not pair: a bug in this program."""
