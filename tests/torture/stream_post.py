"""The post between a shop and the product, which does all that bad post does: triples, delays, loses, forges and cuts."""

import heapq
import itertools
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from flask import Flask

from tests.torture.stream_world import StreamWorld

COPIES = 3
DROPPED, STALE_LAST, FORGED, TRUNCATED = 0.10, 0.05, 0.02, 0.01
WINDOW = timedelta(hours=24)


@dataclass(frozen=True)
class Letter:
    """`kind`: true, stale, cut (on the way), cut_signed (by the shop), or one of what `Post.forged` makes."""

    kind: str
    body: bytes
    headers: dict[str, str]
    secret: str = field(repr=False)


@dataclass
class Post(ABC):
    """Takes every message of the shop when it is written, and hands it over when and how it likes."""

    world: StreamWorld
    app: Flask
    dice: random.Random
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    dropped: int = 0
    _under_way: list[tuple[datetime, int, Letter]] = field(default_factory=list)
    _for_the_end: list[Letter] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    @abstractmethod
    def address(self) -> str:
        """Where the shop's messages go."""

    @abstractmethod
    def forged(self, letter: Letter) -> Letter:
        """What somebody who saw this message could send."""

    @abstractmethod
    def signed(self, letter: Letter, body: bytes, secret: str) -> dict[str, str]:
        """The headers of the letter around another body, or signed by another hand."""

    @abstractmethod
    def collect(self) -> None:
        """Fetch what the shop has written, where it does not bring it."""

    def accept(self, *letters: Letter) -> None:
        """All that the shop has to tell of one event: it is lost as a whole, or not at all."""
        for letter in letters:
            if self.dice.random() < STALE_LAST:
                self._for_the_end.append(replace(letter, kind="stale"))
        if self.dice.random() < DROPPED:
            self.dropped += len(letters)
            return
        for letter, _ in itertools.product(letters, range(COPIES)):
            self._put(self._cut(letter) if self.dice.random() < TRUNCATED else letter)
            if self.dice.random() < FORGED:
                self._put(self.forged(letter))

    def hand_over_due(self) -> None:
        self.collect()
        while self._under_way and self._under_way[0][0] <= self.world.clock():
            self._send(heapq.heappop(self._under_way)[2])

    def hand_over_the_rest(self) -> None:
        """What is under way, and after it what had been written first."""
        self.collect()
        self.world.wait(WINDOW)
        self.hand_over_due()
        for letter in self._for_the_end:
            self._send(letter)

    def _cut(self, letter: Letter) -> Letter:
        body = letter.body[: self.dice.randrange(1, len(letter.body))]
        if self.dice.random() < 0.5:
            return replace(letter, kind="cut", body=body)
        return replace(letter, kind="cut_signed", body=body, headers=self.signed(letter, body, letter.secret))

    def _put(self, letter: Letter) -> None:
        due = self.world.clock() + WINDOW * self.dice.random()
        heapq.heappush(self._under_way, (due, next(self._numbers), letter))

    def _send(self, letter: Letter) -> None:
        answer = self.app.test_client().post(self.address, data=letter.body, headers=letter.headers)
        self.answers.setdefault(letter.kind, Counter())[answer.status_code] += 1
