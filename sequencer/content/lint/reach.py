"""Do a course's addresses answer? Each is asked once, by HEAD, then by GET, and only if the author says so."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from sequencer.content.lint import links
from sequencer.content.lint.findings import Finding
from sequencer.content.lint.front import Draft
from sequencer.content.markdown import Address

_TIMEOUT = httpx.Timeout(10, connect=5)
_AT_ONCE = 8
_GONE = (404, 410)
_AGENT = "sequencer-course-lint/1 (checks the links of a mail before it is sent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an address said: a status of HTTP, or 0 and why there was none. `size` is 0 where it is not told."""

    status: int
    reason: str
    size: int


def answered(drafts: Sequence[Draft]) -> Iterator[Finding]:
    """Links that are broken, links that cannot be judged, and images that weigh too much."""
    used = [(draft, one) for draft in drafts for one in links.addresses(draft) if _is_web(one)]
    urls = tuple(dict.fromkeys(one.to for _, one in used))
    with (
        httpx.Client(timeout=_TIMEOUT, follow_redirects=True, headers={"user-agent": _AGENT}) as client,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        answers = dict(zip(urls, pool.map(lambda url: ask(client, url), urls), strict=True))
    for draft, one in used:
        yield from _judged(draft, one, answers[one.to])


def ask(client: httpx.Client, url: str) -> Answer:
    """What an address answers. Servers that refuse HEAD are asked by GET, whose content is not read."""
    try:
        answer = client.head(url)
        if answer.is_error:
            with client.stream("GET", url) as answer:
                return _answer(answer)
        return _answer(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(status=0, reason=str(error) or type(error).__name__, size=0)


def _answer(answer: httpx.Response) -> Answer:
    length = answer.headers.get("content-length", "")
    return Answer(status=answer.status_code, reason=answer.reason_phrase, size=int(length) if length.isdigit() else 0)


def _judged(draft: Draft, one: Address, answer: Answer) -> Iterator[Finding]:
    if not answer.status:
        yield draft.finding("broken-link", f"{one.to} does not answer: {answer.reason}.", one.line)
    elif answer.status in _GONE:
        yield draft.finding("broken-link", f"{one.to} answers {answer.status} {answer.reason}.", one.line)
    elif answer.status >= 400:  # noqa: PLR2004 (RFC 9110 §15: errors begin there)
        sentence = f"{one.to} answers {answer.status} {answer.reason} to programs; look at it in a browser."
        yield draft.finding("unsure-link", sentence, one.line)
    elif one.is_image and answer.size > links.MOST_IMAGE:
        yield links.heavy(draft, one.to, one.line, answer.size)


def _is_web(one: Address) -> bool:
    return one.to.lower().startswith(("http://", "https://"))
