"""A change that its person wants to see first, and what the played model answers."""

from tests.story.player import Tale, brief, done, plan, ran
from tests.story.tales import FOOT, INCH, PAUSE, WANTED, conversion, converter, converter_tests

KEPT = """@app.get("/kept")
def kept() -> list[str]:
    return sorted(os.listdir(os.environ["DATA_DIR"]))


@app.post("/kept")
def keep() -> None:
    with open(os.environ["DATA_DIR"] + "/scribble", "w") as file:
        file.write("scribble")
"""
YARD = {"yard": "When 2 yards are converted to metres, then the result is 1.8288"}
YARDS = Tale(
    request="Yards, please, but let me see them first.",
    brief=brief("Grandmother's yards", "lengths", {**WANTED, **FOOT, **INCH, **YARD}),
    plan=plan("Yards beside the others.", *conversion("yard")),
    steps=[
        [
            converter('"m": 1.0, "mile": 1609.344, "foot": 0.3048, "inch": 0.0254, "yard": 0.9144', f"{PAUSE}\n\n{KEPT}"),
            ran("sed -i '2a import os\\n' app/main.py"),
            converter_tests("mile", "foot", "inch", "yard"),
        ],
        done("Yards, inches, feet and miles."),
    ],
)
