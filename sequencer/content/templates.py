"""Which template is meant, and how is it filled? The Jinja2 environments, and the one door to the MJML compiler.

Mail templates are filled twice. `[[ … ]]` and `[% … %]` are filled once a lesson, before MJML is compiled; `{{ … }}`
and `{% … %}` once a person, after it. (MJML first, Jinja second: a name that holds a tag cannot break the message.)
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, MappingProxyType

import jinja2
import mjml
from jinja2.bccache import Bucket

from sequencer.content import themes
from sequencer.content.files import shipped
from sequencer.content.themes import Theme
from sequencer.content.words import ENGLISH, Catalogues, Words
from sequencer.core.model import DEFAULT_THEME
from sequencer.errors import BadContent, NotFound

_MOST_STILL = 500
_HIDDEN = '<div style="display:none;font-size:1px;'


class _Compiled(jinja2.BytecodeCache):
    """What Jinja2 made of templates in this process: the environments of one kind differ by their language alone."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """The code of a template, where it is the same as when it was compiled."""
        checksum, code = self._kept.get(bucket.key, ("", None))
        bucket.code = code if checksum == bucket.checksum else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled just now."""
        self._kept[bucket.key] = (bucket.checksum, bucket.code)


class Templates:
    """The templates of one installation: those in `own` first, then the shipped ones.

    Each is read once, and again when it was changed only where they are `live`.
    """

    def __init__(self, own: Path | None = None, *, live: bool = False) -> None:
        folders = [folder for folder in (own, shipped("templates")) if folder]
        self._folders = folders
        self._live = live
        self._still: dict[tuple[object, ...], bytes] = {}
        self._loader = jinja2.FileSystemLoader(folders)
        self._catalogues = Catalogues(folders)
        self._tongues: dict[tuple[str, str], jinja2.Environment] = {}
        strict = jinja2.StrictUndefined
        self.person_html = jinja2.Environment(autoescape=True, undefined=strict, keep_trailing_newline=True)
        self.person_text = jinja2.Environment(undefined=strict, keep_trailing_newline=True)  # noqa: S701 (plain text: nothing to escape)

    def page(self, name: str, values: Mapping[str, object]) -> str:
        """A web page from templates/web, in the language `lang` of the values."""
        return _fill(self._tongue("page", str(values.get("lang", ENGLISH))), f"web/{name}", values)

    def still(self, name: str, values: Mapping[str, str | int]) -> bytes:
        """A web page that is the same for many, in UTF-8: filled once, unless templates are live."""
        if self._live:
            return self.page(name, values).encode()
        key = (name, *values.items())
        if key not in self._still:
            if len(self._still) >= _MOST_STILL:
                self._still.clear()
            self._still[key] = self.page(name, values).encode()
        return self._still[key]

    def asset(self, name: str) -> bytes:
        """A stylesheet or script from templates/web. Raises NotFound."""
        for folder in self._folders:
            if name in {path.name for path in (folder / "web").glob("*.[cj]s*")}:
                return (folder / "web" / name).read_bytes()
        raise NotFound("There is no such file here.")

    def theme(self, name: str) -> Theme:
        """The theme of that name, from templates/themes. Raises BadContent that names those there are."""
        found = self.themes()
        if name not in found:
            raise BadContent(f'the theme "{name}" is not known; there are {", ".join(sorted(found))}.')
        usual = themes.read(shipped("templates") / themes.FOLDER / f"{DEFAULT_THEME}.toml")
        return themes.read(found[name], usual)

    def themes(self) -> Mapping[str, Path]:
        """The file of each theme, by its name."""
        return {
            path.stem: path for folder in reversed(self._folders) for path in folder.glob(f"{themes.FOLDER}/*.toml")
        }

    def mail_files(self) -> Mapping[str, Path]:
        """The file of each MJML template, by its name; one's own before a shipped one."""
        return {path.name: path for folder in reversed(self._folders) for path in sorted(folder.glob("mail/*.mjml"))}

    def words(self, lang: str) -> Words:
        """What pages and mails say in this language; English where there is no catalogue of it."""
        return self._catalogues.of(lang)

    def mail_html(self, name: str, values: Mapping[str, object], *, lang: str = ENGLISH) -> str:
        """The HTML of a mail from templates/mail, with the person's marks still open."""
        source = _fill(self._tongue("mjml", lang), f"mail/{name}", values)
        try:
            html = mjml.mjml2html(source)
        except ValueError as error:
            raise BadContent(f"templates/mail/{name}: this is not valid MJML: {error}.") from error
        # MJML hides the preheader as white on white too, which SpamAssassin counts as HTML_FONT_LOW_CONTRAST.
        return html.replace(f"{_HIDDEN}color:#ffffff;", _HIDDEN, 1)

    def plain_html(self, name: str, values: Mapping[str, object], *, lang: str = ENGLISH) -> str:
        """HTML without a mail's dress from templates/mail, with the person's marks still open."""
        return _fill(self._tongue("mjml", lang), f"mail/{name}", values)

    def mail_text(self, name: str, values: Mapping[str, object], *, lang: str = ENGLISH) -> str:
        """The text part of a mail from templates/mail, with the person's marks still open."""
        return _fill(self._tongue("text", lang), f"mail/{name}", values)

    def _tongue(self, kind: str, lang: str) -> jinja2.Environment:
        """The environment of one kind and one catalogue: macros speak its language, too, and none is chosen a mail."""
        words = self.words(lang)
        key = (kind, words.language)
        if key not in self._tongues:
            made = _KINDS[kind](self._loader, live=self._live)
            made.bytecode_cache = _COMPILED[kind]
            made.add_extension("jinja2.ext.i18n")
            # The extension's methods come with it, so mypy does not know them.
            made.install_gettext_translations(words.catalogue, newstyle=True)  # type: ignore[attr-defined]
            self._tongues[key] = made
        return self._tongues[key]


def pages(loader: jinja2.BaseLoader, *, live: bool) -> jinja2.Environment:
    """The environment of web pages, without the words of a language."""
    strict = jinja2.StrictUndefined
    return jinja2.Environment(loader=loader, autoescape=True, undefined=strict, trim_blocks=True, auto_reload=live)


def mails(loader: jinja2.BaseLoader, *, live: bool) -> jinja2.Environment:
    """The environment of mails that are written in MJML, without the words of a language."""
    return _twice(loader, autoescape=True, live=live)


def texts(loader: jinja2.BaseLoader, *, live: bool) -> jinja2.Environment:
    """The environment of mails' plain text, without the words of a language."""
    return _twice(loader, autoescape=False, live=live)


def _twice(loader: jinja2.BaseLoader, *, autoescape: bool, live: bool) -> jinja2.Environment:
    """The environment of the first filling: square brackets, so that the person's marks stay as they are."""
    return jinja2.Environment(
        loader=loader,
        autoescape=autoescape,  # noqa: S701 (the caller's: MJML is escaped, plain text is not)
        undefined=jinja2.StrictUndefined,
        auto_reload=live,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
    )


_KINDS: Mapping[str, Callable[..., jinja2.Environment]] = MappingProxyType(
    {"page": pages, "mjml": mails, "text": texts}
)
_COMPILED: Mapping[str, _Compiled] = MappingProxyType({kind: _Compiled() for kind in _KINDS})


def _fill(environment: jinja2.Environment, name: str, values: Mapping[str, object]) -> str:
    try:
        return environment.get_template(name).render(values)
    except jinja2.TemplateNotFound as error:
        raise BadContent(f"templates/{error.name}: there is no such template.") from error
    except jinja2.TemplateSyntaxError as error:
        raise BadContent(f"templates/{error.name or name}:{error.lineno}: {error.message}.") from error
    except (jinja2.TemplateRuntimeError, TypeError, ValueError) as error:
        raise BadContent(f"templates/{name}: {error}.") from error
