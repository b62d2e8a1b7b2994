"""Are the mails of another program's sequence read, whatever its columns are called?"""

import json
from pathlib import Path

import pytest

from sequencer.content import exports
from sequencer.content.exports import Mail
from sequencer.errors import BadContent


def brief(mails: tuple[Mail, ...]) -> list[tuple[str, str, str]]:
    return [(mail.subject, mail.body, mail.gap) for mail in mails]


@pytest.mark.parametrize(
    "text",
    [
        "subject,content,send_after,send_after_interval\nHello,<p>One</p>,0,days\nMore,<p>Two <b>b</b></p>,3,days\n",
        "Subject Line;Preview Text;Email Body;Delay (days)\n".replace(" (days)", "")
        + "Hello;P;<p>One</p>;\nMore;P;<p>Two <b>b</b></p>;3 days\n",
        "Position\tSubject\tBody\tWait\n2\tMore\t<p>Two <b>b</b></p>\t3d\n1\tHello\t<p>One</p>\t1 day\n",
        "day,title,html\nDay 1,Hello,<p>One</p>\nDay 4,More,<p>Two <b>b</b></p>\n",
        "subject,body,delay,status\nHello,One,0,published\nSecret,x,1,draft\nMore,Two **b**,72 hours,published\n",
    ],
    ids=["kit", "semicolons", "tabs, by position", "absolute days", "drafts and hours"],
)
def test_a_csv_under_any_usual_names_is_read(text: str) -> None:
    found = brief(exports.read(None, text.encode()))
    assert found in (
        [("Hello", "One", ""), ("More", "Two **b**", "3 days")],
        [("Hello", "One", ""), ("More", "Two **b**", "72 hours")],
    )


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: {"emails": it}, lambda it: {"data": {"sequence": it}}])
def test_a_json_list_is_found_where_it_is(wrap: object) -> None:
    rows = [{"subject": "Hello", "body": "One"}, {"email_subject": "More", "content_html": "<p>Two</p>", "delay": 2}]
    assert callable(wrap)
    found = exports.read(None, json.dumps(wrap(rows)).encode())
    assert brief(found) == [("Hello", "One", ""), ("More", "Two", "2 days")]


def test_a_folder_of_markdown_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "01-hello.md").write_text("---\nsubject: Hello\npreview_text: Look\n---\n\nOne\n", encoding="utf-8")
    (tmp_path / "02-more.md").write_text("# More of it\n\nTwo\n", encoding="utf-8")
    (tmp_path / "03-last-words.md").write_text("---\ndelay: 1 week\n---\nThree\n", encoding="utf-8")
    found = exports.read(tmp_path)
    assert [(one.subject, one.body.strip(), one.gap) for one in found] == [
        ("Hello", "One", ""),
        ("More of it", "Two", ""),
        ("Last words", "Three", "7 days"),
    ]
    assert found[0].preheader == "Look"


@pytest.mark.parametrize(
    ("mark", "nobody"),
    [
        ("*|FNAME|*", "friend"),
        ("{{ subscriber.first_name }}", "friend"),
        ('{{ subscriber.first_name | default: "you" }}', "you"),
        ("{{first_name}}", "friend"),
        ("[First Name]", "friend"),
    ],
)
def test_the_readers_name_becomes_ours(mark: str, nobody: str) -> None:
    text = json.dumps([{"subject": f"{mark}, hello", "body": f"<p>Dear {mark},</p>"}])
    (mail,) = exports.read(None, text.encode())
    assert (mail.subject, mail.body, mail.marks) == ("hello", f"Dear {{{{ subscriber.name or '{nobody}' }}}},", ())


def test_other_marks_stay_as_words_and_are_named() -> None:
    text = json.dumps([{"subject": "Hello", "body": "<p>Leave: *|UNSUB|* or {{ unsubscribe_url }}</p>"}])
    (mail,) = exports.read(None, text.encode())
    assert mail.body == "Leave: \\*|UNSUB|\\* or {{ '{{' }} unsubscribe_url }}"
    assert mail.marks == ("*|UNSUB|*", "{{ unsubscribe_url }}")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "-: the file is empty."),
        (b"[]", "-: there is no mail in it"),
        (b"{", "-: this is no valid JSON"),
        (b"a,b\n1,2\n", "-: mail 1 has no subject; a column may be called subject, subject line,"),
        (b"subject\nHello\n", "-: mail 1 has no body; a column may be called body, content,"),
        (b'subject,body\n"Hello,x', "-: this is no valid CSV"),
        (b"%PDF-1.4", "-: this is a PDF"),
        (b"[" * 100_000, "-: this is no valid JSON"),
    ],
)
def test_what_holds_no_sequence_is_refused_in_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(BadContent) as refused:
        exports.read(None, content)
    assert str(refused.value).startswith(sentence)
