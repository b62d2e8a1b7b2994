"""May a sign-up page stand in a frame, and where does it lead? Only below /f/{form}/embed, and nowhere else from there.

Nothing on such a page acts by a press alone: whoever is tricked into one still has to confirm by mail.
"""

from dataclasses import replace

from starlette.requests import Request

from sequencer import values
from sequencer.errors import NotFound
from sequencer.forms import Form
from sequencer.web import guard
from sequencer.web.pages import FRAMERS, framers_of


def allow(request: Request, form: Form) -> None:
    """Let the sites that the form names frame whatever answers this request. Raises NotFound where it names none."""
    if not form.embed:
        raise NotFound("This form is not made for a frame: its settings name no site that may show it in one.")
    request.scope[FRAMERS] = form.embed


def within(request: Request, form: Form) -> Form:
    """The form as it is here: in a frame it leads nowhere else."""
    return replace(form, next=(), thanks="") if framers_of(request) else form


def action(request: Request, form: Form) -> str:
    """Where a page of this form posts to: back into the frame, where it is in one."""
    return f"/f/{form.key}/embed" if framers_of(request) else f"/f/{form.key}"


def policy(request: Request, form: Form, *, scripts: bool = False) -> str:
    """The policy of a page whose form may be answered by leading the visitor on, which browsers hold to it too."""
    onward = [parts for to in (*form.next, form.thanks) if to and (parts := values.split(to)) and parts.netloc]
    origins = dict.fromkeys(f"{parts.scheme}://{parts.netloc}" for parts in onward)
    return guard.policy(framers=framers_of(request), onward=tuple(origins), scripts=scripts)
