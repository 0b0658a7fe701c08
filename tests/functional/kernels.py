"""Kernels to try things on, cold ones and warm ones, and what is to be compared of them."""

import asyncio
import contextlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.client import KernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from fortnight.home import KernelHome, kernel_home
from tests.resources.corpus import Case

# What differs by nature between any two kernels, a cold one and a cold one too.
NORMALISERS = (
    (r"\b0x[0-9a-f]{6,}\b", "ADDRESS"),  # objects lie where there is room
    (r"(ipykernel_)\d+", r"\1PID"),  # a cell's file is named after the process
    (r"\bid=\d+\b|\bpid=\d+\b|\(pid \d+\)", "PID"),  # and so are some objects
    (
        r"/[\w/.+-]{1,100}?/(tmp|kernel)[\w-]*\.json",
        "CONNECTION",
    ),  # the connection file's random name
    (r"/tmp/tmp\w{8}", "TEMPORARY"),  # a random name too
    (r"'(Darwin|Linux)-\w{8}'", "NODE"),
    (r"\b\d+\.?\d* ?([mµun]?s)( ±| per loop|\b(?=[\s,]))", r"TIME \1\2"),  # how long it took
    (r"in \d+\.\d+ seconds", "in TIME seconds"),
    (r"<Task (pending|finished) name='Task-\d+'", r"<Task \1"),  # depends on when messages come
    (r"\[\d+/\w+/\d{4} [\d:]+\]", "DATE"),  # of a server's log
    # Those of BLAS are there as soon as it is in memory.
    (r"the process has \d+ threads", "the process has THREADS"),
    (r"<dc:date>[^<]*</dc:date>", "DATE"),  # when an SVG was drawn
)

# scikit-learn sets these at its import. A forked kernel has them before, and that can't be mended.
SET_BY_IMPORTS = {"KMP_DUPLICATE_LIB_OK": "True", "KMP_INIT_AT_FORK": "FALSE"}

# What a kernel is asked for before the first cell and after the last, beside the outputs.
PROBE = r"""
import gc, json, locale, logging, os, resource, signal, sys, tempfile, threading, time
import faulthandler, getpass, multiprocessing, random, secrets, uuid, atexit, asyncio

def files():
    kinds = []
    for name in os.listdir('/proc/self/fd'):
        try:
            place = os.readlink(f'/proc/self/fd/{name}')
        except OSError:
            continue  # the listing's own
        if 'eventfd' in place:
            continue  # each thread of ipykernel opens one when it first writes, whenever that is
        # Pipes, sockets and what is deleted are told by their kinds; a file by its place.
        kinds.append(place if place[0] == '/' else place.rstrip('0123456789[]'))
    return {kind: kinds.count(kind) for kind in sorted(kinds)}

def settled():
    # A client's connections are sockets here as well, and come in as they come.
    found, until = files(), time.monotonic() + 3
    while time.monotonic() < until:
        time.sleep(0.15)
        before, found = found, files()
        if before == found:
            break
    return found

gc.collect()  # or a file may be open that nobody has
mask = os.umask(0)
os.umask(mask)
status = [line.split() for line in open('/proc/self/status')]
kept = ('SigBlk:', 'SigIgn:', 'SigCgt:', 'Umask:', 'Groups:', 'NoNewPrivs:', 'Seccomp:')
drawn = [random.random(), uuid.uuid4(), secrets.token_hex(8), next(tempfile._RandomNameSequence())]
if numpy := sys.modules.get('numpy'):
    drawn += [numpy.random.rand(), numpy.random.default_rng().random()]
    state = numpy.random.get_state()
print(json.dumps({
    'folder': os.getcwd(),
    'environment': dict(os.environ),
    'arguments': [sys.argv, sys.orig_argv, sys.path, sys.executable, sys.warnoptions],
    'flags': repr(sys.flags),
    'files': settled(),
    'umask': mask,
    'status': [line for line in status if line and line[0] in kept],
    'signals': [repr(signal.getsignal(s)) for s in sorted(signal.valid_signals())],
    'groups': [os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid()],
    'limits': [resource.getrlimit(n) for n in range(16)],
    'niceness': [os.nice(0), sorted(os.sched_getaffinity(0))],
    'locale': [locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), time.tzname],
    'interpreter': [sys.getrecursionlimit(), gc.isenabled(), gc.get_threshold(),
                    faulthandler.is_enabled(), sys.gettrace() is None, threading.stack_size()],
    'hooks': [repr(h) for h in (sys.excepthook, sys.unraisablehook, sys.displayhook.__class__,
                                threading.excepthook, sys.breakpointhook)],
    'streams': [[type(s).__name__, s.encoding, s.errors] for s in (sys.stdout, sys.stderr,
                sys.stdin, sys.__stdout__, sys.__stderr__, sys.__stdin__)],
    'logging': [repr(logging.root), repr(logging.root.handlers), repr(logging.lastResort)],
    'threads': threading.active_count(),
    'temporary': tempfile.gettempdir(),
    'names': sorted(vars(sys.modules['__main__'])),
    'random': [str(number) for number in drawn],
}))
"""


@dataclass(frozen=True)
class Ran:
    """What came of a notebook: of each cell its outputs, and how the kernel was before and after.

    `numbers` are those that it drew at random before the first cell, `left` the files that were
    in its folder when it had gone, `ending` how the process ended if that was not asked of it.
    """

    outputs: list[object]
    before: dict[str, Any]
    after: dict[str, Any]
    numbers: set[str]
    left: dict[str, str]
    ending: str

    def differences(self, other: "Ran") -> list[object]:
        """Return where a forked kernel's run differs, as pairs; none if it is the same."""
        found: list[object] = [
            (f"cell {number}", *pair)
            for number, pair in enumerate(zip(self.outputs, other.outputs, strict=False))
            if pair[0] != pair[1]
        ]
        for when in ("before", "after"):
            mine, theirs = getattr(self, when), _as_cold(getattr(self, when), getattr(other, when))
            found += [
                (when, key, *_apart(mine.get(key), theirs.get(key)))
                for key in sorted({*mine, *theirs})
                if mine.get(key) != theirs.get(key)
            ]
        if len(self.outputs) != len(other.outputs):
            found.append(("cells", len(self.outputs), len(other.outputs)))
        if (self.left, self.ending) != (other.left, other.ending):
            found.append(("left", self.left, other.left, self.ending, other.ending))
        return found


def _as_cold(cold: dict[str, Any], warm: dict[str, Any]) -> dict[str, Any]:
    """Return what a forked kernel says of itself without what it has more of by nature."""
    if not warm:
        return warm
    environment = {
        name: value
        for name, value in warm["environment"].items()
        if name in cold["environment"] or SET_BY_IMPORTS.get(name) != value
    }
    # The connection to its client; a cold kernel looks for its parent instead.
    files = {**warm["files"], "socket:": warm["files"]["socket:"] - 1}
    return {**warm, "environment": environment, "files": files}


def _apart(mine: object, theirs: object) -> tuple[object, object]:
    """Return the parts of two answers that are not in both."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        keys = [k for k in {*mine, *theirs} if mine.get(k) != theirs.get(k)]
        return {k: mine.get(k) for k in keys}, {k: theirs.get(k) for k in keys}
    if isinstance(mine, list) and isinstance(theirs, list):
        return [x for x in mine if x not in theirs] or mine, [
            x for x in theirs if x not in mine
        ] or theirs
    return mine, theirs


def normal(value: object) -> object:
    """Return a value without what differs by nature."""
    if isinstance(value, str):
        for pattern, replacement in NORMALISERS:
            value = re.sub(pattern, replacement, value)
        return value
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normal(item) for item in value]
    return value


def _shown(outputs: list[dict]) -> list[object]:
    """Return outputs; streams come in pieces, and the two of them by different ways."""
    shown: list[object] = []
    streams: dict[str, str] = {}
    for output in [*outputs, {"output_type": "end"}]:
        if output["output_type"] == "stream":
            streams[output["name"]] = streams.get(output["name"], "") + output["text"]
            continue
        shown += [[name, text] for name, text in sorted(streams.items())]
        streams = {}
        shown.append(dict(output))
    return [normal(item) for item in shown[:-1]]


class Visitor(NotebookClient):
    """Runs a notebook as nbclient does, and does what the notebook asks of whoever looks at it."""

    def process_message(self, message, cell, index):
        """Interrupt, or open a comm, where the notebook says so."""
        text = message["content"].get("text", "") if message["msg_type"] == "stream" else ""
        if "interrupt me" in text:
            self._later = asyncio.ensure_future(self._interrupt())
        if "open a comm" in text:
            target = {"comm_id": "theirs", "target_name": "tea", "data": {"n": 1}}
            for kind, content in (("comm_open", target), ("comm_msg", {**target, "data": {}})):
                self.kc.shell_channel.send(self.kc.session.msg(kind, content))
        return super().process_message(message, cell, index)

    async def _interrupt(self) -> None:
        await asyncio.sleep(0.3)  # the loop or the wait is the line after the one that said so
        await self.km.interrupt_kernel()

    async def answer(self, answers: list[str]) -> None:
        """Type the answers to whatever the kernel asks."""
        self.kc.allow_stdin = True
        while True:
            await self.kc.get_stdin_msg(timeout=None)
            self.kc.input(answers.pop(0) if answers else "")


@contextlib.asynccontextmanager
async def kernel(
    folder: Path, *, warm: bool, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[KernelManager, KernelClient]]:
    """Start a kernel in a folder; yield its manager and a client."""
    with kernel_home() as home:
        manager = home.manager_class(warm=warm)(config=home.config)
        await manager.start_kernel(cwd=str(folder), env=environment or dict(os.environ))
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=120)
        assert (type(manager.provisioner.process).__name__ == "ForkedProcess") == warm
        try:
            yield manager, client
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)


async def say(client: KernelClient, code: str) -> list:
    """Run some code, and return what came of it, without what differs from run to run."""
    said = []

    def keep(message) -> None:
        content, kind = message["content"], message["header"]["msg_type"]
        if kind == "stream":
            said.append(content["text"])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            said.append(sorted(content["data"].items()))
        elif kind in ("error", "clear_output"):
            said.append([content.get("ename"), content.get("evalue")])

    options = {"store_history": False, "allow_stdin": False, "timeout": 120}
    await client.execute_interactive(code, output_hook=keep, **options)
    return said


async def _probe(client: KernelClient, home: KernelHome) -> dict[str, object]:
    said = "".join(
        part for part in await say(client, f"exec({PROBE!r}, {{}})") if isinstance(part, str)
    )
    found, _ = json.JSONDecoder().raw_decode(said[said.index('{"folder"') :])
    text = json.dumps(found).replace(str(home.folder), "HOME-OF-KERNEL")
    return json.loads(text)


async def run(
    notebook: nbformat.NotebookNode,
    folder: Path,
    *,
    warm: bool,
    environment: dict[str, str],
    answers: tuple[str, ...] = (),
    spoil: str = "",
) -> Ran:
    """Run a notebook on a kernel of its own; `spoil` is run in it before anything else."""
    with kernel_home() as home:
        manager = home.manager_class(warm=warm)(config=home.config)
        client = Visitor(notebook, km=manager, allow_errors=True, timeout=300)
        await client.async_start_new_kernel(cwd=str(folder), env=environment)
        assert (type(manager.provisioner.process).__name__ == "ForkedProcess") == warm
        await client.async_start_new_kernel_client()
        typing = asyncio.ensure_future(client.answer(list(answers))) if answers else None
        try:
            # What is there to write with is opened by the first who writes.
            await say(client.kc, f"print()\n{spoil}")
            before, after = await _probe(client.kc, home), {}
            outputs: list[object] = []
            with contextlib.suppress(DeadKernelError):
                for index, cell in enumerate(notebook.cells):
                    await client.async_execute_cell(cell, index)
                    outputs.append(_shown(cell.get("outputs", [])))
                after = await _probe(client.kc, home)
            ending = home.ending()
        finally:
            if typing:
                typing.cancel()
            await manager.shutdown_kernel(now=False)
            client.kc.stop_channels()
    numbers = {str(number) for number in before.pop("random")}
    after.pop("random", None)
    left = {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".pyc", ".sqlite", ".db")
    }
    outputs = json.loads(json.dumps(outputs).replace(str(home.folder), "HOME-OF-KERNEL"))
    return Ran(outputs, normal(before), normal(after), numbers, left, ending)


def _content(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")


def notebook_of(case: Case) -> nbformat.NotebookNode:
    """Return the notebook of a case."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in case.cells])


@contextlib.contextmanager
def laid_out(case: Case, folder: Path) -> Iterator[dict[str, str]]:
    """Lay a case's files out in a folder, and yield the environment that it wants."""
    folder.mkdir(parents=True)
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment = {**kept, "CI": "", f"ONLY_{folder.name.upper().replace(' ', '_')}": "1"}
    for name, value in case.environment.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value.format(folder=folder, PATH=os.environ["PATH"])
    try:
        yield environment
    finally:
        shutil.rmtree(folder)
