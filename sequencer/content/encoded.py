"""How is a mail compiled into the encoding in which it travels? Its words are encoded once, its marks stay open.

A template's text is cut at its marks; each piece is encoded as it will stand on the wire, and a soft line break is set
at each cut, so that a person's values, encoded as they are filled in, begin and end on lines of their own.
"""

from collections.abc import Callable
from functools import lru_cache

import jinja2
from jinja2 import nodes
from markupsafe import Markup, escape

Encode = Callable[[str], str]

# Blocks that take what was rendered within them for words, or decide anew what is to be escaped.
_READERS = (nodes.AssignBlock, nodes.FilterBlock, nodes.CallBlock, nodes.Macro, nodes.EvalContextModifier)


def compiled(source: str, encode: Encode, *, html: bool) -> jinja2.Template:
    """`source` as a template that renders straight to encoded lines; conditions and filters work as in plain ones.

    `encode` makes of any text ASCII lines of their own that decode to that text, and of no text nothing.
    """
    tree = jinja2.Environment(autoescape=True).parse(source)
    if any(tree.find_all(_READERS)):
        return _encoded_at_last(source, encode, html=html)
    # Where no expression can make markup of its own, escaping in `finalize` alone is the same, at half the price.
    marked = html and any(tree.find_all((nodes.Filter, nodes.Concat, nodes.Call)))
    environment = jinja2.Environment(
        autoescape=marked,  # noqa: S701 (finalize escapes where this does not)
        undefined=jinja2.StrictUndefined,
        finalize=_finalize(encode, escaped=html, marked=marked),
        keep_trailing_newline=True,
        newline_sequence="\r\n",
    )
    return environment.from_string(_encoded_source(environment, source, encode))


def _encoded_at_last(source: str, encode: Encode, *, html: bool) -> jinja2.Template:
    """The same, rendered to words first: slower, and right where a block reads what was rendered within it."""
    environment = jinja2.Environment(
        autoescape=html,  # noqa: S701 (plain text has nothing to escape)
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["travelling"] = lambda words: Markup(encode(str(words)))  # noqa: S704 (lines, not words)
    return environment.from_string(f"{{% filter travelling %}}{source}{{% endfilter %}}")


def _encoded_source(environment: jinja2.Environment, source: str, encode: Encode) -> str:
    out: list[str] = []
    for _, kind, value in environment.lex(source):
        match kind:
            case "data":
                # An encoded brace cannot be taken for a mark of its own. A NUL, which no mail holds, stands in for it
                # while lines are broken: it takes as much room.
                out.append(encode(value.replace("{", "\0")).replace("=00", "=7B"))
            case "raw_begin" | "raw_end" | "comment_begin" | "comment" | "comment_end":
                continue
            case "variable_begin" | "variable_end" | "block_begin" | "block_end":
                # The lexer has dealt with the white space that "-" asks for.
                out.append(value.strip().replace("-", "").replace("+", ""))
            case _:
                out.append(value)
    return "".join(out)


def _finalize(encode: Encode, *, escaped: bool, marked: bool) -> Callable[[object], object]:
    """What is done to each value on its way out; an undefined one is left for Jinja to refuse."""

    def encoded(value: object) -> object:
        text = encode(str(escape(value)) if escaped else str(value))
        return Markup(text) if marked else text  # noqa: S704 (escaped above)

    # A person's links and name stand in a mail several times.
    kept = lru_cache(maxsize=64)(encoded)

    def finalize(value: object) -> object:
        if type(value) is str:
            return kept(value)
        return value if isinstance(value, jinja2.Undefined) else encoded(value)

    return finalize
