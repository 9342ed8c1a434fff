"""What a platform's codes are like, and how many of them a member may have open. Pure."""

from collections.abc import Set
from dataclasses import dataclass

from core.ids import CODE_LENGTH, new_code
from core.ports import Capability

OPEN_AT_MOST = 5
SHORT_CODE = 16  # of which at least SHORT_LENGTH are dice: 30^15 = 2^73
SHORT_LENGTH = 15


@dataclass(frozen=True)
class CodeRules:
    """`open_at_most`: codes of one member at a time. `prefix_at_most`, `length`: characters in front, and random ones."""

    open_at_most: int
    prefix_at_most: int
    length: int

    def new_code(self, prefix: str) -> str:
        return new_code(prefix[: self.prefix_at_most], length=self.length)


def rules_of(capabilities: Set[Capability]) -> CodeRules:
    """Where orders do not say which code they carry, only that a member has no other one open tells."""
    open_at_most = OPEN_AT_MOST if Capability.CODE_ON_ORDER in capabilities else 1
    if Capability.LONG_CODES in capabilities:
        return CodeRules(open_at_most, prefix_at_most=8, length=CODE_LENGTH)
    return CodeRules(open_at_most, prefix_at_most=SHORT_CODE - SHORT_LENGTH, length=SHORT_LENGTH)
