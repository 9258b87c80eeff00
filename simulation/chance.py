"""Chance, reproducible by name: the same scenario draws the same numbers, alone or among others."""

import math
import random


class Chance:
    """Draws how many of something there are."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 (reproducible, not secret)

    def draw(self, mean: float) -> int:
        """A number from a Poisson distribution; its normal approximation where nobody could tell."""
        if mean <= 0:
            return 0
        if mean > 50:
            return max(0, round(self._random.gauss(mean, math.sqrt(mean))))
        limit, number, product = math.exp(-mean), 0, self._random.random()
        while product > limit:
            number, product = number + 1, product * self._random.random()
        return number

    def share(self, count: int, share: float) -> int:
        """How many of `count` are among a share of them."""
        if share <= 0 or not count:
            return 0
        if share >= 1:
            return count
        if count <= 20:
            return sum(self._random.random() < share for _ in range(count))
        return min(count, self.draw(count * share))
