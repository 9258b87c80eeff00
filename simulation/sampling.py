"""Random numbers that depend on the seed's name alone, so that each scenario repeats exactly."""

import math
import random


class Sampler:
    """Draws random counts."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 (reproducible, not secret)

    def poisson(self, mean: float) -> int:
        """A number from a Poisson distribution; above 50, its normal approximation."""
        if mean <= 0:
            return 0
        if mean > 50:
            return max(0, round(self._random.gauss(mean, math.sqrt(mean))))
        limit, number, product = math.exp(-mean), 0, self._random.random()
        while product > limit:
            number, product = number + 1, product * self._random.random()
        return number

    def binomial(self, count: int, share: float) -> int:
        """How many of `count` items have a property that a `share` of all items have; above 20, by `poisson`."""
        if share <= 0 or not count:
            return 0
        if share >= 1:
            return count
        if count <= 20:
            return sum(self._random.random() < share for _ in range(count))
        return min(count, self.poisson(count * share))
