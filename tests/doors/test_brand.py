"""Do the pages look as the settings say, and can they always be read?"""

import re

import pytest
from door import Door, Page
from house import House, small_course

from sequencer import brand
from sequencer.brand import Brand, Font
from sequencer.store.database import Database


def rules(css: str) -> list[dict[str, str]]:
    """The variables of each rule, in their order."""
    return [dict(re.findall(r"(--[\w-]+): ([^;]+);", rule)) for rule in re.findall(r":root \{([^}]*)\}", css)]


def opened(db: Database, look: Brand) -> Door:
    """A door with a look of its own."""
    house = House(db)
    house.publish(small_course())
    return Door(house, pages=look)


def test_pages_without_a_look_of_their_own_ask_for_one_stylesheet(sqlite_door: Door) -> None:
    page = Page(sqlite_door.ask.get("/f/newsletter").text)
    assert [tag["href"] for tag in page.all("link")] == ["/static/site.css"]
    assert sqlite_door.ask.get("/static/brand.css").text == ""


def test_an_accent_letters_and_a_name_are_on_every_page(sqlite_db: Database) -> None:
    look = brand.parse({"accent": "#8A1C1C", "font": "sans", "logo": "The Daily"})
    with opened(sqlite_db, look).open() as door:
        for path in ("/", "/f/newsletter", "/nowhere", "/u/nonsense"):
            page = Page(door.ask.get(path).text)
            assert [tag["href"] for tag in page.all("link")] == ["/static/site.css", "/static/brand.css"], path
            assert page.all("style") == []
            assert "The Daily" in page.text("title")[0]
        answer = door.ask.get("/static/brand.css")
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
            "text/css; charset=utf-8",
            "max-age=3600",
        )
        light, _, letters = rules(answer.text)
        assert light["--blue"] == "#8a1c1c"
        assert letters == {"--serif": "var(--sans)"}
        sent = Page(door.sign_up({"email": "a@example.org"}).text)
        assert "The Daily" in sent.text("title")[0]
        assert len(sent.all("link")) == 2


def test_letters_alone_change_no_colour() -> None:
    assert rules(Brand(font=Font.SANS).stylesheet()) == [{"--serif": "var(--sans)"}]


# Black, white, and all between, in steps; with the pure colours, which are the hardest.
SHADES = [f"#{red:02x}{green:02x}{blue:02x}" for red in range(0, 256, 51) for green in range(0, 256, 51) for blue in range(0, 256, 51)]  # fmt: skip # noqa: E501


def test_whatever_colour_is_chosen_it_can_be_read_in_light_and_dark_or_is_refused() -> None:
    taken = 0
    for colour in SHADES:
        try:
            look = brand.parse({"accent": colour})
        except ValueError as error:
            (near,) = re.findall(r'like "(#[0-9a-f]{6})"', str(error))
            look = brand.parse({"accent": near})
        else:
            taken += 1
        light, dark = rules(look.stylesheet())
        for value in (light["--blue"], light["--deep"]):
            for ground in ("#ffffff", "#f1f5fb"):
                assert brand.contrast(brand.rgb(value), brand.rgb(ground)) >= 4.5, (colour, value)
        for value in (dark["--blue"], dark["--deep"]):
            for ground in ("#121926", "#1a2537"):
                assert brand.contrast(brand.rgb(value), brand.rgb(ground)) >= 4.5, (colour, value)
    assert taken > 50


@pytest.mark.parametrize("value", [[], "red", {"accent": 7}, {"logo": ["x"]}, {"font": 3}])
def test_what_is_no_look_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"accent|text"):
        brand.parse(value)
