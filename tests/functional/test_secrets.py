"""A secret reaches the notebook, and nothing that is written."""

import json

import pytest

CANARY = "canary'\"<&\u20ac" + "7f3a9c"
USES = (
    f"assert len(api_token) == {len(CANARY)}, 'the notebook has got something else'",
    "print(api_token)\nprint(repr(api_token), api_token.encode())\nprint({'token': [api_token]})",
    "import json, base64, urllib.parse, html\nprint(json.dumps(api_token))\n"
    "print(urllib.parse.quote(api_token), html.escape(api_token))\n"
    "print(base64.b64encode(api_token.encode()).decode())",
    "print(api_token[:8], end='', flush=True)\nimport time; time.sleep(0.3)\nprint(api_token[8:])",
    "import os, sys\nos.write(2, api_token.encode())\nprint(api_token, file=sys.stderr)",
    "import pandas\npandas.DataFrame({api_token: [api_token]})",
    "import matplotlib.pyplot as plt\nplt.rcParams['svg.fonttype'] = 'none'\n"
    "from matplotlib_inline.backend_inline import set_matplotlib_formats\n"
    "set_matplotlib_formats('svg', 'png')\n"
    "plt.plot([1, 2]); plt.title(api_token.replace('$', '')); plt.show()",
    "from IPython.display import HTML, Markdown, JSON, display\n"
    "display(HTML(api_token), Markdown(api_token), JSON({api_token: api_token}))",
    "import fortnight; fortnight.metric(f'calls with {api_token}', 1)",
    "raise ValueError(f'refused: {api_token}')",
)


def spellings() -> list[bytes]:
    """Return the part of the canary that no way of writing it down changes, and some ways."""
    import base64

    whole = base64.b64encode(CANARY.encode())
    return [b"7f3a9c", whole, whole.rstrip(b"=")[:-4]]


def written(folder) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("passing", [False, True], ids=["failing", "passing"])
def test_a_canary_is_nowhere(workspace, passing):
    """Printed, shown, plotted, raised: it is in no file, no page, no log, no event."""
    workspace.demo("tea", *(USES[:-1] if passing else USES), parameters="api_token: str = ''")
    sources = set(written(workspace.root))
    given = ("-p", f"api_token={CANARY}")
    for arguments in (("report", *given), ("report", "--json", *given)):
        done = workspace.fortnight(*arguments)
        assert done.returncode == (0 if passing else 1), done.stderr
        for said in (done.stdout, done.stderr):
            assert not any(spelling in said.encode() for spelling in spellings()), said
    files = {path: data for path, data in written(workspace.root).items() if path not in sources}
    assert any(path.endswith(".html") for path in files)
    for path, data in files.items():
        for spelling in spellings():
            assert spelling not in data, f"{spelling!r} in {path}"
    name = "tea.ipynb" if passing else "tea.partial.ipynb"
    executed = json.loads(next(workspace.root.glob(f"reports/*/{name}")).read_text())
    assert "image/png" in json.dumps(executed), "nothing was plotted, so nothing was shown"
    assert json.dumps(executed, ensure_ascii=False).count("\u2022\u2022\u2022") > 10


def test_the_check_would_find_it(workspace):
    """The same notebook with a parameter of an innocent name leaves the canary everywhere."""
    codes = [code.replace("api_token", "greeting") for code in USES]
    workspace.demo("tea", *codes, parameters="greeting: str = ''")
    done = workspace.fortnight("report", "-p", f"greeting={CANARY}")
    assert done.returncode == 1
    text = next(workspace.root.glob("reports/*/tea.partial.ipynb")).read_bytes()
    assert all(spelling in text for spelling in spellings())
    assert b"7f3a9c" in done.stderr.encode()


def test_a_refused_secret_is_not_repeated(workspace):
    """An error about the value of a secret says what is wrong with it, and not what it is."""
    workspace.demo("tea", "1", parameters="pin_key: int = 0")
    done = workspace.fortnight("report", "-p", f"pin_key={CANARY}")
    assert done.returncode == 2
    assert "pin_key" in done.stderr
    assert "7f3a9c" not in done.stderr


def test_a_team_names_its_own_secrets(workspace):
    """[secrets] names = greeting makes it one."""
    workspace.settings("[secrets]\nnames = greet*\n")
    workspace.demo("tea", "print(greeting)", parameters="greeting: str = ''")
    assert workspace.fortnight("report", "-p", f"greeting={CANARY}").returncode == 0
    assert b"7f3a9c" not in next(workspace.root.glob("reports/*/tea.ipynb")).read_bytes()
