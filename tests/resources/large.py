"""A large exploration, as it is after a year: functions that call each other, tried one by one."""

import random

from fortnight.notebook import Cell, Notebook

_SPEC = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}
_IMPORTS = """import itertools
import math
import re
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

%load_ext autoreload"""
_CONSTANTS = """SEED = 7  # of everything
BINS = (0.0, 0.25, 0.5, 0.75, 1.0)
UNITS = {"g": 1.0, "kg": 1000.0, "t": 1e6}
WORD = r"[a-z]+"
SHARES = [1 / n for n in range(1, 9)]"""
_FUNCTIONS = (
    '''def {name}(values: list[float], scale: float = 1.0) -> list[float]:
    """Scale what lies within the bins, and leave out the rest."""
    kept = []
    for value in values:
        if not BINS[0] <= value / max(scale, 1e-9) <= 10 * BINS[-1]:
            continue
        kept.append(scale * value)
    # Whoever has nothing gets one value, so that means exist.
    if not kept:
        return [0.0]
    {calls}
    return sorted(kept)''',
    '''def {name}(values: list[float]) -> dict[str, float]:
    """Sum up values: their mean, spread, and what other sums say."""
    array = np.asarray(values, dtype=float)
    found = {{"mean": float(array.mean()), "spread": float(array.std())}}
    with np.errstate(all="ignore"):
        weights = np.array([SHARES[n % len(SHARES)] for n in range(len(array))])
        found["weighted"] = float((array * weights).sum() / weights.sum())
    kept = values
    {calls}
    return found''',
    '''@lru_cache(maxsize=None)
def {name}(text: str) -> tuple[tuple[str, int], ...]:
    """Count words, the most frequent first."""
    words = re.findall(WORD, text.lower())
    counted = Counter(word for word in words if len(word) > 1)
    groups = defaultdict(list)
    for word, count in counted.items():
        groups[count].append(word)
    kept = [float(count) for count in groups]
    {calls}
    ordered = itertools.chain.from_iterable(
        [(word, count) for word in sorted(groups[count])] for count in sorted(groups, reverse=True)
    )
    return tuple(ordered)''',
    '''@dataclass
class {name}:
    """Values with a unit; one can add to them, and ask for their middle."""

    unit: str = "kg"
    values: list[float] = field(default_factory=list)

    def add(self, *values: float) -> None:
        """Take in values."""
        self.values.extend(value * UNITS[self.unit] for value in values)

    @property
    def middle(self) -> float:
        """The median, or nothing."""
        kept = self.values or [math.nan]
        {deep}
        return statistics.median(kept)''',
)
_TRIES = (
    "assert {name}([0.5, 0.25], 2) == {name}([0.5, 0.25], 2)\n{name}([0.1, 0.9])",
    "{found} = {name}([1.0, 2.0, 4.0])\nassert {found}['mean'] > 0\n{found}",
    "assert {name}('Assam and Ceylon') == {name}('assam and ceylon')\n{name}('a cup of tea')",
    "{found} = {name}('g')\n{found}.add(1, 2, 3)\n{found}.middle",
)


def large_exploration(sections: int = 99) -> Notebook:
    """Return an exploration of three cells a section: prose, a definition or two, and their use."""
    chance = random.Random(sections)
    cells = [
        Cell("title", "markdown", "# A year of tea\n\nWhat came in, and what became of it."),
        Cell("imports", "code", _IMPORTS),
        Cell("constants", "code", _CONSTANTS),
    ]
    able: list[str] = []  # those that take values
    for number in range(sections):
        kind = chance.choice((0, 0, 0, 1, 1, 2, 3))
        name = f"{('scaled_', 'summed_', 'counted_', 'Crate')[kind]}{number}"
        used = chance.sample(able[-20:], min(len(able[-20:]), chance.randrange(4)))
        calls = [f"kept = kept and [*kept, len({one}(kept[:2]))][:9]" for one in used] or ["pass"]
        source = _FUNCTIONS[kind].format(
            name=name, calls="\n    ".join(calls), deep="\n        ".join(calls)
        )
        if number % 33 == 0:
            source += f"\n\n\nhalf_{number} = lambda value: value / 2"
        prose = f"## Section {number}\n\nWhy this is done, and what of {used or 'tea'}."
        tried = _TRIES[kind].format(name=name, found=f"found_{number}")
        cells += [
            Cell(f"prose-{number}", "markdown", prose),
            Cell(f"code-{number}", "code", source),
            Cell(f"try-{number}", "code", tried),
        ]
        able += [name] * (kind in (0, 1))
    return Notebook(tuple(cells), _SPEC)
