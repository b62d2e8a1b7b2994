"""How does a form get into the settings file? As a table at its end; what stands there already stays, byte for byte."""

import json
import tomllib
from collections.abc import Mapping

from sequencer import forms


def form_table(before: bytes, key: str, entry: Mapping[str, object]) -> bytes:
    """What to append to the file `before`, so that it holds the form too. Raises ValueError where that cannot be."""
    known = tomllib.loads(before.decode("utf-8-sig"))
    if key in known.get("forms", {}):
        raise ValueError(f'it has a form "{key}" already')
    newline = b"\r\n" if b"\r\n" in before else b"\n"
    lines = ["", f"[forms.{key}]", *(f"{name} = {_value(value)}" for name, value in entry.items()), ""]
    gap = b"" if not before or before.endswith(b"\n") else newline
    added = gap + newline.join(line.encode() for line in lines)
    # A table cannot join forms that are written in one line, and not each text is one in TOML.
    made = tomllib.loads((before + added).decode("utf-8-sig"))
    if {**made, "forms": {**made["forms"], key: None}} != {**known, "forms": {**known.get("forms", {}), key: None}}:
        raise ValueError("what stands there would change its meaning")
    forms.parse(made["forms"])
    return added


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_value(key)} = {_value(one)}" for key, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
