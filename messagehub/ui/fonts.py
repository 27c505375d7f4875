"""Inter, cut down to what the pages need. Without the font packages, pages fall back to the system's fonts."""

import io
import logging
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

# Latin, Latin Extended A, punctuation, arrows and currency signs.
RANGES = (
    (0x20, 0x7E), (0xA0, 0x17F), (0x2C6, 0x2C7), (0x2D8, 0x2DD), (0x2010, 0x2027), (0x2030, 0x203A),
    (0x20A0, 0x20BF), (0x2122, 0x2122), (0x2190, 0x2193), (0x2212, 0x2212), (0x2260, 0x2265),
)  # fmt: skip
FEATURES = ["ccmp", "kern", "locl", "mark", "mkmk", "tnum"]  # contextual alternates alone weigh 4 KB
WEIGHTS = (400, 600)
PACKAGES = ("fontpkg-inter", "fonttools", "brotli")

FACE = """\
@font-face {
  font-family: "Inter UI";
  src: url("inter.woff2") format("woff2");
  font-weight: 400 600;
  font-style: normal;
  font-display: optional;
}
"""


@cache
def available() -> bool:
    try:
        return bool([version(package) for package in PACKAGES])
    except PackageNotFoundError:
        return False


def fingerprint() -> str:
    """Changes whenever the font would."""
    return f"{[version(package) for package in PACKAGES]} {RANGES} {FEATURES} {WEIGHTS}"


def inter() -> bytes:
    """The variable font, as WOFF2."""
    from fontTools import subset
    from fontTools.ttLib import TTFont
    from fontTools.varLib import instancer

    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every step
    with files("fontpkg_inter").joinpath("files/Inter[opsz,wght].ttf").open("rb") as source:
        font = TTFont(source)
        cutter = subset.Subsetter(subset.Options(layout_features=FEATURES, hinting=False))
        cutter.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
        cutter.subset(font)
        instancer.instantiateVariableFont(font, {"opsz": 14, "wght": WEIGHTS}, inplace=True)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()
