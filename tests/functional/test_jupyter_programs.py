"""Who starts kernels as Jupyter does gets warm ones by name, with nothing else changed."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import zmq
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
from jupyter_client.manager import AsyncKernelManager, KernelManager
from nbclient import NotebookClient

from fortnight.zygotes import ask_zygotes
from tests.conftest import Workspace
from tests.lab_server import complaints, execute, free_port, lab_server

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only")

# Its parent tells a kernel that was forked from one that was started.
WHO = "import os; print(os.getppid())"
ENDPOINT = "from ipykernel.kernelapp import IPKernelApp as a; print(a.instance().transport)"


def zygotes() -> set[int]:
    """Return the numbers of the zygotes' processes."""
    return {zygote.pid for zygote in ask_zygotes()}


def printed(client, code: str) -> str:
    """Return what some code prints."""
    said = []

    def keep(message) -> None:
        said.append(message["content"].get("text", "") or message["content"].get("ename", ""))

    client.execute_interactive(code, output_hook=keep, timeout=60, allow_stdin=False)
    return "".join(said)


def test_jupyter_client(tmp_path, capfd):
    """A plain manager starts a warm kernel, and nothing is said of encryption."""
    manager = KernelManager(kernel_name="fortnight")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        assert int(printed(client, WHO)) in zygotes()
        home = Path(manager.ip).parent
        assert home.stat().st_mode & 0o777 == 0o700
        assert len(list(home.iterdir())) == 5
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    assert not home.exists()
    assert "encryption" not in capfd.readouterr().err


def test_a_manager_can_be_used_again(tmp_path):
    """Restarted, the kernel is where it was; shut down and started anew, in another place."""
    context = zmq.Context()  # one that the manager has made itself would end with its first kernel
    manager = KernelManager(kernel_name="fortnight", context=context)
    places, pids = [], []
    manager.start_kernel(cwd=str(tmp_path))
    for again in (manager.restart_kernel, manager.shutdown_kernel, None):
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        assert printed(client, "x") == "NameError"
        pids.append(int(printed(client, "import os; x = 1; print(os.getpid())")))
        places.append(manager.ip)
        client.stop_channels()
        if again:
            again()
        if again == manager.shutdown_kernel:
            manager.start_kernel(cwd=str(tmp_path))
    manager.shutdown_kernel(now=True)
    context.destroy(linger=0)
    assert len(set(pids)) == 3
    assert places[0] == places[1] != places[2]
    assert not any(Path(place).parent.exists() for place in places)


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_a_chosen_address_is_kept(tmp_path, transport):
    """Who says where a kernel is to listen is obeyed."""
    port = {"shell_port": free_port(), "cache_ports": False}
    chosen = port if transport == "tcp" else {"transport": "ipc"}
    place = {"connection_file": str(tmp_path / "kernel.json")}
    manager = KernelManager(kernel_name="fortnight", **chosen, **place)
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        assert printed(client, ENDPOINT) == f"{transport}\n"
        assert int(printed(client, WHO)) in zygotes()
        assert manager.shell_port == chosen.get("shell_port", 1)
        assert manager.ip == ("127.0.0.1" if transport == "tcp" else str(tmp_path / "kernel-ipc"))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_two_at_once(tmp_path):
    """Kernels of one program don't get into each other's way."""

    async def one() -> tuple[str, str]:
        manager = AsyncKernelManager(kernel_name="fortnight")
        await manager.start_kernel(cwd=str(tmp_path))
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=60)
        said = []
        await client.execute_interactive(
            WHO.replace("ppid", "pid"), output_hook=lambda m: said.append(m["content"].get("text"))
        )
        client.stop_channels()
        await manager.shutdown_kernel()
        return "".join(filter(None, said)), manager.ip

    async def some() -> list:
        return await asyncio.gather(*(one() for _ in range(4)))

    found = asyncio.run(some())
    assert len({pid for pid, _ in found}) == len({place for _, place in found}) == 4


def test_nbclient(workspace, capfd):
    """Nbclient runs a notebook on a warm kernel if it is told its name."""
    path = workspace.notebook("nbs/explore/a.ipynb", WHO, "6 * 7")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, kernel_name="fortnight", timeout=60)
    client.execute(cwd=str(path.parent))
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert int(codes[0].outputs[0].text) in zygotes()
    assert codes[1].outputs[0].data["text/plain"] == "42"
    assert "encryption" not in capfd.readouterr().err


@pytest.mark.parametrize("kernel", ["fortnight", NATIVE_KERNEL_NAME])
def test_papermill(workspace: Workspace, kernel):
    """Papermill's command line does so with `-k`; on the other kernel the check would fail."""
    path = workspace.notebook("nbs/explore/a.ipynb", WHO, "6 * 7", parameters="x = 1")
    out = workspace.root / "out.ipynb"
    program = Path(sys.executable).with_name("papermill")
    done = subprocess.run(
        [program, "-k", kernel, "-p", "x", "2", path, out],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    codes = [c for c in nbformat.read(out, as_version=4).cells if c.cell_type == "code"]
    texts = [o.get("text", "") for c in codes for o in c.outputs]
    assert (int(texts[0]) in zygotes()) == (kernel == "fortnight")
    assert ("encryption" in done.stderr) == (kernel != "fortnight")


def test_jupyter_server(workspace):
    """Through the server's own interface: start, run, interrupt, restart, end."""

    async def live(server, kernel: str) -> None:
        async with server.channel(kernel) as channel:
            parent = int(await execute(channel, WHO))
            assert parent in [zygote["pid"] for zygote in server.zygotes()]
            assert await execute(channel, ENDPOINT) == "ipc\n"
            first = await execute(channel, "import os; x = 1; print(os.getpid())")
            loop = asyncio.create_task(execute(channel, "while True: pass"))
            await asyncio.sleep(1)
            await asyncio.to_thread(server.ask, "POST", f"kernels/{kernel}/interrupt")
            assert (await loop).startswith("KeyboardInterrupt")
            await asyncio.sleep(0.2)  # until the kernel has thrown away what waited for the loop
            assert await execute(channel, "print(x)") == "1\n"
            await asyncio.to_thread(server.ask, "POST", f"kernels/{kernel}/restart")
            assert (await execute(channel, "x")).startswith("NameError")
            assert await execute(channel, "import os; print(os.getpid())") != first

    with lab_server(workspace) as server:
        made = server.ask("POST", "kernels", {"name": "fortnight"})
        asyncio.run(live(server, made["id"]))
        assert complaints(server) == []
        server.ask("DELETE", f"kernels/{made['id']}")
        assert server.ask("GET", "kernels") == []


def test_a_killed_kernel_comes_back(workspace):
    """The server notices the death, starts a warm one in its place, and the page goes on."""

    async def live(server, kernel: str) -> None:
        async with server.channel(kernel) as channel:
            os.kill(int(await execute(channel, "import os; x = 1; print(os.getpid())")), 9)
            deadline = time.monotonic() + 30
            while "AsyncIOLoopKernelRestarter: restarting" not in server.log:
                assert time.monotonic() < deadline, server.log
                await asyncio.sleep(0.1)
            said = ""
            while not said:  # what is asked while nobody is there may be lost, as with any kernel
                assert time.monotonic() < deadline
                with contextlib.suppress(TimeoutError):
                    said = await execute(channel, "x", seconds=2)
            assert said.startswith("NameError")
            assert int(await execute(channel, WHO)) in [z["pid"] for z in server.zygotes()]

    with lab_server(workspace) as server:
        made = server.ask("POST", "kernels", {"name": "fortnight"})
        asyncio.run(live(server, made["id"]))
        assert [line for line in complaints(server) if "encryption" in line] == []
