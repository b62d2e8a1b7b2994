"""Which articles do tests read? Three of our own, differently made, and the headings that a reader sees in them."""

from pathlib import Path

FOLDER = Path(__file__).parent / "data" / "articles"
BEES, DRAWING, BREAD = (FOLDER / name for name in ("bees.html", "drawing.md", "bread.txt"))
THEMES = {
    BEES: [
        "Bees on the Roof",
        "Why a city suits them",
        "What the law and the neighbours say",
        "The place on the roof",
        "The year in a hive",
        "Taking honey without taking too much",
        "When a colony dies",
        "What they taught me",
    ],
    DRAWING: [
        "Drawing for people who cannot draw",
        "What you see and what you know",
        "Lines that follow an edge",
        "The shapes in between",
        "Measuring with a pencil",
        "Light before detail",
        "The courage to leave it",
        "A year from now",
    ],
    BREAD: [
        "Slow Bread for Busy People",
        "What Flour Really Does",
        "The Water Question",
        "Salt, and Why It Comes Late",
        "Yeast or Sourdough: Choosing a Leaven",
        "How to Start a Culture",
        "Folding Instead of Kneading",
        "The Long Night",
        "How to Tell When It Is Ready",
        "12 Minutes of Shaping",
        "The Oven as a Small Climate",
        "Cutting the Top",
        "Keeping and Using What Is Left",
        "Common Mistakes and What They Look Like",
        "Where to Go From Here",
    ],
}
