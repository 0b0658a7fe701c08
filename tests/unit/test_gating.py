"""The gate as it is asked: files, reports, policies, and the ledger that is kept of it."""

import json
from contextlib import chdir
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from fortnight.errors import FortnightError
from fortnight.exhibits import EVIDENCE_MIME
from fortnight.gating import ask_gate, find_evidence, gate_
from fortnight.notebook import Cell, Notebook, dump_notebook, parse_notebook
from fortnight.provenance import Provenance
from fortnight.record import Record, with_record
from fortnight.settings import read_settings

SETTINGS = "[workspace]\npackage = acme\n[sprint]\nfirst_day = 2026-01-05\nlength_days = 14\n"
TODAY = date(2026, 1, 20)


def evidence(model: str = "svm", right: int = 100) -> dict:
    """Return evidence of a candidate: right alone on so many cases, and wrong alone on 60."""
    counts = {"n": 2000, "both": 1700, "only_candidate": right, "only_incumbent": 60}
    hashes = {"model": model, "holdout": "h"}
    names = {"version": 1, "candidate": model, "incumbent": "rules"}
    return {**names, "hashes": hashes, "holdout": {**counts, "holdout": "h"}}


def report(*stated: dict) -> str:
    """Return an executed notebook that states evidence."""
    outputs = tuple(
        {"output_type": "display_data", "data": {EVIDENCE_MIME: one}, "metadata": {}}
        for one in stated
    )
    return dump_notebook(Notebook((Cell("a", "code", "…", outputs=outputs),)))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a workspace with a policy, and a demo of two sprints."""
    (tmp_path / "settings.ini").write_text(SETTINGS + "[gate]\nminimum_gain = 0\n")
    for sprint, right in (("2026-01-05", 20), ("2026-01-19", 100)):
        folder = tmp_path / "reports" / sprint
        folder.mkdir(parents=True)
        (folder / "digits.ipynb").write_text(report(evidence(right=right)))
    return tmp_path


def asked(root: Path, *arguments: str):
    """Return what came of the command."""
    with chdir(root):
        return CliRunner().invoke(gate_, arguments)


@pytest.mark.parametrize(
    ("right", "verdict", "code"), [(100, "promote", 0), (66, "more labels", 1), (40, "hold", 1)]
)
def test_only_promote_exits_with_0(workspace: Path, right: int, verdict: str, code: int):
    """The other two verdicts are no success, and programs get the same facts."""
    (workspace / "svm.json").write_text(json.dumps(evidence(right=right)))
    done = asked(workspace, "svm.json", "--json")
    found = json.loads(done.output)
    assert (done.exit_code, found["verdict"]) == (code, verdict)
    (check,) = found["checks"]
    assert set(check) == {"name", "holds", "figure", "limit", "unit", "why", "needed"}
    assert (check["needed"] is not None) == (verdict == "more labels")
    text = asked(workspace, "svm.json").output
    assert text.startswith(verdict)
    assert {"promote": "yes", "hold": "no", "more labels": "not yet"}[verdict] in text


def test_a_demo_means_its_latest_report(workspace: Path):
    """By name, and by the path of an executed notebook."""
    assert asked(workspace, "digits").exit_code == 0
    assert asked(workspace, "reports/2026-01-05/digits.ipynb").exit_code == 1


def test_asking_again_changes_nothing(workspace: Path):
    """The same look at the same evidence is one line, to the byte."""
    assert asked(workspace, "digits").exit_code == 0
    ledger = (workspace / "holdouts.tsv").read_bytes()
    assert asked(workspace, "digits").exit_code == 0
    assert (workspace / "holdouts.tsv").read_bytes() == ledger
    assert len(ledger.splitlines()) == 2
    assert not list((workspace / ".fortnight").rglob("*.tmp"))


def test_looks_are_written_with_their_sprint(workspace: Path):
    """Every look of another model is a line, with the first day of the sprint that looked."""
    settings = read_settings(workspace)
    for number, model in enumerate("abc", start=1):
        (workspace / "one.json").write_text(json.dumps(evidence(model)))
        assert ask_gate(settings, str(workspace / "one.json"), TODAY).look == number
    rows = [line.split("\t") for line in (workspace / "holdouts.tsv").read_text().splitlines()]
    assert [row[4] for row in rows[1:]] == ["2026-01-19"] * 3


def test_what_is_refused_is_no_look(workspace: Path):
    """No figure was shown, so nothing was used up."""
    wrong = evidence() | {"hashes": {"model": "svm", "holdout": "other"}}
    (workspace / "svm.json").write_text(json.dumps(wrong))
    assert isinstance(asked(workspace, "svm.json").exception, FortnightError)
    assert not (workspace / "holdouts.tsv").exists()


def test_a_ledger_that_cannot_be_read_stops_the_gate(workspace: Path):
    """What has been used up is not known then."""
    (workspace / "holdouts.tsv").write_text("<<<<<<< HEAD\n")
    refused = asked(workspace, "digits").exception
    assert isinstance(refused, FortnightError)
    assert "merge" in refused.why


def test_several_candidates_have_to_be_named(workspace: Path):
    """One of them is chosen by name, and none by chance."""
    path = workspace / "two.ipynb"
    path.write_text(report(evidence("svm"), evidence("forest", 40)))
    refused = asked(workspace, "two.ipynb").exception
    assert "several" in refused.what
    assert "svm, forest" in refused.why
    assert asked(workspace, "two.ipynb", "--candidate", "svm").exit_code == 0
    assert asked(workspace, "two.ipynb", "--candidate", "forest").exit_code == 1
    assert (
        "Did you mean 'forest'?"
        in asked(workspace, "two.ipynb", "--candidate", "forst").exception.what
    )


def test_without_policy_there_is_no_verdict(workspace: Path):
    """It says where one would stand."""
    (workspace / "settings.ini").write_text(SETTINGS)
    refused = asked(workspace, "digits").exception
    assert "[gate]" in refused.where


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("no.json", None, "cannot be read"),
        ("bad.json", "{", "cannot be read"),
        ("list.json", "[]", "no JSON object"),
        ("nothing", None, "There is no report"),
        ("empty.ipynb", report(), "no evidence in this report"),
        ("odd.ipynb", report({"candidate": "svm"}), "incumbent is missing"),
    ],
)
def test_what_is_no_evidence_is_refused(workspace: Path, name: str, content: str | None, said: str):
    """A file that isn't there, or is something else, is named."""
    if content is not None:
        (workspace / name).write_text(content)
    with chdir(workspace), pytest.raises(FortnightError) as caught:
        find_evidence(read_settings(workspace), name)
    assert said in caught.value.what
    assert caught.value.cure


def test_a_run_that_did_not_pass_is_no_evidence(workspace: Path):
    """What it would have said after the failure is not known."""
    record = Record(
        notebook="nbs/demos/digits.ipynb",
        notebook_sha256="",
        parameters={},
        sprint="2026-01-19",
        outcome="failed",
        started="2026-01-20T09:30:00+00:00",
        seconds=1.0,
        metrics=(),
        failure=None,
        provenance=Provenance("", False, "python3", "3.11.7", "Linux x86_64", {}),
    )
    path = workspace / "digits.partial.ipynb"
    for outcome, refused in (("failed", True), ("passed", False)):
        notebook = parse_notebook(report(evidence()), path)
        kept = with_record(notebook, replace(record, outcome=outcome))
        path.write_text(dump_notebook(kept))
        done = asked(workspace, path.name)
        assert (done.exit_code == 0) != refused
        assert not refused or "did not pass" in done.exception.what
