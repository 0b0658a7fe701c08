"""Bad input gets a clear error with exit code 2, and nothing is lost or left behind."""

import pytest

from tests.conftest import SETTINGS, Workspace


def refused(workspace: Workspace, *arguments: str) -> str:
    """Return what the user is told when the command refuses; nothing has been written."""
    before = workspace.files()
    done = workspace.fortnight(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("fortnight: ")
    assert "next: " in done.stderr
    assert workspace.files() == before
    return done.stderr


def test_no_workspace(tmp_path):
    """Outside a workspace every command says so, and how to make one."""
    outside = Workspace(tmp_path)
    for command in (["status"], ["report"], ["export"], ["site"], ["lab"], ["run", "a.ipynb"]):
        said = refused(outside, *command)
        assert str(tmp_path) in said
        assert "fortnight new PATH" in said


@pytest.mark.parametrize(
    ("settings", "line", "hint"),
    [
        (SETTINGS.replace("length_days", "lenght_days"), 5, "Did you mean 'length_days'?"),
        (SETTINGS.replace("14", "0"), 5, "a number of days from 1 to 366"),
        (SETTINGS.replace("2026-01-05", "5.1.2026"), 4, "a day written like 2026-11-16"),
        (SETTINGS.replace("2026-01-05", "2999-01-05"), 4, "is in the future"),
        (SETTINGS.replace("[sprint]", "[sprnt]"), 3, "Did you mean 'sprint'?"),
        (SETTINGS.replace("acme", "my team"), 2, "a Python package name"),
        (SETTINGS + "[demos]\nrun = digits, digts\n", 7, "Did you mean 'digits'?"),
        (SETTINGS + "[demo small]\nnotebook = digts\n", 7, "Did you mean 'digits'?"),
        (SETTINGS + "[demo digits]\nparameter = seed = 1\n", 7, "Did you mean 'parameters'?"),
        (SETTINGS + "[product]\ncurrency = EUR\ncases_per_sprint = -1\n", 8, "from 1 up"),
        (SETTINGS + "[product]\ncurrency = euro\n", 7, "three letters"),
        (SETTINGS.replace("14", "99999999999"), 5, "a number of days from 1 to 366"),
        (SETTINGS + "[demo  a/b]\nnotebook = digits\n", 6, "cannot name a report"),
        (SETTINGS + "[demo a]\nnotebook = digits\n[demo  a]\nnotebook = digits\n", 8, "twice"),
        (SETTINGS + "[demo a]\nnotebook = digits\nparameters =\n # no\n x = 1\n x = 2\n", 11, "x"),
        (SETTINGS + "[demo a]\nnotebook = digits\nparameters =\n # no\n\n x\n", 11, "name = value"),
        (SETTINGS + "[secrets]\nnames = pin, door-code\n", 7, "'door-code' is not understood"),
        (SETTINGS + "[secrets]\nname = pin\n", 7, "Did you mean 'names'?"),
        (SETTINGS + "a line of prose\n", 6, "[section] lines"),
        (SETTINGS + "[sprint]\n", 6, "already exists"),
    ],
)
def test_settings(workspace, settings, line, hint):
    """A malformed entry is named with file, line, key and what was expected."""
    workspace.demo("digits", "1")
    workspace.settings(base=settings)
    said = refused(workspace, "report")
    assert f"settings.ini, line {line}" in said
    assert hint in said


def test_settings_from_other_editors(workspace):
    """A mark at the front, Windows line ends and spaces in a section's name are no errors."""
    workspace.demo("digits", "1")
    text = SETTINGS + "[demo  small]\nnotebook = digits\n"
    path = workspace.root / "settings.ini"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    done = workspace.fortnight("status", "--json")
    assert done.returncode == 0, done.stderr
    assert '"leads_to": "digits, small"' in done.stdout


def test_a_day_that_cannot_be_handed_over(workspace):
    """A demo whose sprint day takes no text says how to declare it."""
    workspace.demo("digits", "1", parameters="sprint_first_day = None")
    assert 'sprint_first_day: str = ""' in refused(workspace, "report")


def test_settings_that_are_not_text(workspace):
    """A settings file in another encoding is refused as such."""
    (workspace.root / "settings.ini").write_bytes(b"[workspace]\npackage = caf\xe9\n")
    assert "UTF-8" in refused(workspace, "status")


def test_undeclared_parameter(workspace):
    """A name that the notebook does not declare is refused with the near one."""
    workspace.demo("digits", "seed", parameters="seed = 1")
    assert "Did you mean 'seed'?" in refused(workspace, "report", "-p", "sed=2")
    run = ("run", "nbs/demos/digits.ipynb")
    assert "Did you mean 'seed'?" in refused(workspace, *run, "-p", "sed=2")


def test_undeclared_parameter_in_settings(workspace):
    """Settings are held to the same: the demo is named, and its notebook."""
    workspace.demo("digits", "seed", parameters="seed = 1")
    workspace.settings("[demo small]\nnotebook = digits\nparameters =\n    sed = 2\n")
    said = refused(workspace, "report")
    assert "demo small, nbs/demos/digits.ipynb" in said
    assert "Did you mean 'seed'?" in said


def test_parameter_of_a_notebook_without_any(workspace):
    """A notebook without a parameters cell says how to get one."""
    workspace.demo("digits", "1")
    assert "property inspector" in refused(workspace, "report", "-p", "seed=2")


@pytest.mark.parametrize("text", ["seed", "=1", "seed=one", "seed=1.5", "seed="])
def test_parameter_that_says_nothing(workspace, text):
    """What is not a name and a value of the declared kind is refused."""
    workspace.demo("digits", "seed", parameters="seed = 1")
    refused(workspace, "report", "-p", text)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("", "the file is empty"),
        ("  \n", "the file is empty"),
        ('{"cells": [', "it is not JSON"),
        ('{\n<<<<<<< HEAD\n "cells": []', "merge conflict"),
        ('{"nbformat": 3, "nbformat_minor": 0, "worksheets": [], "metadata": {}}', "format 3"),
        ("[]", "no notebook"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "no notebook"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}', "no notebook"),
    ],
)
def test_no_notebook(workspace, content, hint):
    """A file that is no notebook is named, with the reason and the cure."""
    path = workspace.demo("digits", "1")
    path.write_text(content)
    for command in (["report"], ["run", "nbs/demos/digits.ipynb"]):
        said = refused(workspace, *command)
        assert "digits.ipynb" in said
        assert hint in said


def test_missing_notebook(workspace):
    """A path that leads nowhere is said to."""
    assert "No such file" in refused(workspace, "run", "nbs/demos/digits.ipynb")


def test_no_demo(workspace):
    """A workspace without demos says where they would be; a wrong name says which there are."""
    assert "nbs/demos" in refused(workspace, "report")
    workspace.demo("digits", "1")
    assert "Did you mean 'digits'?" in refused(workspace, "report", "digts")


def test_missing_kernel(workspace):
    """A kernel that is not installed is refused before anything runs, with those that are."""
    workspace.demo("digits", "1", kernelspec={"name": "julia-1.9", "display_name": "Julia"})
    said = refused(workspace, "report")
    assert "julia-1.9" in said
    assert "python3" in said
    assert "Did you mean 'python3'?" in refused(
        workspace, "run", "nbs/demos/digits.ipynb", "--kernel", "pyhton3"
    )


def test_sprint_that_is_none(workspace):
    """A day that is none, or lies before the first sprint, is refused."""
    workspace.demo("digits", "1")
    assert "expected a day" in refused(workspace, "report", "--sprint", "2026-13-01")
    assert "first one begins" in refused(workspace, "report", "--sprint", "2025-12-31")


def test_run_over_its_own_source(workspace):
    """A run never overwrites the notebook that it runs."""
    path = workspace.demo("digits", "1")
    before = path.read_bytes()
    refused(workspace, "run", "nbs/demos/digits.ipynb", "-o", "nbs/demos/digits.ipynb")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["my-team", "2nd", "json", "class", "pandas", "tests", "Ümlaut"])
def test_new_with_a_name_that_will_not_do(tmp_path, name):
    """A name that cannot be a package's is refused, with one that can, and nothing is made."""
    said = refused(Workspace(tmp_path), "new", name)
    suggestion = said.rpartition("/")[2].strip()
    assert suggestion.isidentifier()
    assert suggestion != name


def test_new_in_a_folder_with_something_in_it(tmp_path):
    """A folder that holds anything is left as it is."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "thesis.txt").write_text("mine")
    assert "not empty" in refused(Workspace(tmp_path), "new", "acme")
    assert (tmp_path / "acme" / "thesis.txt").read_text() == "mine"


def test_usage(workspace):
    """An unknown command or option is a usage error, also with exit code 2."""
    for arguments in (["reprot"], ["report", "--forse"], ["run"]):
        done = workspace.fortnight(*arguments)
        assert done.returncode == 2
        assert "Usage:" in done.stderr
        assert "Traceback" not in done.stderr


def test_new_in_the_folder_one_stands_in(tmp_path):
    """An empty folder becomes the workspace without being replaced under somebody's feet."""
    here = Workspace(tmp_path / "acme")
    here.root.mkdir()
    number = here.root.stat().st_ino
    done = here.fortnight("new", ".")
    assert done.returncode == 0, done.stderr
    assert "cd " not in done.stdout
    assert here.root.stat().st_ino == number
    assert here.fortnight("status").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["acme"]


def test_new_by_way_of_a_link(tmp_path):
    """A link to an empty folder is as good as the folder."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "acme")
    assert Workspace(tmp_path).fortnight("new", "link").returncode == 0
    assert (tmp_path / "acme" / "settings.ini").is_file()


def test_new_where_nothing_can_be(tmp_path):
    """The root of the file system, or a place below a file, is refused in words."""
    (tmp_path / "file").write_text("x")
    assert Workspace(tmp_path).fortnight("new", "/").returncode == 2
    assert "Traceback" not in refused(Workspace(tmp_path), "new", "file/acme")
