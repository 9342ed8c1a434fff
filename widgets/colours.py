"""The merchant's one colour, made legible wherever the widget uses it. Contrast as WCAG 2.2 defines it. Pure."""

TEXT_CONTRAST = 4.5
WHITE, BLACK = "#ffffff", "#000000"
# The palest and the darkest ground that the accent stands on: --back in light, --raised in dark (source/style.css).
LIGHT_GROUND, DARK_GROUND = "#f5f5f8", "#222229"
_STEPS = 50

Rgb = tuple[int, int, int]


def theme_colours(brand: str) -> dict[str, str]:
    """CSS custom properties: the brand, text that stands on it, and the brand as text or line on our own grounds."""
    return {
        "brand": brand.lower(),
        "on-brand": WHITE if contrast(brand, WHITE) >= TEXT_CONTRAST else BLACK,
        "accent-light": _moved_until_legible(brand, towards=BLACK, ground=LIGHT_GROUND),
        "accent-dark": _moved_until_legible(brand, towards=WHITE, ground=DARK_GROUND),
    }


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _moved_until_legible(colour: str, *, towards: str, ground: str) -> str:
    start, end = _rgb(colour), _rgb(towards)
    for step in range(_STEPS):
        mixed = _hex(tuple(a + (b - a) * step // _STEPS for a, b in zip(start, end, strict=True)))
        if contrast(mixed, ground) >= TEXT_CONTRAST:
            return mixed
    return towards


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)


def _rgb(colour: str) -> Rgb:
    number = int(colour.removeprefix("#"), 16)
    return number >> 16, number >> 8 & 255, number & 255


def _hex(rgb: tuple[int, ...]) -> str:
    return "#" + "".join(f"{part:02x}" for part in rgb)
