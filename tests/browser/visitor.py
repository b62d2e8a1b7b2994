"""What does somebody with a browser do, and what does the browser notice meanwhile?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from urllib.parse import urlsplit

from browser.town import Town
from playwright.sync_api import ConsoleMessage, Page, Response, ViewportSize

PHONE: ViewportSize = {"width": 375, "height": 720}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_CONTROLS = "a[href], button, input:not([type=hidden]), select, textarea, summary, iframe, [tabindex='0']"

# For each control that can be seen: its place in the document, its name, and how its focus shows. Of a group of radio
# buttons Tab reaches the one that is chosen, or the first; the arrows lead on from there.
_LOOK = r"""selector => {
    const all = [...document.querySelectorAll(selector)];
    const within = (one, other) => other.type === 'radio' && other.name === one.name && other.form === one.form;
    const stops = one => {
        const group = one.type === 'radio' ? all.filter(other => within(one, other)) : [one];
        return one === (group.find(other => other.checked) ?? group[0]);
    };
    return all.map((control, place) => {
        const style = getComputedStyle(control);
        return {
            place,
            name: (control.labels?.[0] ?? control).textContent.replace(/\s+/g, ' ').trim() || control.tagName,
            seen: control.checkVisibility() && !control.closest('[aria-hidden=true]') && stops(control),
            focused: control === document.activeElement,
            ring: style.outlineStyle === 'none' ? '' : `${style.outlineWidth} ${style.outlineColor}`,
            shadow: style.boxShadow,
        };
    });
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A link, a button or a field, as it looks now."""

    place: int
    name: str
    seen: bool
    focused: bool
    ring: str
    shadow: str


@dataclass
class Visitor:
    """One tab: what its console said, whom it asked for anything, and the status of the page that it shows."""

    tab: Page
    town: Town
    complaints: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    status: int = 0

    def listen(self) -> None:
        """Begin to notice."""
        # Playwright keeps its wrappers on the object whose method is called: this class has no slots.
        self.tab.on("console", self._hear)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("response", self._arrive)
        self.tab.on("request", lambda request: self.asked.add(_origin(request.url)))

    def open(self, address: str) -> None:
        """Go to a path of the service, or to a whole address."""
        self.tab.goto(address if "://" in address else self.town.url + address)

    def press(self, button: str) -> None:
        """Press a button, and be where it leads."""
        with self.tab.expect_navigation():
            self.tab.get_by_role("button", name=button, exact=True).click()

    def fill(self, label: str, words: str) -> None:
        """Write into a field."""
        self.tab.get_by_label(label).fill(words)

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.tab.keyboard.press(key)

    def type(self, words: str) -> None:
        """Write into the field that has the focus, in place of what is there; in a list, find what begins so."""
        self.keys("Control+A")
        self.tab.keyboard.type(words)

    def leads_on(self, key: str) -> None:
        """Press a key that leads to another page, and be there."""
        with self.tab.expect_navigation():
            self.tab.keyboard.press(key)

    def tab_to(self, name: str) -> None:
        """Press Tab until the control of this name has the focus; it must come within one round."""
        for _ in range(len(self.controls()) + 8):
            self.tab.keyboard.press("Tab")
            if any(one.focused and one.name == name for one in self.controls()):
                return
        raise AssertionError(f'Tab does not reach "{name}"')

    def controls(self) -> list[Control]:
        """The controls of the page, in its order."""
        return [Control(**one) for one in self.tab.evaluate(_LOOK, _CONTROLS)]

    def heading(self) -> str:
        """What the page says it is."""
        return self.tab.locator("h1").inner_text()

    def violations(self) -> list[str]:
        """What axe-core finds: each rule that is broken, with the element that breaks it and why."""
        if not self.tab.evaluate("'axe' in window"):
            self.tab.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
        options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
        found = self.tab.evaluate("options => axe.run(document, options)", options)
        assert found["passes"], "axe-core looked at nothing"
        return [
            f"{rule['id']}: {node['html'][:160]} | {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def _arrive(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self.status = response.status

    def _hear(self, message: ConsoleMessage) -> None:
        source = message.location["url"]
        # An error page is an answer with that status, and the browser says so. The writer's own site has no icon; ours
        # has an answer.
        expected = source == self.tab.url or (source.endswith("/favicon.ico") and "//localhost:" in source)
        if message.type in ("error", "warning") and not (expected and message.text.startswith("Failed to load")):
            self.complaints.append(message.text)


Arrive = Callable[..., Visitor]


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
