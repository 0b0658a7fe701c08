"""A kernel forked from the zygote is like one that was started from nothing, only sooner."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

from fortnight import reach
from fortnight.home import kernel_home
from fortnight.reach import connect, zygote_folders
from fortnight.zygotes import ask_zygotes
from tests.functional.kernels import kernel, say

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only")


def test_random_numbers_are_fresh(tmp_path):
    """Two kernels of one zygote draw different numbers, from Python, numpy and the system."""
    code = "import random, numpy, uuid, secrets\n"
    code += "print(random.random(), numpy.random.rand(), uuid.uuid4(), secrets.token_hex(4))"

    async def drawn() -> str:
        async with kernel(tmp_path, warm=True) as (_, client):
            return (await say(client, code))[0]

    first, second = (asyncio.run(drawn()).split() for _ in range(2))
    assert not set(first) & set(second)


def test_interrupt_restart_and_input(tmp_path):
    """A loop can be interrupted, the kernel restarted, and it is empty then, and warm again."""

    async def live() -> None:
        async with kernel(tmp_path, warm=True) as (manager, client):
            client.execute("x = 1\nwhile True: pass")
            await asyncio.sleep(0.5)
            await manager.interrupt_kernel()
            await client.get_shell_msg(timeout=20)  # until then, further requests are aborted
            await asyncio.sleep(0.2)
            assert await say(client, "print(x)") == ["1\n"]
            first = manager.provisioner.process.pid
            await manager.restart_kernel(now=True)
            await client.wait_for_ready(timeout=60)
            assert type(manager.provisioner.process).__name__ == "ForkedProcess"
            assert manager.provisioner.process.pid != first
            assert "NameError" in str(await say(client, "x"))

    asyncio.run(live())


def test_deaths_are_told(tmp_path):
    """How a forked kernel ended is known as it is of a child."""

    async def ending(code: str) -> int:
        async with kernel(tmp_path, warm=True) as (manager, client):
            process = manager.provisioner.process
            client.execute(code)
            return await asyncio.to_thread(process.wait, 20)

    assert asyncio.run(ending("import os; os._exit(3)")) == 3
    assert asyncio.run(ending("import os; os.kill(os.getpid(), 9)")) == -9
    assert asyncio.run(ending("import ctypes; ctypes.string_at(0)")) == -signal.SIGSEGV


def alive(pid: int) -> bool:
    """Say whether a process is there and not just waiting to be buried."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def gone(pid: int, seconds: float = 3.0) -> bool:
    """Wait for a process to go."""
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


CLIENT = """
import asyncio, os, sys
from fortnight.home import kernel_home
async def main():
    with kernel_home() as home:
        manager = home.manager_class(warm=True)(config=home.config)
        await manager.start_kernel(cwd=sys.argv[1])
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=120)
        client.execute(sys.argv[2])
        print(manager.provisioner.process.pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("busy", ["pass", "while True: pass", "import time; time.sleep(600)"])
@pytest.mark.parametrize("without_zygote", [False, True])
def test_no_kernel_outlives_its_client(tmp_path, busy, without_zygote):
    """Whatever the kernel is doing, it goes when the program it works for is killed."""
    command = [sys.executable, "-c", CLIENT, str(tmp_path), busy]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    pid = int(client.stdout.readline())
    assert alive(pid)
    if without_zygote:  # a killed zygote takes no kernel with it
        for zygote in ask_zygotes():
            os.kill(zygote.pid, signal.SIGKILL)
            assert gone(zygote.pid)
        time.sleep(0.3)
        assert alive(pid)
    client.kill()
    client.communicate()
    assert gone(pid)


def test_the_zygote_is_for_its_user_alone(tmp_path):
    """Nobody else can reach the socket, and a folder that others could write to is refused."""

    async def start() -> None:
        async with kernel(tmp_path, warm=True):
            pass

    asyncio.run(start())
    folder = zygote_folders(os.environ)["kernel"]
    for part in (folder, folder.parent):
        assert part.stat().st_mode & 0o777 == 0o700
        assert part.stat().st_uid == os.getuid()


def test_a_folder_that_others_can_open_is_not_used(tmp_path, short_path, monkeypatch, capfd):
    """If somebody has prepared the folder, kernels start cold, and it is said why, once."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    folder = zygote_folders(os.environ)["kernel"]
    folder.mkdir(parents=True)
    folder.chmod(0o777)

    async def start() -> str:
        with kernel_home() as home:
            manager = home.manager_class(warm=True)(config=home.config)
            await manager.start_kernel(cwd=str(tmp_path))
            name = type(manager.provisioner.process).__name__
            await manager.shutdown_kernel(now=True)
            return name

    assert [asyncio.run(start()) for _ in range(2)] == ["Popen", "Popen"]
    assert capfd.readouterr().err.count("is not a folder of yours alone") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_somebody_else_who_listens_hears_nothing(short_path):
    """Whoever has prepared a socket where a zygote's should be is told no word of ours."""
    code = (
        "import os, socket, sys\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "listener.bind(sys.argv[1])\n"
        "os.chmod(sys.argv[1], 0o777)\n"
        "os.setuid(65534)\n"
        "listener.listen()\n"
        "print('listening', flush=True)\n"
        "listener.settimeout(20)\n"
        "print(listener.accept()[0].recv(100))\n"
    )
    command = [sys.executable, "-c", code, str(short_path / "socket")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "listening\n"
        with pytest.raises(PermissionError, match="not a folder of yours alone"):
            connect(short_path, os.environ)
        assert other.stdout.readline() == "b''\n"


def test_another_installation_has_another_zygote(tmp_path, monkeypatch):
    """Installing a package, or another language, changes the folder; other variables don't."""
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    before = zygote_folders(os.environ)
    assert zygote_folders({**os.environ, "TEA": "Assam"}) == before
    assert zygote_folders({**os.environ, "LANG": "xx"}) != before
    time.sleep(0.01)
    (tmp_path / "new_package").mkdir()
    assert zygote_folders(os.environ) != before


def test_another_fortnight_has_another_zygote(tmp_path, monkeypatch):
    """A changed file of fortnight's own, however deep, changes the folder; bytecode doesn't."""
    monkeypatch.setattr(reach, "files", lambda _: tmp_path)
    for name in ("kernel.py", "templates/site/page.css", "__pycache__/kernel.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    before = zygote_folders(os.environ)
    os.utime(tmp_path / "__pycache__/kernel.cpython-311.pyc", (1, 1))
    assert zygote_folders(os.environ) == before
    os.utime(tmp_path / "kernel.py", (1, 1))
    assert (after := zygote_folders(os.environ)) != before
    os.utime(tmp_path / "templates/site/page.css", (1, 1))
    assert zygote_folders(os.environ) != after


def test_workspace_code_is_not_remembered(tmp_path):
    """An edit to the workspace's own module is seen by the next kernel."""
    (tmp_path / "own.py").write_text("x = 1")

    async def value() -> list:
        async with kernel(tmp_path, warm=True) as (_, client):
            return await say(client, "import own; print(own.x)")

    assert asyncio.run(value()) == ["1\n"]
    (tmp_path / "own.py").write_text("x = 22")
    assert asyncio.run(value()) == ["22\n"]


def test_many_leave_nothing_behind(tmp_path, short_path, monkeypatch):
    """Kernels that were started and stopped leave no process, no file, and no copy counted."""
    count = int(os.environ.get("FORTNIGHT_SOAK", "12"))

    async def live() -> None:
        async with kernel(tmp_path, warm=True) as (_, client):
            assert await say(client, "print(1)") == ["1\n"]

    asyncio.run(live())
    kernels = [zygote for zygote in ask_zygotes() if zygote.role == "kernel"]
    zygote = max(kernels, key=lambda zygote: zygote.since)
    process = Path(f"/proc/{zygote.pid}")

    def holds() -> tuple[int, int]:
        time.sleep(0.2)  # it has answered, and closes the connection after that
        pages = int((process / "statm").read_text().split()[1])
        return len(list((process / "fd").iterdir())), pages

    def idle() -> bool:
        deadline = time.monotonic() + 3
        while any(z.copies for z in ask_zygotes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return all(z.copies == 0 for z in ask_zygotes())

    assert idle()
    files, memory = holds()
    monkeypatch.setattr(tempfile, "tempdir", str(short_path))  # others make files in /tmp
    for _ in range(count):
        asyncio.run(live())
    assert idle()
    after = holds()
    assert after[0] == files
    assert after[1] <= 1.05 * memory
    assert list(short_path.iterdir()) == []


def test_the_command_can_end_it(tmp_path):
    """`fortnight kernel stop` ends the zygote once its last kernel has gone."""
    command = Path(sys.executable).with_name("fortnight")

    async def live() -> list[dict]:
        async with kernel(tmp_path, warm=True) as (_, client):
            subprocess.run([command, "kernel", "stop"], check=True, capture_output=True)
            said = await say(client, "print('still here')")
            assert said == ["still here\n"]
            return [z.pid for z in ask_zygotes()]

    pids = asyncio.run(live())
    assert pids
    assert all(gone(pid) for pid in pids)
    done = subprocess.run([command, "kernel", "status", "--json"], capture_output=True, text=True)
    assert json.loads(done.stdout) == []
