"""Faults put into this project's own library: `--nb-changed` runs whoever can see them."""

import ast
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fortnight.settings import find_root
from tests.conftest import environment

ROOT = find_root(Path(__file__).parent)
SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
FAULTS = 20 if SOAK else 2
SAMPLE = ("04a_values", "04b_encoding", "04c_names", "04d_kinds", "04e_forms", "06_metrics")
NOTEBOOKS = ("nbs/lib",) if SOAK else tuple(f"nbs/lib/{name}.ipynb" for name in SAMPLE)
QUICKLY = ("-p", "no:hypothesispytest", "-p", "no:anyio", *(("-n", "2") if SOAK else ()))
WORDS = "PASSED|FAILED|TIMED OUT|KERNEL DIED|DIFFERS|CACHED"


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy this workspace; its kernels import the copied package, pytest its own."""
    made = tmp_path_factory.mktemp("twin").resolve()
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(lambda name: (ROOT / name).is_file(), names.splitlines()):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, made / name)
    who = ["-c", "user.name=Tea", "-c", "user.email=tea@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "twin"]):
        subprocess.run(["git", *command], cwd=made, check=True)
    startup = made / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-twin.py").write_text(f"import sys\nsys.path.insert(1, {str(made / 'pkg')!r})\n")
    return made


def run(twin: Path, *options: str) -> dict[str, str]:
    """Run the notebooks, and return the words by their names."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", *QUICKLY, *options, *NOTEBOOKS],
        cwd=twin,
        env=environment(IPYTHONDIR=str(twin / ".ipython")),
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = re.findall(rf"\] ({WORDS})(?: \(.*\))? nbs/lib/(\S+)\.ipynb::", done.stdout)
    found += [
        (word, name)
        for name, word in re.findall(rf"^nbs/lib/(\S+)\.ipynb::\S+ ({WORDS})", done.stdout, re.M)
    ]
    assert found, done.stdout + done.stderr
    return {name: word for word, name in found}


class Fault(ast.NodeTransformer):
    """Makes one small mistake, at the place with this number; `places` counts them."""

    def __init__(self, place: int) -> None:
        self.place, self.places = place, 0

    def _here(self) -> bool:
        self.places += 1
        return self.places - 1 == self.place

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Turn a comparison round."""
        self.generic_visit(node)
        turned = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.Gt: ast.LtE,
                  ast.In: ast.NotIn, ast.NotIn: ast.In, ast.LtE: ast.Gt, ast.GtE: ast.Lt,
                  ast.Is: ast.IsNot, ast.IsNot: ast.Is}  # fmt: skip
        if self._here():
            node.ops = [turned[type(node.ops[0])](), *node.ops[1:]]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """Count one too many."""
        if isinstance(node.value, int) and not isinstance(node.value, bool) and self._here():
            return ast.Constant(node.value + 1)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """Take `and` for `or`."""
        self.generic_visit(node)
        if self._here():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node


def broken(source: str, draw: random.Random) -> str | None:
    """Return a module with a small mistake somewhere."""
    counted = Fault(-1)
    counted.visit(ast.parse(source))
    if not counted.places:
        return None
    return ast.unparse(Fault(draw.randrange(counted.places)).visit(ast.parse(source)))


def test_who_can_see_a_fault_is_run(twin: Path):
    """Every notebook that a fault changes is run again; on average no more than half of all are."""
    before = run(twin)
    unwell = {name: word for name, word in before.items() if word != "PASSED"}
    assert len(unwell) <= len(before) // 20, unwell
    passes, kept = twin / ".fortnight" / "passes", twin / ".fortnight" / "kept"
    run(twin, "--nb-changed")  # what may read anything is known from now on
    shutil.copytree(passes, kept)
    draw, shares, seen = random.Random(3), [], 0
    modules = sorted((twin / "pkg" / "fortnight").glob("[!_]*.py"))
    modules = modules if SOAK else [path for path in modules if path.stem in ("names", "values")]
    while len(shares) < FAULTS:
        module = draw.choice(modules)
        source = module.read_text()
        if (mutant := broken(source, draw)) is None:
            continue
        module.write_text(mutant)
        ran = {name for name, word in run(twin, "--nb-changed").items() if word != "CACHED"}
        truth = {name for name, word in run(twin).items() if word != before[name]}
        module.write_text(source)
        shutil.rmtree(passes)
        shutil.copytree(kept, passes)
        assert truth <= ran, (module.name, truth - ran)
        shares.append(len(ran) / len(before))
        seen += bool(truth)
        print(f"{module.name}: {len(ran)} of {len(before)} ran, {len(truth)} saw the fault")
    print(f"on average {sum(shares) / len(shares):.0%} ran; {seen} faults were seen")
    assert seen >= (5 if SOAK else 1)
    assert not SOAK or sum(shares) / len(shares) <= 0.5
