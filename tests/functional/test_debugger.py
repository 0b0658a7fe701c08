"""JupyterLab's debugger finds in a forked kernel what it finds in a fresh one."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.functional.test_warm_kernels import kernel

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only")

CODE = "def pour(cups):\n    each = 2\n    return cups * each\n\nprint(pour(21))\n"
LINE = 3


class Debugging:
    """A conversation with the debugger of a kernel, in the order in which JupyterLab holds it."""

    def __init__(self, client) -> None:
        self._client = client
        self._count = 0
        self.events: list[dict] = []
        self.printed = ""

    async def ask(self, command: str, **arguments: object) -> dict:
        """Send a request, and return what the debugger answers."""
        self._count += 1
        content = {"type": "request", "seq": self._count, "command": command}
        message = self._client.session.msg("debug_request", {**content, "arguments": arguments})
        self._client.control_channel.send(message)
        while True:
            reply = await self._client.get_control_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return reply["content"]

    async def hear(self) -> None:
        """Take note of what the kernel tells everybody next."""
        message = await self._client.get_iopub_msg(timeout=60)
        if message["msg_type"] == "debug_event":
            self.events.append(message["content"])
        elif message["msg_type"] == "stream":
            self.printed += message["content"]["text"]

    async def until(self, event: str) -> dict:
        """Listen until something has happened, and return it."""
        while event not in [seen["event"] for seen in self.events]:
            await self.hear()
        number = [seen["event"] for seen in self.events].index(event)
        return self.events.pop(number)["body"]


async def stop_in_the_middle(debug: Debugging, client) -> dict:
    """Run the code up to the breakpoint; look around, take a step, and let it go on."""
    client.execute(CODE)
    stopped = await debug.until("stopped")
    thread = stopped["threadId"]
    frames = (await debug.ask("stackTrace", threadId=thread))["body"]["stackFrames"]
    first = frames[0]["id"]
    scopes = (await debug.ask("scopes", frameId=first))["body"]["scopes"]
    place = scopes[0]["variablesReference"]
    local = (await debug.ask("variables", variablesReference=place))["body"]["variables"]
    worth = await debug.ask("evaluate", expression="cups + each", frameId=first)
    stepped = await debug.ask("next", threadId=thread)
    again = await debug.until("stopped")
    going = await debug.ask("continue", threadId=thread)
    while "\n" not in debug.printed:
        await debug.hear()
    reply = await client.get_shell_msg(timeout=60)
    return {
        "reasons": (stopped["reason"], again["reason"]),
        "frames": [(frame["name"], frame["line"]) for frame in frames],
        "source": Path(frames[0]["source"]["path"]).name,
        "local": {variable["name"]: variable["value"] for variable in local},
        "worth": worth["body"]["result"],
        "went": (stepped["success"], going["success"], reply["content"]["status"]),
        "printed": debug.printed,
    }


async def session(folder: Path, *, warm: bool) -> dict:
    """Hold a whole conversation, and return all that it brings to light."""
    async with kernel(folder, warm=warm) as (_, client):
        debug = Debugging(client)
        able = await debug.ask("initialize", clientID="test", adapterID="", pathFormat="path")
        attached = await debug.ask("attach")
        path = (await debug.ask("dumpCell", code=CODE))["body"]["sourcePath"]
        points = await debug.ask(
            "setBreakpoints",
            source={"path": path},
            breakpoints=[{"line": LINE}],
            sourceModified=False,
        )
        ready = await debug.ask("configurationDone")
        info = (await debug.ask("debugInfo"))["body"]
        found = await stop_in_the_middle(debug, client)
        inspected = (await debug.ask("inspectVariables"))["body"]["variables"]
        ended = await debug.ask("disconnect", restart=False, terminateDebuggee=False)
        return {
            **found,
            "able": able["body"],
            "points": [
                (point["verified"], point["line"]) for point in points["body"]["breakpoints"]
            ],
            "info": (info["isStarted"], [len(b["breakpoints"]) for b in info["breakpoints"]]),
            "named": sorted(variable["name"] for variable in inspected),
            "did": [answer["success"] for answer in (able, attached, ready, ended)],
            "own": found["source"] == Path(path).name,
        }


@pytest.mark.slow
def test_the_debugger_works_as_in_a_fresh_kernel(tmp_path):
    """Breakpoints hold, variables show, steps step, and then the cell runs to its end."""
    cold = asyncio.run(session(tmp_path, warm=False))
    warm = asyncio.run(session(tmp_path, warm=True))
    assert warm == cold
    assert warm["frames"][0] == ("pour", LINE)
    assert warm["local"] == {"cups": "21", "each": "2"}
    assert (warm["worth"], warm["printed"]) == ("23", "42\n")
    assert warm["reasons"] == ("breakpoint", "step")
    assert warm["points"] == [(True, LINE)]
    assert "function variables" in warm["named"]
    assert warm["own"]
    assert all(warm["did"])
