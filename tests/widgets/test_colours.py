"""The merchant's colour is legible in every place, whatever colour it is."""

from hypothesis import given
from hypothesis import strategies as st

from widgets.colours import DARK_GROUND, LIGHT_GROUND, TEXT_CONTRAST, WHITE, contrast, theme_colours

colours = st.integers(min_value=0, max_value=0xFFFFFF).map(lambda number: f"#{number:06X}")


@given(colours)
def test_text_is_legible_on_any_brand_and_the_brand_on_our_grounds(brand: str) -> None:
    theme = theme_colours(brand)

    assert contrast(theme["on-brand"], theme["brand"]) >= TEXT_CONTRAST
    assert contrast(theme["accent-light"], LIGHT_GROUND) >= TEXT_CONTRAST
    assert contrast(theme["accent-light"], WHITE) >= TEXT_CONTRAST
    assert contrast(theme["accent-dark"], DARK_GROUND) >= TEXT_CONTRAST


def test_a_colour_that_is_legible_is_left_alone() -> None:
    assert theme_colours("#1F5F4A")["accent-light"] == "#1f5f4a"


def test_contrast_is_that_of_wcag() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54
