"""Random notebooks: what the plan says can be lifted gives in a module what it gave there.

The notebooks are made of what leads analyses astray: few names, bound in many ways, shadowed, set
again, changed in place by whoever is handed a list.
"""

import os
import random
import re
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fortnight.lift import Plan, needed, plan_notebook
from fortnight.notebook import Cell, Notebook

SIZE = 2000 if os.environ.get("FORTNIGHT_SOAK") else 200
FUNCTIONS = ("f", "g", "h", "k")
VARIABLES = ("a", "b", "c")
CONSTANTS = ("K", "L", "M")
NAMES = (*FUNCTIONS, *VARIABLES, *CONSTANTS)
IMPORTS = (
    "import math",
    "import math as m",
    "from math import sqrt as r",
    "from operator import add",
    "import os.path",
    "from functools import lru_cache, wraps",
    "import math, operator as o",
    "try:\n    import nothing_of_the_kind as m\nexcept ImportError:\n    import math as m",
)
VALUES = ("1", "2 + 3", "'tea'", "(1, 2)", "3", "[1, 2]", "{'x': 1}", "[[1], [2]]", "{1: [2]}")
USES = (
    *("math.sqrt(4)", "m.floor(2.5)", "r(9)", "add(1, 2)", "os.path.join('a', 'b')", "o.neg(1)"),
    *("n", "len(str(n))", "sum([n])", "max(n, 1)"),
)


class Maker:
    """Writes a notebook, by a source of random numbers: a tame one, a wild one, or in between."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.wild = chance.random()

    def wildly(self, wild, tame):
        """Return the one in wild notebooks, and the other in tame ones."""
        return wild if self.chance.random() < self.wild else tame

    def one(self, *choices):
        """Return one of several choices."""
        return self.chance.choice(choices)

    def name(self) -> str:
        """Return a name that may be anything."""
        return self.wildly(self.one(*NAMES), self.one(*CONSTANTS, *CONSTANTS, *VARIABLES))

    def value(self) -> str:
        """Return an expression of the notebook's own level."""
        name = self.name()
        plain = self.one(*VALUES)
        odd = self.one(
            *VALUES[-4:], "K", "L", f"[{name}]", f"list('ab')[:{self.one('1', 'K')}]", "len('abc')"
        )
        return self.wildly(odd, plain)

    def term(self, depth: int = 0) -> str:
        """Return an expression in a function of `n`."""
        name, other = self.name(), self.name()
        if depth > 2:
            return self.one(*USES, name)
        inner = self.term(depth + 1)
        return self.one(
            *USES,
            *(name, name, f"str({name})", f"[{name}, {inner}]"),
            *(f"{self.one(*FUNCTIONS)}(n - 1)",) * 3,
            f"[{name} for {name} in range(2)]",
            f"[{other} for {name} in range(2) if {name} is not {inner}]",
            f"(lambda {name}: [{name}, {other}])({inner})",
            f"({name} := {inner})",
            f"[{name}[0], {other}]",
            f"f'{{{name}!r}} {{{inner}}}'",
            f"sorted(map({self.one(*FUNCTIONS)}, [0]))",
            f"{{**{{'y': {inner}}}, 'z': len({name})}}",
        )

    def body(self) -> str:
        """Return the statements of a function of `n`."""
        lines = ["if n <= 0:", f"    return {self.one(*USES, self.name())}"]
        for _ in range(self.chance.randrange(3)):
            name, other, term = self.name(), self.name(), self.term()
            lines += self.wildly([], [f"{self.one('x', 'y', 'z')} = {term}"]) or self.one(
                [f"{name} = {term}"],
                [f"{name} += [{term}]"],
                [f"{name}.append(n)"],
                [f"{name}[0] = {term}"],
                [f"for {name} in range(2):", f"    {other} = {name}"],
                [f"def {name}({other}=1):", f"    return [{other}, {term}]", f"{other} = {name}()"],
                [f"class {name}:", f"    {other} = {term}", f"    {other} = [{other}]"],
                [f"global {name}", f"{name} = {term}"],
                [f"with memoryview({name}) as {other}:", "    pass"],
                ["try:", f"    {name} = {term}", f"except TypeError as {other}:", "    pass"],
                ["match n:", f"    case {{'k': {name}}}: pass", f"    case {other}: pass"],
                [f"import math as {name}"],
                [f"del {name}"],
                [f"{name} = globals().get('{other}')"],
                [f"{name}: {other} = {term}"],
            )
        return "\n    ".join([*lines, f"return {self.term()}"])

    def definition(self, name: str) -> str:
        """Return a function or a class, decorated or not."""
        other = self.name()
        more = self.one(f", {other}=1", f", *, {self.name()}={other}", f", *{other}")
        head = f"def {name}(n{self.wildly(more, '')})"
        decorator = self.wildly(self.one("", f"@{self.one(*FUNCTIONS, 'lru_cache')}\n"), "")
        returns = self.wildly(self.one("", f" -> {other}", f" -> '{other}'"), "")
        value = self.value()
        methods = f"    def __init__(self, n):\n        self.n = [n, {self.term()}]\n"
        text = "    def __repr__(self):\n        return str(self.n)"
        called = f"    if not callable(n):\n        return [n, {self.term(2)}]"
        wrapped = f"def {name}(n):\n{called}\n    return n"
        return self.one(
            *(f"{decorator}{head}{returns}:\n    {self.body()}",) * 5,
            f"{name} = lambda n: n and {self.term()}",
            f"class {name}{self.wildly(f'({other})', '')}:\n    {other} = {value}\n{methods}{text}",
            wrapped,
        )

    def cell(self) -> str:
        """Return a cell."""
        name, other, value = self.name(), self.name(), self.value()
        if self.wildly(False, True):
            own = self.definition(self.one("p", "q", "s"))
            listed = self.one(*CONSTANTS)
            return self.one(
                *(own, own, f"{self.one('x', 'y', 'z')} = {name}", f"x = len({name})"),
                *(f"{listed}.append(3)", f"{listed}[0] = 4", f"x = {listed}\nx.append(5)"),
                f"def change(a):\n    a.append(6)\nchange({listed})",
                f"def keep(a={listed}):\n    return a\nkeep().append(7)",
            )
        call = f"{self.one(*FUNCTIONS)}({self.one('1', '2')})"
        return self.one(
            *(self.definition(self.one(*FUNCTIONS)),) * 6,
            *(f"{self.one(*VARIABLES, *CONSTANTS)} = {value}",) * 6,
            *(self.one(*IMPORTS),) * 2,
            *(f"{self.one(*VARIABLES)} = {call}",) * 2,
            call,
            f"%time {call}",
            f"{name}.append(3)",
            f"{name}[0] = 4",
            f"{name} += [5]",
            f"{name} = {other}",
            f"for {name} in range(2):\n    {other} = {name}",
            f"del {name}",
            f"{name}.extra = {value}",
            f"def change({other}):\n    {other}.append(6)\nchange({name})",
            f"if {name}:\n    {other} = {value}",
            "from __future__ import annotations",
            "from operator import *",
            f"globals()['{name}'] = {value}",
            f"{name}, {other} = {value}, 1",
            f"[{name}.append(i) for i in range(2)]",
            f"{name} = [i for i in range(K)]",
        )

    def notebook(self) -> Notebook:
        """Return a whole notebook; it begins with all that is needed, if it is lucky."""
        cells = [*IMPORTS[:-1], *(f"{name} = {self.value()}" for name in (*CONSTANTS, *VARIABLES))]
        cells += [self.definition(name) for name in FUNCTIONS]
        kept = [cell for cell in cells if not self.wildly(self.one(True, False), False)]
        kept += [self.cell() for _ in range(self.chance.randrange(8))]
        if self.wildly(self.one(True, False, False), False):
            self.chance.shuffle(kept)
        return Notebook(tuple(Cell("", "code", source) for source in kept))


def run(source: str, space: dict) -> bool:
    """Run a cell as a kernel does: an error ends the cell, and not the notebook."""
    try:
        tree = compile(re.sub(r"^%time ", "", source), "<cell>", "exec", dont_inherit=True)
        exec(tree, space)
    except Exception:
        return False
    return True


def outcome(space: dict, name: str) -> list:
    """Return what comes of using a definition several times: a value as text, or an error."""
    found = []
    for n in (0, 1, 2, 2):
        try:
            value = space[name](n) if callable(space[name]) else space[name]
            found.append(re.sub(r"0x[0-9a-f]+|<.*?>", "…", repr(value)))
        except RecursionError:
            found.append("RecursionError")  # what else it says depends on who noticed
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


def module_of(notebook: Notebook, plan: Plan, name: str) -> str:
    """Return the module that lifting a definition makes: imports, then what it needs, and it."""
    parts = needed(plan, [name])
    imports = dict.fromkeys(one.statement for part in parts for one in part.imports)
    texts = []
    for part in parts:
        lines = notebook.cells[part.place.cell - 1].source.split("\n")
        texts.append("\n".join(lines[part.place.line - 1 : part.end_line]))
    first = sorted(imports, key=lambda text: "__future__" not in text)
    return "\n".join([*first, *texts])


def differences(notebook: Notebook, plan: Plan) -> list[str]:
    """Return in what the lifted definitions differ from those of the notebook."""
    found = []
    for one in plan.definitions:
        if one.verdict not in ("free", "with"):
            continue
        # Each is used in a notebook that nobody has used before.
        here: dict = {"__name__": "__main__"}
        passed = [run(cell.source, here) for cell in notebook.cells]
        parts = needed(plan, [one.name])
        if not all(passed[part.place.cell - 1] for part in parts):
            continue  # there is nothing to compare with
        there: dict = {"__name__": "module"}
        text = module_of(notebook, plan, one.name)
        try:
            exec(compile(text, "<module>", "exec", dont_inherit=True), there)
        except Exception as error:
            found.append(f"{one.name}: {type(error).__name__}: {error}\n{text}")
            continue
        ours, theirs = outcome(here, one.name), outcome(there, one.name)
        if ours != theirs:
            found.append(f"{one.name}: {ours} became {theirs}\n{text}")
    return found


CHECKED = {"free": 0, "with": 0, "parameters": 0, "no": 0}


@settings(max_examples=SIZE)
@given(st.integers(0, 2**64))
def test_what_can_be_lifted_gives_what_it_gave(seed):
    """Whatever the notebook: no name is missing, and nothing comes out differently."""
    notebook = Maker(random.Random(seed)).notebook()
    plan = plan_notebook(notebook)
    for one in plan.definitions:
        CHECKED[one.verdict] += 1
    assert differences(notebook, plan) == []


def test_something_has_been_lifted():
    """The test before this would pass on notebooks of which nothing can be lifted."""
    if sum(CHECKED.values()):
        assert min(CHECKED["free"], CHECKED["with"]) > SIZE / 4
        assert min(CHECKED["parameters"], CHECKED["no"]) > SIZE / 4


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("fortnight.constants.fate", lambda *given, **more: ""),
        ("fortnight.needs.own_reasons", lambda name, scene: ()),
        ("fortnight.needs._variable", lambda use, needs, scene: ()),
        ("fortnight.lift.staying_in", lambda needs: {}),
        ("fortnight.scopes.read", lambda *given: None),
    ],
    ids=["mutation", "redefinition", "variables", "reasons", "names"],
)
def test_a_wrong_analysis_would_be_found(place, wrong):
    """With any of its parts taken out, the plan lifts what doesn't work, and that is noticed."""
    found = 0
    with patch(place, wrong):
        for seed in range(150):
            notebook = Maker(random.Random(seed)).notebook()
            try:
                found += bool(differences(notebook, plan_notebook(notebook)))
            except (KeyError, IndexError):
                found += 1
    assert found
