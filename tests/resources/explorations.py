"""Explorations as researchers leave them, and what of each can be lifted.

They lie beside this file in the percent format, as text, because magics stand in them as they are
typed. `# %%` begins a code cell and `# %% [markdown]` one of prose; `tags=[…]` and `count=…` may
follow. Cells without a count were run in the order in which they stand; 0 is one that never was.
"""

import json
import re
from pathlib import Path

from fortnight.notebook import Cell, Notebook

_FOLDER = Path(__file__).with_suffix("")
_METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
_HEADER = re.compile(r"^# %%(?P<prose> \[markdown\])?(?P<options>.*)\n", re.MULTILINE)
_OLD = {"clusters"}  # in format 4.4, without ids
_STALE = {"leftovers"}  # reads names that no cell defines any more


def explorations() -> dict[str, Notebook]:
    """Return the explorations that run from top to bottom, by name."""
    paths = sorted(_FOLDER.glob("*.txt"))
    return {path.stem: _notebook(path) for path in paths if path.stem not in _STALE}


def stale_explorations() -> dict[str, Notebook]:
    """Return those that ran once and don't any more, because cells have been deleted."""
    return {name: _notebook(_FOLDER / f"{name}.txt") for name in sorted(_STALE)}


def _notebook(path: Path) -> Notebook:
    text = path.read_text(encoding="utf-8")
    headers = list(_HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    old = path.stem in _OLD
    cells: list[Cell] = []
    for position, (header, end) in enumerate(zip(headers, ends, strict=True), start=1):
        source = text[header.end() : end].strip("\n")
        cell_id = "" if old else f"cell-{position:02}"
        if header["prose"]:
            prose = re.sub(r"^# ?", "", source, flags=re.MULTILINE)
            cells.append(Cell(cell_id, "markdown", prose))
            continue
        options = dict(option.split("=", 1) for option in header["options"].split())
        metadata = {"tags": json.loads(options["tags"])} if "tags" in options else {}
        run = sum(cell.kind == "code" for cell in cells) + 1
        count = int(options.get("count", run)) or None
        cells.append(Cell(cell_id, "code", source, metadata, execution_count=count))
    return Notebook(tuple(cells), _METADATA, minor=4 if old else 5)


# What each function and class should be judged as, a lambda with a name being a function:
# "free", "with" helpers, imports and constants, once variables are "parameters", or "no".
# Where two would apply the worse one holds, and what a helper is judged as holds for its callers.
EXPECTED: dict[str, dict[str, str]] = {
    "abtest": {
        "Arm": "with",
        "phi": "with",
        "z_test": "with",
        "p_value": "with",
        "experiment": "parameters",  # rng; the two constants are needed when it is defined
        "power": "parameters",  # through experiment
        "sample_size": "with",
        "peek": "no",  # writes to a global
        "stream": "parameters",
        "running": "parameters",  # two steps away from rng
        "permutation": "with",  # the nested function's rng is its own
        "bootstrap_ci": "with",
        "shrink": "with",  # Arm stands in a pattern only
        "verdict": "with",
    },
    "calibration": {
        "reliability": "with",
        "ece": "with",
        "brier": "with",
        "diagram": "with",
        "timed": "with",  # its t is not the notebook's
        "logit": "with",
        "platt": "with",
        "pava": "free",
        "Isotonic": "with",  # its method ece means the function
        "noise": "no",  # the decorator is a variable, needed when defined
        "curve": "with",
        "compare": "parameters",  # t; its nested function's t is another
    },
    "churn": {
        "band": "with",
        "design": "parameters",  # FEATURES gets another element
        "top": "with",  # its share is not the one of the parameters cell
        "lift": "with",
        "lift_here": "parameters",
        "bootstrap_ci": "with",
        "gain": "with",
        "Campaign": "with",
        "campaign": "parameters",
        "call_list": "parameters",  # through design
        "pick": "free",
        "summary": "free",
    },
    "clusters": {
        "standardise": "free",
        "pca": "with",
        "distances": "free",
        "assign": "with",
        "update": "parameters",  # rng
        "kmeans": "parameters",
        "inertia": "free",
        "best_of": "with",  # the nested function's rng is its own
        "quality": "parameters",
        "agreement": "with",
        "Node": "free",
        "depth": "free",
        "merge": "with",
        "even": "with",  # even and odd need each other
        "odd": "with",
        "on": "no",  # globals()
        "dump": "no",  # eval
        "show": "with",
    },
    "costs": {
        "cost": "with",
        "total": "parameters",
        "bayes_threshold": "free",
        "unbalance": "free",  # its rate is not the one of the parameters cell
        "at_rate": "parameters",  # and this one's is: a literal that every run may replace
        "rates": "free",
        "line": "free",
        "envelope": "with",
        "area": "with",
        "price": "parameters",  # PRICES gets another item
        "expected": "parameters",  # through price
        "plot_kind": "parameters",
        "looking": "parameters",  # LOOK has two values, so it is a variable
        "regret": "parameters",
        "bootstrap_ci": "with",
        "saved": "parameters",
        "staff": "with",  # needs itself, a decorator and a constant
        "log": "parameters",  # appends to a list of the notebook's
    },
    "features": {
        "score": "parameters",
        "standardise": "free",
        "trick": "parameters",  # adds to TRICKS; as a decorator it is handed on, and that is told
        "logs": "no",  # the decorator can't be lifted
        "squares": "no",
        "ratio": "free",
        "ratios": "with",
        "binned": "no",  # an import that may fail, and then it is something else
        "winsor": "free",
        "Winsor": "with",
        "pipeline": "with",
        "products": "free",
        "Product": "no",  # the base is a variable, needed when defined
        "heavy": "parameters",  # the text of a query reads the notebook's cutoff
        "old": "free",  # and this one's its own argument
        "few": "parameters",  # cols is changed under another name
        "percent": "free",
        "spread": "free",
        "wide": "no",  # a method that the notebook has put into pandas
    },
    "images": {
        "grey": "with",
        "patches": "free",
        "show": "with",
        "gradient": "with",
        "directions": "with",  # its size is not the notebook's
        "stats": "with",
        "describe": "with",
        "evaluate": "with",
        "normalise": "free",  # defined twice, with a comment more: the same
        "filtered": "parameters",  # what is in KERNELS is handed on, to who knows whom
        "energy": "parameters",
        "Pyramid": "with",
        "strokes": "with",
        "boxed": "parameters",
        "fill": "free",
        "blobs": "no",  # two bodies
        "count_blobs": "no",
        "areas": "no",  # threshold is needed when it is defined
    },
    "leftovers": {
        "threshold": "no",  # no cell defines scores any more
        "flagged": "with",
        "ask": "no",  # nor FACTOR, which is needed when it is defined
        "hits": "free",
        "report": "parameters",  # y, picked, and share, which stands further down
    },
    "texts": {
        "sentences": "with",
        "tokens": "with",  # WORD is computed from a literal
        "content": "with",
        "stem": "with",
        "ngrams": "free",
        "features": "with",
        "Bayes": "with",
        "accuracy": "with",
        "baseline": "with",
        "vector": "parameters",
        "standardise": "free",  # not the one of the other two
        "cosine": "with",  # its nb is not the notebook's
        "nearest": "parameters",
        "vote": "parameters",
    },
    "timeseries": {
        "mape": "no",  # two bodies
        "mae": "free",
        "last": "with",
        "seasonal": "with",
        "seasonal_mean": "with",
        "origins": "with",
        "backtest": "parameters",
        "backtest_pct": "no",  # through mape
        "lag_table": "with",
        "honest": "with",
        "ridge_forecast": "parameters",
        "deseason": "no",  # level is needed when it is defined
        "outages": "with",  # Outage stands further down
        "Outage": "with",  # its days are not the notebook's
    },
}
