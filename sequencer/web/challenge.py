"""How does a browser show that a person is in front of it? It does some work (ALTCHA) on a page of ours.

The site's own form needs no change: what it posted is posted once more by our page, with the solution.
"""

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta

import altcha
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sequencer.flows import course as course_flow
from sequencer.forms import Form
from sequencer.web import frame
from sequencer.web.intake import Intake
from sequencer.web.pages import app_of, page

# Some 256 tries of a millisecond or two: a second or two for a browser, each time, and as much for a robot.
_ALGORITHM = "PBKDF2/SHA-256"
_COST = 5000
_GOOD_FOR = timedelta(minutes=20)
_LONGEST = 4000


def solution(secret: str, payload: str, *, now: datetime) -> str:
    """The digest of a solution that is right and not too old, else ""; the door sees to it that it counts once."""
    if not payload or len(payload) > _LONGEST or not re.fullmatch(r"[A-Za-z0-9+/]+=*", payload):
        return ""
    try:
        verified = altcha.verify_solution(payload, _key(secret)).verified
        made = json.loads(base64.b64decode(payload))["challenge"]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return ""
    if not verified or now.timestamp() > made["parameters"]["data"]["until"]:
        return ""
    # Of the challenge, not of the payload: that can be written in many ways.
    return hashlib.sha256(made["signature"].encode()).hexdigest()


async def page_for(request: Request, came: Intake, form: Form) -> Response:
    """The page on which a browser does its work, and which then posts again what was posted."""
    app = app_of(request)
    course = await run_in_threadpool(course_flow.published, app.db, came.course)
    # By our clock, not the library's: there is one for each request.
    until = int((app.clock() + _GOOD_FOR).timestamp())
    made = altcha.create_challenge(_ALGORITHM, _COST, data={"until": until}, hmac_secret=_key(app.settings.secret_key))
    answer = page(
        request,
        "challenge.html",
        brand=course.brand,
        lang=course.language,
        action=frame.action(request, form),
        fields=[(name, value) for name, value in came.fields if name != "altcha"],
        challenge=json.dumps(made.to_dict()),
        reply_to=course.sender.address,
    )
    answer.headers["content-security-policy"] = frame.policy(request, form, scripts=True)
    return answer


def _key(secret: str) -> str:
    return f"challenge|{secret}"
