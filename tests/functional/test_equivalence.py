"""Whatever a notebook does, it comes out of a forked kernel as it does of a cold one."""

import asyncio
import os
import sys
from pathlib import Path

import nbformat
import pytest

from fortnight.settings import find_root
from tests.conftest import SETTINGS
from tests.functional.kernels import Ran, laid_out, notebook_of, run
from tests.resources.corpus import CORPUS, Case, case

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only"),
    # A cell that crashes its kernel is told by nbclient in the log, not as a warning.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
CHOSEN = [name for name, made in CORPUS.items() if made.quick or SOAK]

ROOT = find_root(Path(__file__).parent)
# The benchmarks measure the machine.
OWN = (
    [path for path in sorted(ROOT.glob("nbs/*/*.ipynb")) if path.stem not in ("bench", "peers")]
    if SOAK
    else []
)

drawn: set[str] = set()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a workspace of the corpus, so that all that it imports is imported beforehand."""
    root = tmp_path_factory.mktemp("corpus")
    (root / "settings.ini").write_text(SETTINGS)
    (root / "pyproject.toml").write_text("")
    explore = root / "nbs" / "explore"
    explore.mkdir(parents=True)
    for name, made in CORPUS.items():
        nbformat.write(notebook_of(made), explore / f"{name}.ipynb")
    return explore


def ran(workspace: Path, name: str, made: Case, *, warm: bool, spoil: str = "") -> Ran:
    """Run a notebook of the corpus in a folder of its own, and check that its kernel is fresh."""
    folder = workspace / name
    with laid_out(made, folder) as environment:
        how = {"warm": warm, "environment": environment, "answers": made.answers, "spoil": spoil}
        result = asyncio.run(run(notebook_of(made), folder, **how))
    assert not result.numbers & drawn or spoil
    drawn.update(result.numbers)
    return result


@pytest.mark.parametrize("name", CHOSEN)
def test_a_notebook_comes_out_alike(workspace, name):
    """Outputs, folder, environment, files and the process are the same, the numbers fresh."""
    cold = ran(workspace, name, CORPUS[name], warm=False)
    warm = ran(workspace, name, CORPUS[name], warm=True)
    assert cold.differences(warm) == []
    assert any(cold.outputs) or cold.ending


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_a_notebook_of_our_own_comes_out_alike(path):
    """So it is with the notebooks of this workspace, those that measure time left out."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"CI": ""}
    found = []
    for warm in (False, True):
        notebook = nbformat.read(path, as_version=4)
        found.append(asyncio.run(run(notebook, path.parent, warm=warm, environment=environment)))
    assert found[0].differences(found[1]) == []
    assert any(found[0].outputs)


def test_the_corpus_is_large():
    """What the two tests above go through is what has been promised, and no name is left out."""
    assert len(CORPUS) >= 40
    assert 5 <= sum(made.quick for made in CORPUS.values()) <= 25


SPOILS = {
    "another folder": ("import os; os.chdir('/')", "folder"),
    "a variable left over": ("left_over = 1", "names"),
    "a dropped environment variable": ("import os; del os.environ['ONLY_PLAIN']", "environment"),
    "a foreign environment variable": ("import os; os.environ['TEA'] = '1'", "environment"),
    "an open file": ("import builtins; builtins.f = open('/dev/zero')", "files"),
    "an open socket": ("import builtins, socket; builtins.s = socket.socket()", "files"),
    "another umask": ("import os; os.umask(0o77)", "umask"),
    "an ignored signal": ("import signal as s; s.signal(s.SIGHUP, s.SIG_IGN)", "signals"),
    "a limit": ("import resource as r; r.setrlimit(r.RLIMIT_CORE, (0, 0))", "limits"),
    "another language": ("import locale; locale.setlocale(locale.LC_ALL, 'C')", "locale"),
    "another shell": ("get_ipython().ast_node_interactivity = 'all'", "cell 0"),
}


def test_a_difference_is_found(workspace):
    """The comparison sees each thing that a careless copy would have kept or lost."""
    plain = case("1\n2", "import os; os.getcwd()")
    cold = ran(workspace, "plain", plain, warm=False)
    for name, (spoil, place) in SPOILS.items():
        found = cold.differences(ran(workspace, "plain", plain, warm=True, spoil=spoil))
        assert any(place in difference[:2] for difference in found), name


def test_a_repeated_random_state_is_found(workspace):
    """Numbers that were drawn before are seen to be the same, from Python and from numpy."""
    plain = case("1")
    for spoil in ("import random; random.seed(1)", "import numpy; numpy.random.seed(1)"):
        first = ran(workspace, "plain", plain, warm=True, spoil=spoil)
        assert first.numbers & ran(workspace, "plain", plain, warm=True, spoil=spoil).numbers


def test_the_client_gives_what_a_parent_gives(workspace):
    """Limits, processors, niceness and ignored signals are those of the client, not the zygote."""
    import resource
    import signal

    code = "import os, resource, signal; print(resource.getrlimit(resource.RLIMIT_NOFILE),"
    code += " os.sched_getaffinity(0), signal.getsignal(signal.SIGHUP).name)"
    limits, cores = resource.getrlimit(resource.RLIMIT_NOFILE), os.sched_getaffinity(0)
    handler = signal.getsignal(signal.SIGHUP)
    ran(workspace, "plain", case("1"), warm=True)  # the zygote is there before
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0] - 1, limits[1]))
        os.sched_setaffinity(0, {min(cores)})
        cold, warm = (ran(workspace, "plain", case(code), warm=warm) for warm in (False, True))
    finally:
        signal.signal(signal.SIGHUP, handler)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        os.sched_setaffinity(0, cores)
    assert cold.differences(warm) == []
    assert f"({limits[0] - 1}, {limits[1]}) {{{min(cores)}}} SIG_IGN" in str(cold.outputs)
