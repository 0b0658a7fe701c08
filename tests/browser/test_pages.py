"""Pages as people meet them: in a browser, from a folder, on a phone and on a desk."""

from pathlib import Path

import pytest

from tests.conftest import Workspace

SIZES = {"phone": (390, 844), "desk": (1280, 800), "projector": (1920, 1080)}

pytestmark = pytest.mark.browser

FIGURE = """
import matplotlib.pyplot as plt
plt.plot([1, 2, 3])
plt.show()
"""
TABLE = "import pandas as pd\npd.DataFrame({f'a rather long column {i}': [1.5] for i in range(12)})"
WORDS = "print('x' * 500)\nprint('\\x1b[31mred\\x1b[0m')"
METRICS = """
import fortnight
for name in ("share decided without a person", "precision", "saving per 1,000 cases"):
    fortnight.metric(name, 12345.6, unit="EUR")
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Make a site with a good report, wide and long things in it, and a failed one."""
    root = tmp_path_factory.mktemp("pages") / "acme"
    root.mkdir()
    workspace = Workspace(root)
    workspace.settings()
    workspace.demo("wide", METRICS, FIGURE, TABLE, WORDS, parameters="x: str = ''")
    workspace.demo("a_broken", "def pour():\n    return 1 / 0", "pour()", "'never reached'")
    done = workspace.fortnight("report", "--sprint", "2026-11-12", "-p", f"x={'y' * 300}", "wide")
    assert done.returncode == 0, done.stderr
    assert workspace.fortnight("report", "--sprint", "2026-11-12", "a_broken").returncode == 1
    return root / "reports" / "site"


@pytest.fixture
def visit(browser, site):
    """Open a page of the site at a size; fail on a console error or a request that leaves."""
    contexts = []

    def open_page(name: str, size: str = "desk", **options):
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((site / name).as_uri())
        return page

    problems: list[str] = []
    requests: list[str] = []
    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
    assert [url for url in requests if not url.startswith((site.as_uri(), "data:"))] == []


PAGES = ("index.html", "2026-11-09/wide.html", "2026-11-09/a_broken.partial.html")


BLOCKS = "main h1, main h2, .metric, .cell > *, .prose, .facts"


def faults(page) -> list[str]:
    """Say what of a page is cut off, or lies over something else."""
    found = []
    width = page.evaluate("window.innerWidth")
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("it scrolls sideways")
    boxes = page.evaluate(
        "blocks => [...document.querySelectorAll(blocks)].map(e => e.getBoundingClientRect())"
        ".filter(r => r.height > 0).map(r => [r.left, r.top, r.right, r.bottom])",
        BLOCKS,
    )
    assert len(boxes) > 2
    for i, (left, top, right, bottom) in enumerate(boxes):
        if left < 0 or right > width + 1:
            found.append(f"block {i} is cut off")
        for k, other in enumerate(boxes[i + 1 :], start=i + 1):
            beside = other[0] >= right - 1 or other[2] <= left + 1
            below = other[1] >= bottom - 1 or other[3] <= top + 1
            if not (beside or below):
                found.append(f"blocks {i} and {k} overlap")
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_or_overlaps(visit, name, size):
    """The page never scrolls sideways, and no block lies over another."""
    assert faults(visit(name, size)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        "document.querySelector('.cells').style.width = '3000px'",
        "document.querySelector('.facts').style.marginTop = '-200px'",
        "document.querySelector('h1').style.marginLeft = '-300px'",
    ],
)
def test_the_check_sees_what_is_wrong(visit, spoil):
    """A page on which something is too wide, moved over another thing, or cut, is caught."""
    page = visit("2026-11-09/wide.html")
    page.evaluate(spoil)
    assert faults(page)


@pytest.mark.parametrize("name", PAGES)
def test_one_heading_and_a_main(visit, name):
    """One h1, one main, a language, a title: what a screen reader goes by."""
    page = visit(name)
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    assert page.locator("html[lang]").count() == 1
    assert page.title()


def test_from_the_home_page_to_a_report_and_back(visit):
    """The keyboard is enough to get to a report, open its code and come back."""
    page = visit("index.html", "phone")
    page.get_by_role("link", name="wide").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/wide.html")
    code = page.locator("details.code").first
    assert not code.locator("pre").is_visible()
    code.locator("summary").focus()
    page.keyboard.press("Enter")
    assert code.locator("pre").is_visible()
    page.get_by_role("link", name="acme").click()
    page.wait_for_url("**/index.html")


def test_a_failed_run_shows_where(visit):
    """The failing cell is open, its traceback is there, and the banner leads to it."""
    page = visit("2026-11-09/a_broken.partial.html")
    banner = page.get_by_role("alert")
    assert "ZeroDivisionError: division by zero" in banner.inner_text()
    banner.get_by_role("link", name="Go to the cell").click()
    cell = page.locator(".cell.failed")
    assert page.url.endswith("#cell-code-2")
    assert cell.locator("pre").first.is_visible()
    assert "1 / 0" in cell.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(visit, scheme):
    """Body text and quiet text have the contrast that WCAG AA asks for, in both themes."""
    page = visit("2026-11-09/wide.html", color_scheme=scheme)
    for selector in (".metric dt", ".better", ".value", "summary", "td", ".facts th", ".stream"):
        ink, paper = page.evaluate(
            "selector => {"
            " let e = document.querySelector('main ' + selector), ink = getComputedStyle(e).color;"
            " const painted = e => getComputedStyle(e).backgroundColor;"
            " while (painted(e) == 'rgba(0, 0, 0, 0)') e = e.parentElement;"
            " return [ink, painted(e)] }",
            selector,
        )
        light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (scheme, selector, ink, paper)


def luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(r, g, b)`` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in colour[4:-1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
