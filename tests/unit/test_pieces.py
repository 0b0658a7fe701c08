"""What is taken out of a notebook is what Python sees there, line by line."""

import pytest

from fortnight.lift import plan_notebook
from fortnight.notebook import Cell, Notebook
from fortnight.pieces import piece_of, without


@pytest.mark.parametrize("odd", ["\u2028", "\x0c", "\x1c", "\x85", "\x0b"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_ends_a_line_elsewhere_ends_none_in_python(odd, end):
    """A text with an odd character above a definition moves nothing."""
    source = f"s = 'tea{odd}pot'\nX = 1\ndef f(): return '{odd}'\nlast = f()".replace("\n", end)
    notebook = Notebook((Cell("a", "code", source),))
    (one,) = (d for d in plan_notebook(notebook).definitions if d.name == "f")
    piece = piece_of(notebook, one)
    assert piece.source == f"def f(): return '{odd}'"
    left = without(notebook, [piece], "acme.tea").cells[0].source
    assert left.splitlines() == [
        *source.replace("def f(): return '" + odd + "'", "from acme.tea import f").splitlines()
    ]
