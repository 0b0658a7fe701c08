"""Reports that another command puts into place while pages are being made."""

from pathlib import Path

from fortnight import site
from fortnight.bodies import body_of, body_path
from fortnight.notebook import Cell, Notebook, dump_notebook, write_atomic
from fortnight.site import find_reports


def test_a_report_that_is_gone_stops_nobody(tmp_path: Path):
    """Between listing and reading it may have been renamed; its body says so, and is another."""
    report = tmp_path / "2026-11-16" / "tea.partial.ipynb"
    gone = body_path(report, tmp_path)
    assert "cannot be shown" in body_of(report, tmp_path)
    write_atomic(report, dump_notebook(Notebook((Cell("a", "code", "1"),))))
    assert body_path(report, tmp_path) != gone


def test_a_report_that_goes_while_it_is_read_is_none(tmp_path: Path, monkeypatch):
    """It is in its place by now, and found there."""
    report = tmp_path / "2026-11-16" / "tea.partial.ipynb"
    write_atomic(report, dump_notebook(Notebook((Cell("a", "code", "1"),))))
    assert len(find_reports(tmp_path)) == 1
    read = site._read_report

    def renamed_meanwhile(path: Path) -> site.Report:
        path.rename(path.with_name("tea.txt"))
        return read(path)

    monkeypatch.setattr(site, "_read_report", renamed_meanwhile)
    assert find_reports(tmp_path) == ()
