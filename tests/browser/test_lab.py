"""JupyterLab as a researcher has it, in a browser, with notebooks on warm kernels."""

import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import SETTINGS, Workspace
from tests.lab_server import TOKEN, WARM, complaints, lab_server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux only"),
]

WHO = "import os\nkept = 'tea'\nprint('made by', os.getppid())"
LOOP = "print('round')\nwhile True:\n    pass"
HERE = "print(os.getcwd())"
UPDATE = "shown = display('leaves', display_id=True)\nshown.update('a cup')"
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"
SLIDER = "import ipywidgets\nslider = ipywidgets.IntSlider(value=21, description='cups')\nslider"
WAIT = 60_000


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start JupyterLab on a workspace with some explorations."""
    root = tmp_path_factory.mktemp("lab") / "acme"
    root.mkdir()
    workspace = Workspace(root)
    workspace.settings(base=SETTINGS)
    codes = {
        "step": (WHO, LOOP, "kept"),
        "all": (WHO, HERE, UPDATE, FIGURE),
        "slide": (SLIDER, "slider.value"),
    }
    for name, code in codes.items():
        workspace.notebook(f"nbs/explore/{name}.ipynb", *code, kernelspec=WARM)
    with lab_server(workspace) as server:
        yield server
        assert complaints(server) == []


@pytest.fixture
def notebook(browser, lab):
    """Open a notebook in a page of its own; see that no request leaves this machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT)
    requests: list[str] = []

    def open_notebook(name: str) -> Page:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{lab.url}/lab/tree/nbs/explore/{name}.ipynb?reset&token={TOKEN}")
        return Page(page)

    yield open_notebook
    context.close()
    for kernel in lab.ask("GET", "sessions"):
        lab.ask("DELETE", f"sessions/{kernel['id']}")
    assert requests
    assert [u for u in requests if not u.startswith((lab.url, "data:", "blob:"))] == []


class Page:
    """A notebook in JupyterLab, by what one does with it."""

    def __init__(self, page) -> None:
        self.page = page
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")
        self.cells.first.wait_for()
        self.idle()

    def idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        # The mark beside the kernel's name shows a circle even before there is a kernel.
        self.page.locator("#jp-main-statusbar").get_by_text("fortnight (warm) | Idle").wait_for()

    def press(self, command: str) -> None:
        """Press a button of the notebook's toolbar."""
        self.page.locator(f"jp-button[data-command='notebook:{command}']").click()

    def run(self, number: int) -> None:
        """Run a cell, with the keyboard."""
        self.cells.nth(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def confirm(self) -> None:
        """Answer what JupyterLab asks with what it proposes to do."""
        self.page.locator(".jp-Dialog .jp-mod-accept").click()

    def output(self, number: int, pattern: str) -> str:
        """Wait until a cell's output has something in it, and return all of it."""
        area = self.cells.nth(number).locator(".jp-Cell-outputArea")
        area.filter(has_text=re.compile(pattern)).wait_for()
        return area.inner_text()

    def count(self, number: int) -> str:
        """Return what stands beside a cell: the how manieth it was to be run."""
        return self.cells.nth(number).locator(".jp-InputPrompt").inner_text()

    def shoot(self, name: str) -> None:
        """Keep a picture, if somebody wants to look."""
        if folder := os.environ.get("FORTNIGHT_PICTURES"):
            self.page.screenshot(path=Path(folder, f"lab-{name}.png"))


def test_run_interrupt_restart(notebook, lab):
    """A cell runs in a kernel that was forked; a loop is interrupted; a restart forgets all."""
    page = notebook("step")
    page.run(0)
    maker = int(page.output(0, r"made by \d+").split()[-1])
    zygotes = {zygote["pid"]: zygote for zygote in lab.zygotes()}
    assert zygotes[maker]["copies"] >= 1
    page.run(1)
    page.output(1, "round")
    page.press("interrupt-kernel")
    assert "while True" in page.output(1, "KeyboardInterrupt")
    page.idle()
    page.run(2)
    assert "tea" in page.output(2, "'tea'")
    assert page.count(2) == "[3]:"
    page.shoot("interrupted")
    page.press("restart-kernel")
    page.confirm()
    page.page.wait_for_timeout(500)
    page.idle()
    page.run(2)
    assert "kept" in page.output(2, "NameError")
    assert page.count(2) == "[1]:"
    page.shoot("restarted")


def test_restart_and_run_all(notebook, lab):
    """All cells run, in order and from a clean start: text, folder, an update, a figure."""
    page = notebook("all")
    page.run(0)
    page.output(0, r"made by \d+")
    page.press("restart-run-all")
    page.confirm()
    page.cells.nth(3).locator("img").wait_for()
    page.idle()
    assert [page.count(number) for number in range(4)] == [f"[{n}]:" for n in range(1, 5)]
    assert "explore" in page.output(1, "explore")
    assert "a cup" in page.output(2, "a cup")
    assert "leaves" not in page.output(2, "a cup")
    page.shoot("all")


@pytest.mark.skipif(not importlib.util.find_spec("ipywidgets"), reason="needs ipywidgets")
def test_a_widget(notebook):
    """A slider shows, and tells the kernel where it was moved."""
    page = notebook("slide")
    page.run(0)
    handle = page.cells.nth(0).locator(".noUi-handle")
    handle.focus()
    page.page.keyboard.press("ArrowRight")
    page.cells.nth(0).locator(".widget-readout", has_text="22").wait_for()
    page.run(1)
    assert "22" in page.output(1, "22")
    page.shoot("slider")
