"""JupyterLab's server on a workspace of a test's own, and a client that speaks as its pages do."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.conftest import COMMAND, Workspace

TOKEN = "tea"
WARM = {"name": "fortnight", "display_name": "fortnight (warm)", "language": "python"}


@dataclass
class Lab:
    """A running server: where it is, and where it keeps its log and what is temporary."""

    port: int
    folder: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        """The address that its pages begin with."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the server, and its kernels, have said."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def ask(self, method: str, path: str, body: object = None) -> object:
        """Send a request to the server's interface, and return what it answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/{path}", data, method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def zygotes(self) -> list[dict]:
        """Return what `fortnight kernel status` says to who works with this server."""
        command = [COMMAND, "kernel", "status", "--json"]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60
        )
        return json.loads(done.stdout)

    @asynccontextmanager
    async def channel(self, kernel: str) -> AsyncIterator[WebSocketClientConnection]:
        """Open the socket on which a page talks with a kernel."""
        address = f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels"
        head = {"Authorization": f"token {TOKEN}"}
        opened = await websocket_connect(
            HTTPRequest(f"{address}?session_id={uuid.uuid4().hex}", headers=head)
        )
        try:
            yield opened
        finally:
            opened.close()
            async with asyncio.timeout(10):
                while await opened.read_message() is not None:
                    pass


async def execute(channel: WebSocketClientConnection, code: str, seconds: float = 60) -> str:
    """Run code in a kernel as a page would, and return what it prints, or its error."""
    content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
    head = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    head |= {"username": "", "session": "test", "date": ""}
    ask = {"header": head, "content": content, "channel": "shell"}
    await channel.write_message(json.dumps({**ask, "parent_header": {}, "metadata": {}}))
    said = ""
    async with asyncio.timeout(seconds):
        while True:
            message = json.loads(await channel.read_message())
            if message["parent_header"].get("msg_id") != head["msg_id"]:
                continue
            told = message["content"]
            said += told.get("text", "") if message["msg_type"] == "stream" else ""
            said += f"{told['ename']}: {told['evalue']}" if message["msg_type"] == "error" else ""
            if message["msg_type"] == "status" and told["execution_state"] == "idle":
                return said


@contextmanager
def lab_server(workspace: Workspace) -> Iterator[Lab]:
    """Start JupyterLab on a workspace; afterwards, see that it ends and leaves nothing."""
    folder = Path(tempfile.mkdtemp(prefix="fn-lab-", dir="/tmp"))
    places = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "runtime"}
    private = {f"JUPYTER_{name}": str(folder / place) for name, place in places.items()}
    private |= {"IPYTHONDIR": str(folder / "ipython"), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir()
    started = Lab(free_port(), folder, {**workspace.environment, **private})
    as_root = ["--allow-root"] if os.getuid() == 0 else []
    options = ["--no-browser", f"--port={started.port}", "--ServerApp.port_retries=0", *as_root]
    options += ["--ServerApp.ip=127.0.0.1", f"--IdentityProvider.token={TOKEN}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [COMMAND, "lab", *options],
            cwd=workspace.root,
            env=started.environment,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(started, process)
        yield started
    finally:
        process.terminate()
        try:
            assert process.wait(30) == 0, started.log
            left = [path.name for path in (folder / "tmp").iterdir()]
            assert [name for name in left if name.startswith("fortnight")] == []
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(server: Lab, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            server.ask("GET", "status")
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    print(server.log, file=sys.stderr)
    raise AssertionError("JupyterLab did not start")


def complaints(server: Lab) -> list[str]:
    """Return what the server or a kernel of its has complained about."""
    words = ("without encryption", "start cold", "Traceback", "ERROR", "[E ")
    return [line for line in server.log.splitlines() if any(word in line for word in words)]
