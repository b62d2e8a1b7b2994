"""Does the script for Google Forms that docs/forms.md shows do what it says? Run by Node, in Google's place."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from door import Door
from house import NOW
from playwright._impl._driver import compute_driver_executable
from recorded import EMAIL, consents, form_of, opened, people
from signing import CODED

from sequencer.forms import Signature
from sequencer.store.database import Database
from sequencer.web.answers import ACCEPTED

GUIDE = Path(__file__).parent.parent.parent / "docs" / "forms.md"
# What Apps Script offers, as far as the script uses it; `fetch` answers with the codes that are given, in turn.
GOOGLE = """
const crypto = require('crypto');
const { answers, email, codes, now } = JSON.parse(process.argv[2]);
const asked = [], slept = [];
Date.now = () => now;
const FormApp = { getActiveForm: () => ({ getTitle: () => 'A small course' }) };
const Utilities = {
  newBlob: text => ({ getBytes: () => [...Buffer.from(text, 'utf8')] }),
  base64Decode: text => [...Buffer.from(text, 'base64')],
  base64Encode: bytes => Buffer.from(bytes).toString('base64'),
  computeHmacSha256Signature: (value, key) =>
    [...crypto.createHmac('sha256', Buffer.from(key)).update(Buffer.from(value)).digest()],
  sleep: milliseconds => slept.push(milliseconds),
};
const UrlFetchApp = { fetch: (url, options) => {
  asked.push({ url, options });
  const code = codes[asked.length - 1];
  return { getResponseCode: () => code, getContentText: () => 'our own words' };
} };
const event = { response: {
  getId: () => 'ACYDBNh_8',
  getRespondentEmail: () => email,
  getItemResponses: () => answers.map(([title, value]) => (
    { getItem: () => ({ getTitle: () => title }), getResponse: () => value })),
} };
let thrown = '';
try { send(event); } catch (error) { thrown = error.message; }
console.log(JSON.stringify({ asked, slept, thrown }));
"""


def run(folder: Path, codes: Sequence[int], *, email: str = EMAIL) -> Mapping[str, object]:
    """What the script asks the web when somebody sends the form off, and what it throws."""
    (script,) = re.findall(r"```js\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert "function install()" in script
    (folder / "script.js").write_text(script + GOOGLE, encoding="utf-8")
    answers = [["Your name", "Zoë Der"], ["Topics", ["Soil", "Seeds"]], ["Grid", [["a"], ["b"]]], ["Garden", ""]]
    said = {"answers": answers, "email": email, "codes": codes, "now": int(NOW.timestamp() * 1000) + 999}
    node = compute_driver_executable()[0]
    done = subprocess.run([node, "script.js", json.dumps(said)], cwd=folder, capture_output=True, check=True)  # noqa: S603 (our own script)
    found: Mapping[str, object] = json.loads(done.stdout)
    return found


def deliver(door: Door, asked: Mapping[str, object]) -> Mapping[str, object]:
    """The request, made at a real door."""
    options = asked["options"]
    assert isinstance(options, dict)
    headers = {**options["headers"], "content-type": options["contentType"]}
    answer = door.ask.request(options["method"], "/f/newsletter", content=options["payload"].encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    said: Mapping[str, object] = answer.json()
    return said


def test_what_the_script_sends_is_taken_once_however_often_it_comes(db: Database, tmp_path: Path) -> None:
    found = run(tmp_path, [503, 200])
    assert (found["thrown"], found["slept"]) == ("", [10000])
    asked = found["asked"]
    assert isinstance(asked, list)
    with opened(db, form_of(Signature.STANDARD)) as door:
        assert CODED in GUIDE.read_text(encoding="utf-8")
        door.now = NOW + timedelta(minutes=1)
        assert [deliver(door, one) for one in asked] == [ACCEPTED, ACCEPTED]
        assert people(door) == [EMAIL]
        (consent,) = consents(door)
        assert (consent.name, consent.shape) == ("Zoë Der", "google-forms")
        assert consent.attributes == (("Topics", "Soil, Seeds"), ("Grid", "a, b"))


@pytest.mark.parametrize(("codes", "tries"), [([401], 1), ([400], 1), ([429, 503, 500, 502], 4)])
def test_the_script_tries_again_only_where_that_can_help_and_says_what_was_wrong(
    tmp_path: Path, codes: Sequence[int], tries: int
) -> None:
    found = run(tmp_path, codes)
    assert isinstance(found["asked"], list)
    assert len(found["asked"]) == tries
    assert found["thrown"] == f"The sign-up was not taken: {codes[tries - 1]} our own words"


def test_a_form_that_does_not_collect_addresses_sends_what_was_answered(tmp_path: Path) -> None:
    (asked,) = run(tmp_path, [200], email="")["asked"]  # type: ignore[misc]
    assert "email" not in json.loads(asked["options"]["payload"])["answers"]  # type: ignore[index]
