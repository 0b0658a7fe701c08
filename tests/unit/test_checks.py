"""Output checks: what may differ is let through, and whatever stands beside it is not."""

import base64
import io
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fortnight import normalisers
from fortnight.checks import check_outputs, paired, updated
from fortnight.compare import compare
from fortnight.errors import FortnightError
from fortnight.figures import difference_picture, differing_figures
from fortnight.normalisers import BUILT_IN, Normaliser, installed_normalisers, normalised
from fortnight.normalisers import read_sanitizers as read_file
from fortnight.notebook import Cell, Notebook, dump_notebook, parse_notebook
from fortnight.record import INJECTED


def stream(text, name: str = "stdout") -> dict:
    """Return what print leaves in a notebook."""
    return {"output_type": "stream", "name": name, "text": text}


def display(data: dict, **more) -> dict:
    """Return what display leaves in a notebook."""
    return {"output_type": "display_data", "metadata": {}, "data": data, **more}


def error(name: str, message: str) -> dict:
    """Return what an exception leaves in a notebook."""
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": [message * 2]}


def notebook(*outputs: dict, tags: tuple[str, ...] = ()) -> Notebook:
    """Return a notebook of one code cell with some outputs."""
    metadata = {"tags": list(tags)} if tags else {}
    return Notebook((Cell("a", "code", "…", metadata, outputs),))


def checked(stored: Notebook, fresh: Notebook, **options) -> tuple:
    """Check all cells."""
    return check_outputs(stored, fresh, lambda cell: True, **options)


def same(one: dict, other: dict, **options) -> bool:
    """Say whether a cell may show the one or the other."""
    return not checked(notebook(one), notebook(other), **options)


def png(colour: str = "white", size=(40, 30), spot=None) -> str:
    """Return a picture as a notebook holds it."""
    from PIL import Image

    picture = Image.new("RGB", size, colour)
    if spot:
        picture.putpixel((3, 3), spot)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


BY_CHANCE = {
    "address": ("<Tea at 0x7f1c22aa41>", "<Tea at 0x55d099bbc0>"),
    "ISO": ("2026-11-23T09:30:00Z", "2027-01-02T10:11:12.5Z"),
    "git": ("2026-11-23 09:30:00 +0100", "2027-01-02 10:11:12 -0500"),
    "offset": ("2026-11-23 09:30:00+01:00", "2026-11-24 19:31:07-05:00"),
    "logging": ("2026-11-23 09:30:00,123", "2026-11-23 21:03:10,999"),
    "slashes": ("2026/11/23 09:30:00", "2026/12/24 09:30:01"),
    "clock": ("09:30:01", "21:12:44.017"),
    "glog": ("I1123 09:30:01.123456", "I1124 10:00:59.000001"),
    "syslog": ("Nov 23 09:30:01", "Dec  4 10:00:59"),
    "date": ("Mon Nov 23 09:30:00 UTC 2026", "Tue Dec  1 10:30:00 CET 2026"),
    "RFC": ("Mon, 23 Nov 2026 09:30:00 GMT", "Tue, 01 Dec 2026 10:30:00 GMT"),
    "Apache": ("[23/Nov/2026:09:30:00 +0000]", "[01/Dec/2026:19:30:00 +0100]"),
    "German": ("23.11.2026 09:30", "1.12.2026 10:31"),
    "American": ("11/23/2026 9:30 AM", "12/1/2026 10:31 PM"),
    "compact": ("20261123T093000Z", "20270102T101112Z"),
    "repr": (
        "datetime.datetime(2026, 11, 23, 9, 30, 0, 123)",
        "datetime.datetime(2026, 12, 1, 10, 30, 59, 4567)",
    ),
    "%time": (
        "CPU times: user 3.2 ms, sys: 1 µs, total: 3.3 ms\nWall time: 3.37 ms",
        "CPU times: user 1min 2s, sys: 30 s, total: 1min 32s\nWall time: 1h 2s",
    ),
    "%time on Windows": ("CPU times: total: 15.6 ms", "CPU times: total: 0 ns"),
    "%timeit": (
        "1.23 µs ± 4.5 ns per loop (mean ± std. dev. of 7 runs, 1,000,000 loops each)",
        "998 ns ± 12 ns per loop (mean ± std. dev. of 7 runs, 1,000,000 loops each)",
    ),
    "took": ("It took 3.2 s", "It took 1min 4.1s"),
    "elapsed": ("Elapsed time: 0.31 seconds", "Elapsed time: 12 seconds"),
    "trained": ("trained in 4.5s", "trained in 120 ms"),
    "home": ("/home/ann/work/teas.csv", "/Users/bob/teas.csv"),
    "the home itself": ("/home/ann", "/Users/bob"),
    "tilde": ("~/work/teas.csv", "/root/teas.csv"),
    "temporary": ("/tmp/tmpab12cd34", "/tmp/tmpzz99_x0y"),
    "in temporary": ("/tmp/tmpab12cd34/teas.csv", "/var/folders/x1/T/teas.csv"),
    "Windows": (r"C:\Users\Ann\teas.csv", "D:\\\\data\\\\teas.csv"),
    "quoted": ("open('/srv/a/teas.csv')", "open('/data/teas.csv')"),
    "cell": ("/tmp/ipykernel_123/4567.py:3", "/tmp/ipykernel_99/1234.py:3"),
    "cell on Windows": (
        r"C:\Users\A\AppData\Local\Temp\ipykernel_1\23.py",
        r"C:\Temp\ipykernel_4\56.py",
    ),
    "old cell": ("<ipython-input-3-0a1b2c3d4e5f>", "<ipython-input-14-ffb2c3d4e5f0>"),
    "counted cell": ("Cell In[3], line 2", "Cell In[14], line 2"),
    "uuid": ("0a1b2c3d-1234-4abc-8def-0123456789ab", "ffffffff-0000-4abc-8def-0123456789ab"),
    "tqdm": (
        "brew:  45%|████▌     | 45/100 [00:01<00:01, 44.12it/s]",
        "brew:  99%|█████████▉| 99/100 [01:02<00:00,  1.10s/it]",
    ),
    "tqdm in ASCII": (
        " 45%|####5     | 45/100 [00:01<00:01, 44.12it/s]",
        "100%|##########| 100/100 [00:02<00:00, 50.00it/s]",
    ),
    "tqdm of bytes": (
        "  1%|          | 1.2M/10.0M [00:01<00:07, 1.1MB/s]",
        "100%|██████████| 10.0M/10.0M [1:00:09<00:00, 9.9kB/s]",
    ),
    "tqdm without an end": ("10it [00:00, 44.10it/s]", "0it [00:00, ?it/s]"),
    "pip": (
        "   ━━━━━━━━━━ 1.2/1.2 MB 5.3 MB/s eta 0:00:00",
        "   ━━━━━━╸━━━ 0.7/1.2 MB 900 kB/s eta 0:00:01",
    ),
    "keras": (
        "313/313 ━━━━━━━━━━━━━━━━━━━━ 1s 2ms/step - loss: 0.25",
        "313/313 ━━━━━━━━━━━━━━━━━━━━ 3s 11ms/step - loss: 0.25",
    ),
    "old keras": (
        "10/10 [==============================] - 1s 2ms/step - loss: 0.25",
        "10/10 [==============================] - 2s 31ms/step - loss: 0.25",
    ),
}

DATA = {
    "day": ("2026-11-23", "2026-11-24"),
    "midnight": ("2026-11-23 00:00:00", "2026-11-24 00:00:00"),
    "number behind a clock": ("09:30:00 -1200 cups", "09:30:00 -1300 cups"),
    "ratio": ("16:9", "16:10"),
    "small hexadecimal": ("0x1f", "0x2f"),
    "seconds": ("a half-life of 3 s", "a half-life of 4 s"),
    "digest": ("5f4dcc3b5aa765d61d8327deb882cf99", "6f4dcc3b5aa765d61d8327deb882cf99"),
    "file name": ("/home/ann/teas.csv", "/home/ann/cups.csv"),
    "relative path": ("data/teas.csv", "other/teas.csv"),
    "web address": ("https://example.org/a/teas", "https://example.org/b/teas"),
    "loss behind a bar": (
        " 45%|████▌     | 45/100 [00:01<00:01, 44.12it/s, loss=0.25]",
        " 45%|████▌     | 45/100 [00:01<00:01, 44.12it/s, loss=0.35]",
    ),
    "loss behind a bar of keras": (
        "10/10 ━━━━━━━━━━ 1s 2ms/step - loss: 0.25",
        "10/10 ━━━━━━━━━━ 1s 2ms/step - loss: 0.35",
    ),
    "name before a bar": ("brew: 10it [00:00, 44.1it/s]", "pour: 10it [00:00, 44.1it/s]"),
    "heading": ("━━ 1. Assam", "━━ tea"),
    "version": ("3.11.7", "3.11.8"),
    "list": ("[1,2,3]", "[12,3]"),
    "mark for a number": ("cups: #", "cups: 5"),
    "huge": ("1" * 400, "2" * 400),
    "sign": ("-1", "1"),
    "line break": ("a\nb", "a b"),
    "line more": ("a\nb", "a\nb\nc"),
}


@pytest.mark.parametrize("case", BY_CHANCE)
def test_what_differs_by_chance_is_let_through(case: str):
    """Addresses, times, places, progress: the same in every output, and in tables."""
    one, other = BY_CHANCE[case]
    assert same(stream(f"tea {one} cup"), stream(f"tea {other} cup"))
    assert same(display({"text/plain": one}), display({"text/plain": other}))
    assert same(error("ValueError", one), error("ValueError", other))


@pytest.mark.parametrize("case", BY_CHANCE)
def test_what_stands_beside_it_counts(case: str):
    """A word or number that changes beside it is a difference; so is each without normalisers."""
    one, other = BY_CHANCE[case]
    assert not same(stream(f"tea {one} cup"), stream(f"tea {other} mug"))
    assert not same(stream(f"tea {one} cup"), stream(f"milk {other} cup"))
    assert not same(stream(f"2 {one} cup"), stream(f"3 {other} cup"))
    assert not same(stream(f"tea {one} 2 cups"), stream(f"tea {other} 3 cups"))
    assert not same(stream(f"tea {one} cup"), stream("tea  cup"))
    assert not same(stream(one), stream(other), normalisers=())


@pytest.mark.parametrize("case", DATA)
def test_when_in_doubt_it_is_data(case: str):
    """What only looks like chance is compared, and so is what a number could hide."""
    one, other = DATA[case]
    assert same(stream(one), stream(one + "\n"))
    assert not same(stream(one), stream(other))


def test_numbers_within_the_tolerance():
    """The tolerance is relative, and 0.1 % beyond it is beyond."""
    for within, beyond in ((1.000999, 1.001002), (0.9990005, 0.998998)):
        number = "x = {:.7f}, and y = -3e-5".format
        assert same(stream(number(1)), stream(number(within)), tolerance=1e-3)
        assert not same(stream(number(1)), stream(number(beyond)), tolerance=1e-3)
    assert same(stream("1,000 cups"), stream("1,001 cups"), tolerance=0.01)
    assert same(stream("  1.50 |  nan"), stream("1.5|nan".replace("|", " | ")))
    assert not same(stream("nan"), stream("1.0"), tolerance=0.5)


def test_a_difference_is_seen_at_once():
    """Short texts stand beside each other; of long ones both lines, from where they differ."""
    [short] = checked(notebook(stream("Accuracy 97.3 %")), notebook(stream("Accuracy 95.1 %")))
    assert str(short) == "cell 1 (a), stdout: 'Accuracy 97.3 %' became 'Accuracy 95.1 %'"
    lines = [f"step {i}, a word and another word, loss {i / 7:.4f}" for i in range(1000)]
    other = [*lines[:700], lines[700].replace("another", "no"), *lines[701:999], "no end"]
    [long] = checked(notebook(stream("\n".join(lines))), notebook(stream("\n".join(other))))
    assert str(long).splitlines() == [
        "cell 1 (a), stdout, line 701:",
        f"  stored: {lines[700]}",
        f"  new:    {other[700]}",
    ]
    one, two = ("y" * 5000 + end + "z" * 5000 for end in ("tea", "cup"))
    [wide] = checked(notebook(stream(one)), notebook(stream(two)))
    _, before, now = str(wide).splitlines()
    assert "ytea" in before
    assert "ycup" in now
    assert len(before) < 110
    [cut] = checked(notebook(stream("a\nb")), notebook(stream("a")))
    assert str(cut).endswith("stdout, line 2:\n  stored: b\n  new:    (no such line)")
    [odd] = checked(notebook(stream("x" * 50 + "\x1b[31m")), notebook(stream("x" * 50)))
    assert "\x1b" not in str(odd)


def test_printing_in_pieces_is_one_text():
    """Neither the pieces nor what was written to stderr between them matter; order does."""
    pieces = notebook(stream("a"), stream("oops", "stderr"), stream(["b\n", "c"]))
    assert not checked(pieces, notebook(stream("ab\nc\n")))
    assert not checked(notebook(stream("", "stdout")), notebook())
    assert not checked(notebook(stream("warned", "stderr")), notebook(stream("x", "stderr")))
    assert checked(pieces, notebook(stream("ab\n")))
    shown = display({"text/plain": "tea"})
    assert checked(notebook(stream("a"), shown), notebook(shown, stream("a")))
    two = (display({"text/plain": "tea"}), display({"text/plain": "cup"}))
    assert checked(notebook(*two), notebook(*reversed(two)))


def test_an_overwritten_line_is_what_a_terminal_shows():
    """A bar that was kept in all its states is the bar in its last state."""
    assert same(stream("10 %\r50 %\rdone\n"), stream("done\n"))
    assert not same(stream("10 %\r50 %\rdone\n"), stream("failed\n"))


def test_outputs_that_come_or_go_are_named():
    """More or fewer outputs, and of which kind."""
    [gone] = checked(notebook(stream("tea"), display({"image/png": png()})), notebook(stream("x")))
    assert gone.how == "stdout + image/png became stdout"
    [fails] = checked(notebook(), notebook(error("ValueError", "no tea")))
    assert fails.how == "nothing became ValueError: no tea"
    assert not same(stream("tea"), display({"text/plain": "tea"}))
    assert not same(stream("ValueError: tea"), error("ValueError", "tea"))


def test_errors_are_compared_by_name_and_message():
    """The frames are not compared."""
    raised = {**error("ValueError", "no tea"), "traceback": ["other", "frames"]}
    assert same(error("ValueError", "no tea"), raised)
    assert not same(error("ValueError", "no tea"), error("ValueError", "no cup"))
    assert not same(error("ValueError", "no tea"), error("KeyError", "no tea"))


TABLE = (
    "<style>#T_{0} td {{}}</style><div><p>{1}</p><table id='T_{0}'><tr><th></th><th>tea</th>"
    "<th>g</th></tr><tr><th>0</th><td>Assam</td><td>{2}</td></tr></table></div>"
)


def table(identity: str = "ab12c", title: str = "Teas", grams: object = 2.5) -> dict:
    """Return a table as pandas shows it."""
    return display({"text/html": TABLE.format(identity, title, grams), "text/plain": str(grams)})


def test_tables_are_compared_cell_by_cell():
    """Numbers within the tolerance, row and column named, and what stands beside the table."""
    assert same(table(), table("ff99e"))
    assert same(table(grams=2.5), table(grams=2.5000001))
    assert same(table(grams="2026-11-23 09:30:00"), table(grams="2026-11-24 19:30:00"))
    [found] = checked(notebook(table()), notebook(table(grams=2.6)))
    assert str(found) == "cell 1 (a), table, row 0, column g: '2.5' became '2.6'"
    [found] = checked(notebook(table()), notebook(table(title="Cups")))
    assert found.what.startswith("text beside the table")
    bigger = display({"text/html": TABLE.replace("</tr></table>", "<td>x</td></tr></table>")})
    assert not same(table(), bigger)


def test_a_table_that_has_changed_as_a_whole_is_not_listed_as_a_whole():
    """After some differences of a cell, the rest are counted."""

    def many(first: int) -> dict:
        rows = "".join(f"<tr><td>{n}</td><td>{n * n}</td></tr>" for n in range(first, first + 500))
        return display({"text/html": f"<table>{rows}</table>"})

    found = checked(notebook(many(0)), notebook(many(7)))
    assert 5 < len(found) < 20
    assert found[-1].how == f"{1000 - len(found) + 1} more differ"


def test_pictures_are_compared_by_pixels():
    """A shade nobody sees isn't one; a pixel is, unless so many may differ; so is another size."""
    white, nearly, spotted = png(), png("#fbfbfb"), png(spot=(0, 0, 0))

    def picture(value: str, plain: str = "<Figure>") -> dict:
        return display({"image/png": value, "text/plain": plain})

    assert same(picture(white), picture(white + "\n", "<Figure size 640x480>"))
    assert same(picture(white), picture(nearly))
    assert not same(picture(white), picture(spotted))
    assert same(picture(white), picture(spotted), pixel_tolerance=0.01)
    assert same(picture(white), picture(spotted), tolerance=0.01)
    assert not same(picture(white), picture(spotted), tolerance=0.01, pixel_tolerance=0.0)
    assert not same(picture(white), picture(png(size=(40, 31))), pixel_tolerance=1.0)
    assert not same(picture(white), picture("bm90IGEgcGljdHVyZQ=="))
    assert same(picture("bm8="), picture(["bm8=\n"]))


def test_other_kinds_of_content():
    """JSON by its content, a widget by its plain text, a metric by name, value and unit."""
    json = "application/vnd.plotly.v1+json"
    assert same(display({json: {"a": 1, "b": [1.0]}}), display({json: {"b": [1.0], "a": 1}}))
    assert not same(display({json: {"a": 1}}), display({json: {"a": 2}}))
    view = "application/vnd.jupyter.widget-view+json"

    def widget(model: str, plain: str) -> dict:
        return display({view: {"model_id": model}, "text/plain": plain})

    assert same(widget("0a", "IntSlider(value=3)"), widget("1b", "IntSlider(value=3)"))
    assert not same(widget("0a", "IntSlider(value=3)"), widget("0a", "IntSlider(value=4)"))
    kind = "application/vnd.fortnight.metric+json"
    stated = {"name": "accuracy", "value": 97.3, "unit": "%", "better": "higher"}
    assert same(display({kind: stated}), display({kind: {**stated, "value": 97.3000001}}))
    assert not same(display({kind: stated}), display({kind: {**stated, "value": 97.4}}))
    assert not same(display({kind: stated}), display({kind: {**stated, "unit": "EUR"}}))


def test_cells_are_matched_by_position():
    """Ids may differ, cells of text don't count, and the one with the parameters is left out."""
    cells = [Cell(f"c{n}", "code", "…", outputs=(stream(str(n)),)) for n in range(3)]
    text = Cell("t", "markdown", "# Tea")
    stored = Notebook((text, *cells))
    added = (
        Cell(INJECTED, "code", "x = 1", outputs=(stream("x"),)),
        Cell("p", "code", "x = 1", {"tags": [INJECTED]}, (stream("x"),)),
    )
    renamed = [Cell(f"d{n}", "code", "…", outputs=(stream(str(n)),)) for n in range(3)]
    for extra in added:
        assert not checked(stored, Notebook((extra, *renamed, text)))
        assert not checked(Notebook((text, extra, *cells)), Notebook(tuple(renamed)))
    assert [number for number, _, _ in paired(stored, stored)] == [2, 3, 4]
    [missing] = checked(stored, Notebook(tuple(renamed[:2])))
    assert (missing.cell, missing.cell_id, missing.what) == (4, "c2", "cell")


def test_only_wanted_cells_are_checked():
    """Which ones is asked of the caller, about the cell as it was stored."""
    tagged = notebook(stream("a"), tags=("check",))
    assert not check_outputs(tagged, notebook(stream("b")), lambda cell: "skip" in cell.tags)
    assert check_outputs(tagged, notebook(stream("b")), lambda cell: "check" in cell.tags)


plain = st.text(max_size=30) | st.sampled_from(["0x7f1c22aa41 took 3 s", "1,2", "<table><tr><td>"])
lines = plain | st.lists(plain, max_size=3)
kinds = st.sampled_from(["text/plain", "text/html", "image/png", "image/svg+xml", "text/latex"])
bundles = st.dictionaries(kinds, lines, max_size=3) | st.fixed_dictionaries(
    {"application/json": st.recursive(st.none() | st.floats() | plain, st.lists, max_leaves=4)}
)
outputs = st.one_of(
    st.builds(stream, lines, st.sampled_from(["stdout", "stderr"])),
    st.builds(display, bundles),
    st.builds(error, plain, plain),
)
counts = st.none() | st.integers(1, 9)
cells = st.builds(
    Cell,
    id=st.sampled_from(["", "a", "b", INJECTED]),
    kind=st.sampled_from(["code", "markdown"]),
    source=st.just("…"),
    outputs=st.lists(outputs, max_size=4).map(tuple),
    execution_count=counts,
)
notebooks = st.builds(Notebook, st.lists(cells, max_size=4).map(tuple))


@given(notebooks)
def test_a_notebook_does_not_differ_from_itself(random: Notebook):
    """Whatever its outputs are."""
    assert checked(random, random) == ()
    assert compare(random, random) == ("identical", ())


@given(notebooks)
def test_updating_with_what_was_there_changes_no_byte(random: Notebook):
    """Whatever the outputs are, and however they are split into lines."""
    for there in (random, Notebook(random.cells, random.metadata)):
        text = dump_notebook(updated(random, there, lambda cell: True))
        assert text == dump_notebook(random)


@given(notebooks, notebooks)
def test_what_was_updated_does_not_differ(random: Notebook, other: Notebook):
    """New outputs in the place of the old ones are the same as the new ones."""
    kept = updated(random, other, lambda cell: True)
    pairs = {id(cell) for _, cell, new in paired(kept, other) if new is not None}
    assert not check_outputs(kept, other, lambda cell: id(cell) in pairs)


def test_updating_changes_outputs_and_nothing_else():
    """Ids, tags, sources, metadata and missing execution counts stay, as do other cells."""
    result = {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": "1\n2"}}
    stored = Notebook(
        (
            Cell("", "code", "old", {"tags": ["x"]}, (stream("a"),)),
            Cell("b", "code", "…", outputs=(stream("b"),), execution_count=7),
            Cell("c", "code", "…", outputs=(stream("c"),)),
        ),
        {"kernelspec": {"name": "tea"}},
        4,
    )
    fresh = Notebook(
        (
            Cell(INJECTED, "code", "x = 1"),
            Cell("x", "code", "new", {}, ({**result, "execution_count": 3},), 3),
            Cell("y", "code", "…", outputs=(stream("new\nline"),), execution_count=4),
            Cell("z", "code", "…", outputs=(stream("new"),), execution_count=5),
        )
    )
    kept = updated(stored, fresh, lambda cell: cell.id != "c")
    assert [cell.id for cell in kept.cells] == ["", "b", "c"]
    assert (kept.metadata, kept.minor) == (stored.metadata, 4)
    assert (kept.cells[0].source, kept.cells[0].tags) == ("old", ("x",))
    assert kept.cells[0].execution_count is None
    assert kept.cells[0].outputs[0]["execution_count"] is None
    assert kept.cells[0].outputs[0]["data"]["text/plain"] == ["1\n", "2"]
    assert (kept.cells[1].execution_count, kept.cells[2]) == (4, stored.cells[2])
    assert updated(stored, fresh, ["c"]).cells[:2] == stored.cells[:2]
    assert updated(stored, fresh, [""]) == stored
    assert parse_notebook(dump_notebook(kept), Path("x")) == kept


def test_the_same_output_stays_as_it_is_written():
    """A text in one piece and the same in lines are no reason for a diff."""
    stored, fresh = notebook(stream("a\nb\n")), notebook(stream(["a\n", "b\n"]))
    assert dump_notebook(updated(stored, fresh, ["a"])) == dump_notebook(stored)


def test_a_difference_picture_has_both_and_where():
    """Any two sizes; red where they differ, and nowhere else."""
    from PIL import Image

    def red(one: str, other: str) -> int:
        picture = Image.open(io.BytesIO(difference_picture(one, other)))
        return picture.tobytes().count(bytes((220, 30, 30)))

    white = png()
    assert red(white, white) == red(white, png("#fbfbfb")) == 0
    assert red(white, png(spot=(0, 0, 0))) == 1
    assert red(white, png(size=(40, 32))) == 80
    assert red(png(size=(50, 10)), png(size=(10, 50))) == 800
    with pytest.raises(FortnightError, match="cannot be read"):
        difference_picture(white, "bm90IGEgcGljdHVyZQ==")


def test_the_figures_that_differ_have_names_for_files():
    """An id is made safe for a file; without one, the number is the name."""
    names = []
    for identity in ("../x", "", "fig-1"):
        pair = [
            Notebook(
                (
                    Cell(
                        identity,
                        "code",
                        "…",
                        outputs=(*same_figures, display({kind: last})),
                    ),
                )
            )
            for kind, last in (("image/png", png()), ("image/png", png("red")))
            for same_figures in [(display({"image/png": png()}),)]
        ]
        names += [(number, name) for number, name, _ in differing_figures(*pair, lambda cell: True)]
    assert names == [(1, "___x-2.png"), (1, "cell-1-2.png"), (1, "fig-1-2.png")]
    broken = [notebook(display({"image/png": value})) for value in (png(), "bm8=")]
    assert not list(differing_figures(*broken, lambda cell: True))
    assert checked(*broken)


def test_normalisers_of_other_packages(monkeypatch: pytest.MonkeyPatch):
    """They go first, in the order of their names; one that fails is named, with its package."""
    named = [EntryPoint(name, "builtins:ascii", normalisers.GROUP) for name in ("b", "a")]
    asked = []
    monkeypatch.setattr(normalisers, "entry_points", lambda group: asked.append(group) or named)
    assert installed_normalisers() == (ascii, ascii, *BUILT_IN)
    assert asked == ["fortnight.normalisers"]
    for value, why in (("nowhere:x", "No module"), ("math:pi", "cannot be called")):
        named[:] = [EntryPoint("tea", value, normalisers.GROUP)]
        with pytest.raises(FortnightError, match="tea") as raised:
            installed_normalisers()
        assert why in str(raised.value)


def test_a_normaliser_that_fails_is_named():
    """What it raises, or that it returns no text, is told instead of a traceback."""

    def faulty(text: str) -> str:
        return text[10**9]

    for normalise, why in ((faulty, "IndexError"), (len, "returned 3")):
        with pytest.raises(FortnightError, match=normalise.__name__) as raised:
            normalised("tea", [normalise])
        assert why in str(raised.value)
    assert normalised("tea", [Normaliser("teas", "tea", "cup"), str.upper]) == "CUP"


def test_a_file_of_nbval(tmp_path: Path):
    """Its pairs are read in their order, under whatever heading; a broken one has its line."""
    file = tmp_path / "sanitize.cfg"
    file.write_text(
        "[Dates]\nregex: \\d{1,2}/\\d{1,2}/\\d{2,4}\nreplace: DATE-STAMP\n\n"
        "regex: T\\d\nreplace: \n; regex: x\n[regex3]\nregex: (<\\w+ )\\w+(>)\nreplace: \\1X\\2\n"
    )
    found = read_file(file)
    assert [one.name for one in found] == ["Dates", "Dates", "regex3"]
    assert normalised("on 23/11/26 T7 <tea Assam>", found) == "on DATE-STAMP  <tea X>"
    assert same(stream("on 1/2/26"), stream("on 03/04/2026"), normalisers=found)
    assert not same(stream("on 1/2/26"), stream("at 03/04/2026"), normalisers=found)
    broken = (
        "regex: a",
        "regex: a\n\nreplace: b",
        "regex: (\nreplace: b",
        "regex: a\nreplace: \\1",
    )
    for text in broken:
        file.write_text(f"[x]\n{text}\n")
        with pytest.raises(FortnightError, match="cannot be used") as raised:
            read_file(file)
        assert raised.value.where == "sanitize.cfg, line 2"
    with pytest.raises(FortnightError, match="cannot be read"):
        read_file(tmp_path / "none")


PROVOKING = [
    "a",
    "1",
    "/a",
    "a/",
    "1:",
    "1,",
    "1.",
    "-",
    "0123abcd-",
    "~/",
    "0%|",
    "━",
    "━ 1",
    "\\",
]
PROVOKING += [
    "C:\\\\a",
    "In [",
    "1s 1s ",
    "took 3.",
    "Mon, 23 Nov ",
    "ipykernel_1/",
    "1/1 [=",
    "1 [",
]


@pytest.mark.parametrize("piece", PROVOKING)
def test_no_pattern_takes_forever(piece: str):
    """A megabyte made to provoke it takes seconds; one that is quadratic would take an hour."""
    text = piece * (1_000_000 // len(piece)) + " per loop /s [= ━ CPU times: :\\ In <ip"
    begun = time.process_time()
    normalised(text, BUILT_IN)
    assert time.process_time() - begun < 60


def test_a_megabyte_is_compared_in_linear_time():
    """A log in which every line differs by its time, and a table of numbers."""
    log = "\n".join(
        f"2026-11-23 09:30:{n % 60:02},{{}} INFO step {n} loss {n / 7}" for n in range(20_000)
    )
    numbers = "\n".join(" ".join(f"{n / m:.6f}" for m in range(7, 15)) for n in range(14_000))
    for one, other in ((log, log.replace("{}", "9")), (numbers, numbers + "1")):
        assert len(one) > 1_000_000
        begun = time.process_time()
        checked(notebook(stream(one.replace("{}", "1"))), notebook(stream(other)))
        assert time.process_time() - begun < 30
