"""Is Markdown plain HTML for feed readers, and are its addresses good from anywhere?"""

import pytest

from sequencer.content import bare, markdown
from sequencer.content.dress import Placed

HERE = "https://mail.example.org/archive/3-tides"
LAMP = {"lamp.png": Placed(url="/i/lamp.png", width=800, height=600)}


def html(source: str) -> str:
    """What a source of running text becomes."""
    (block,) = markdown.bare_blocks(source, LAMP)
    return block.html.strip()


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("| a | b |\n|:--|--:|\n| 1 | 2 |\n", "<th>a</th>\n<th>b</th>"),
        ("![A lamp](lamp.png)", '<p><img src="/i/lamp.png" alt="A lamp" width="800" height="600"></p>'),
        (
            '![A boat](https://x.example/b "Two < three")',
            '<figure><img src="https://x.example/b" alt="A boat"><figcaption>Two &lt; three</figcaption></figure>',
        ),
        ('- ![A boat](https://x.example/b "Two")', '<li><img src="https://x.example/b" alt="A boat" title="Two"></li>'),
        ("- [x] done\n- left", "<li>☑ done</li>"),
        ("```python\na < b\n```", "<pre><code>a &lt; b\n</code></pre>"),
    ],
)
def test_nothing_of_a_mails_dress_is_left(source: str, plain: str) -> None:
    found = html(source).replace(" />", ">")
    assert plain in found
    assert "style" not in found


@pytest.mark.parametrize(
    ("written", "led"),
    [
        ('<a href="/archive/1-first">a</a>', '<a href="https://mail.example.org/archive/1-first">a</a>'),
        ('<a href="2-second">a</a>', '<a href="https://mail.example.org/archive/2-second">a</a>'),
        ('<a href="#end">a</a>', f'<a href="{HERE}#end">a</a>'),
        ('<a href="//example.org/b">a</a>', '<a href="https://example.org/b">a</a>'),
        ('<a href="mailto:ann@example.org">a</a>', '<a href="mailto:ann@example.org">a</a>'),
        ('<a href="https://example.org/?a=1&amp;b=2">a</a>', '<a href="https://example.org/?a=1&amp;b=2">a</a>'),
        ('<a href="https://[example/">a</a>', '<a href="https://[example/">a</a>'),
        ('<a href="">go <b>now</b></a>, go', "go <b>now</b>, go"),
        ("<p>href=&quot;x&quot;</p>", "<p>href=&quot;x&quot;</p>"),
    ],
)
def test_an_address_is_good_from_anywhere(written: str, led: str) -> None:
    assert bare.absolute(written, HERE) == led
