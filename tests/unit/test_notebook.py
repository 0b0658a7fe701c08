"""Notebooks from elsewhere: what is read is what is written, whatever it holds."""

import json
from pathlib import Path

import pytest

from fortnight.notebook import dump_notebook, parse_notebook, write_atomic

CELL = {"cell_type": "markdown", "metadata": {}, "source": ""}
CODE = {"cell_type": "code", "metadata": {}, "source": "", "outputs": [], "execution_count": None}


@pytest.mark.parametrize(
    "cell",
    [
        {**CELL, "source": "a\fb\u2028c\r\nd\x0be"},
        {**CELL, "source": ["one\n", "two"]},
        {**CELL, "cell_type": "raw", "source": "raw", "metadata": {"format": "text/x"}},
        {**CELL, "attachments": {"cup.png": {"image/png": "iVBORw0"}}},
        {**CODE, "source": "\n\n  x\t\n\n", "execution_count": 7},
        {**CODE, "outputs": [{"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}]},
        {**CODE, "metadata": {"tags": ["x"], "other": {"deep": [1, None]}}, "source": "ü €"},
    ],
)
@pytest.mark.parametrize("minor", [0, 4, 5])
def test_what_is_read_is_written(cell, minor):
    """Sources keep every character, cells every field, in all minor versions of the format."""
    content = {"cells": [cell], "metadata": {"x": 1}, "nbformat": 4, "nbformat_minor": minor}
    if minor == 5:
        cell = {**cell, "id": "a1"}
        content["cells"] = [cell]
    written = json.loads(dump_notebook(parse_notebook(json.dumps(content), Path("x.ipynb"))))
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    assert "".join(written["cells"][0].pop("source")) == source
    assert written == {**content, "cells": [{k: v for k, v in cell.items() if k != "source"}]}


def test_a_failed_write_leaves_what_was_there(tmp_path):
    """An error in the middle of a write costs the temporary file only."""
    target = tmp_path / "report.txt"
    write_atomic(target, "before")
    with pytest.raises(TypeError):
        write_atomic(target, 7)
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


def test_a_written_file_can_be_read_by_the_team(tmp_path):
    """A temporary file's narrow permissions don't stick to the report."""
    write_atomic(tmp_path / "report.txt", "x")
    (tmp_path / "plain.txt").write_text("x")
    modes = [(tmp_path / name).stat().st_mode for name in ("report.txt", "plain.txt")]
    assert modes[0] == modes[1]
