"""The app's theme extension on the shop's pages: its blocks drawn from their Liquid, as far as those use it, and its script."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# A dash inside of a tag takes the white space before or after it.
BEFORE, AFTER = re.compile(r"\s*(\{[%{])-"), re.compile(r"-([%}]\})\s*")
NOT_SHOWN = re.compile(r"\{%-?\s*comment.*?endcomment\s*-?%\}|\{%-?\s*schema.*?endschema\s*-?%\}", re.DOTALL)
CUSTOMER = re.compile(r"\{%-?\s*if customer\s*-?%\}(.*?)\{%-?\s*else\s*-?%\}(.*?)\{%-?\s*endif\s*-?%\}", re.DOTALL)
VARIANTS = re.compile(r"\{%-?\s*for variant .*?endfor\s*-?%\}", re.DOTALL)
TAG = re.compile(r"\{%-?.*?-?%\}", re.DOTALL)
PRINT = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
QUOTED = re.compile(r"'([^']+)'\s*$")


@dataclass(frozen=True)
class ThemeExtension:
    """`blocks`: name -> Liquid. `assets`: file name -> text. `texts`: translation key -> text."""

    blocks: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def scripts(self) -> list[str]:
        return sorted(name for name in self.assets if name.endswith(".js"))

    def drawn(self, block: str, values: Mapping[str, str], *, signed_in: bool) -> str:
        """A block's HTML; `values` are what its expressions print, unknown ones print nothing. Empty for no such block."""
        text = BEFORE.sub(r"\1", AFTER.sub(r"\1", self.blocks.get(block, "")))
        text = NOT_SHOWN.sub("", text)
        text = CUSTOMER.sub(lambda match: match.group(1 if signed_in else 2), text)
        text = TAG.sub("", VARIANTS.sub("", text))
        return PRINT.sub(self._printer(values), text).strip()

    def _printer(self, values: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
        def printed(match: re.Match[str]) -> str:
            subject, *filters = (part.strip() for part in match.group(1).split("|"))
            quoted = QUOTED.match(subject)
            found = self.texts.get(quoted.group(1), "") if quoted and "t" in filters else values.get(subject, "")
            return f'"{found}"' if "json" in filters and not found.isdigit() else html.escape(found)

        return printed
