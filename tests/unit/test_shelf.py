"""What a library notebook takes in, where it doesn't go without saying."""

from fortnight.lift import plan_notebook
from fortnight.notebook import Cell, Notebook
from fortnight.shelf import EXPORT, grown_library, new_library
from fortnight.takings import pieces_for


def pieces(*sources: str) -> list:
    """Return what a notebook of these cells defines as pieces."""
    notebook = Notebook(tuple(Cell("", "code", source) for source in sources))
    plan = plan_notebook(notebook)
    return pieces_for(notebook, plan, plan.definitions)


BREW = pieces("def brew(n):\n    return n", "assert brew(np.int64(1)) == 1")
POUR = pieces("import numpy as np", "def pour(n):\n    return np.floor(n)")


def test_what_a_lesson_has_imported_is_not_imported_twice():
    """When the module comes to import it too, the lesson's own import goes."""
    lent = "import math\nimport numpy as np"
    library = new_library("tea", "tea.ipynb", BREW, "", lent)
    grown = grown_library(library, "tea", POUR, ["import numpy as np"], "acme")
    sources = [cell.source for cell in grown.cells if "import" in cell.source]
    assert sources == [f"{EXPORT}import numpy as np", "import math"]


def test_a_lesson_that_imports_nothing_new_needs_no_cell():
    """What the module or another lesson imports is there already."""
    library = new_library("tea", "tea.ipynb", POUR, "import numpy as np", "import math")
    lent = ["import math", "import numpy as np", "import re"]
    grown = grown_library(library, "tea", BREW, [], "acme", lent)
    sources = [cell.source for cell in grown.cells if "import" in cell.source]
    assert sources == [f"{EXPORT}import numpy as np", "import math", "import re"]


def test_nothing_else_of_a_library_notebook_is_touched():
    """Empty cells, magics and imports among other code are somebody's own."""
    library = new_library("tea", "tea.ipynb", BREW, "import re", "")
    own = ("", "%load_ext autoreload", "import numpy as np\nx = np.pi", "# why\nimport numpy as np")
    more = tuple(Cell(str(n), "code", source) for n, source in enumerate(own))
    library = Notebook((*library.cells, *more), library.metadata)
    grown = grown_library(library, "tea", POUR, ["import numpy as np"], "acme")
    assert [cell for cell in grown.cells if cell in more] == list(more)
