"""A secret is in nothing that is written down, however it was spelled there."""

import base64
import html
import io
import json
import os
import re
import struct
import time
import urllib.parse
import zlib
from datetime import date
from pathlib import Path

import matplotlib as mpl
import matplotlib.image
import matplotlib.pyplot as plt
import nbformat
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fortnight.notebook import Cell, Notebook, dump_notebook
from fortnight.secrets import MASK, Redactor, is_secret
from fortnight.settings import read_settings
from tests.conftest import SETTINGS

CANARY = "p4ss'w\"rd & <ü> ünd/+%\\n"
SPELLED = {
    "plain": str,
    "repr": repr,
    "ascii": ascii,
    "bytes": lambda text: repr(text.encode()),
    "repr in a repr": lambda text: repr(repr(text)),
    "repr with both quotes": lambda text: repr([f"'\"{text}"]),
    "JSON": json.dumps,
    "JSON with letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "HTML": html.escape,
    "HTML of a repr": lambda text: html.escape(repr(text)),
    "XML": lambda text: html.escape(text, quote=False),
    "URL": lambda text: urllib.parse.quote(text, safe=""),
    "URL's path": urllib.parse.quote,
    "form": urllib.parse.quote_plus,
    "query": lambda text: urllib.parse.urlencode({"q": text}),
    "small URL": lambda text: re.sub("%..", lambda code: code[0].lower(), urllib.parse.quote(text)),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "URL's base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode() * 1).decode(),
}
secrets = st.text(st.characters(exclude_categories=()), min_size=4, max_size=40)
secrets = secrets.filter(lambda text: len(text.strip()) >= 4 and MASK[0] not in text)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("api_token", True),
        ("PASSWORD", True),
        ("dbSecret", True),
        ("aws_key_id", True),
        ("pin", True),
        ("Pin", True),
        ("bank_2", True),
        ("seed", False),
        ("spin", False),
        ("bank_12", False),
        ("ｔｏｋｅｎ", True),
    ],
)
def test_names_of_secrets(name, secret):
    """The usual ones and those of the team, in whatever case and letters."""
    assert is_secret(name, ("pin", "bank_?")) is secret


def test_names_in_the_settings(tmp_path):
    """The team adds names in a section of their own; without one there are none."""
    (tmp_path / "settings.ini").write_text(SETTINGS + "[secrets]\nnames = pin, bank_*\n")
    assert read_settings(tmp_path).secrets == ("pin", "bank_*")
    (tmp_path / "settings.ini").write_text(SETTINGS)
    assert read_settings(tmp_path).secrets == ()


@pytest.mark.parametrize("spelling", SPELLED)
@pytest.mark.parametrize("secret", [CANARY, "hunter22", "a b\tc d", "日本語の秘密", "1\\2'3\"4"])
def test_spellings(spelling, secret):
    """However a program writes a secret, nothing of it stays, and all around it does."""
    spelled = SPELLED[spelling](secret)
    redacted = Redactor([secret]).redact(f"before {spelled} after")
    assert MASK in redacted
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")
    left = redacted.removeprefix("before").removesuffix("after").replace(MASK, "")
    assert set(left) <= set(" '\"[]\\b=q\n&#x27;quot34"), left


@given(secrets, st.sampled_from([*SPELLED]), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_stays(secret, spelling, before, after):
    """For whatever secret and spelling, the spelling isn't in what comes out."""
    try:
        spelled = SPELLED[spelling](secret)
    except UnicodeEncodeError:
        assume(False)
    redactor = Redactor([secret])
    redacted = redactor.redact(before + spelled + after)
    assert spelled not in redacted
    assert secret not in redacted
    assert redactor.redact(redacted) == redacted


@given(st.text("abcdefgh0123456789-_+/", min_size=4, max_size=30), st.data())
def test_a_secret_that_was_taken_apart(secret, data):
    """Colours, and the ends of lines where a terminal wraps, may stand between any letters."""
    gaps = ["", "", "\x1b[31m", "\x1b[0m\x1b[38;5;28;01m", "\n", "\n    ", " \r\n", "\x1b[1m\n"]
    letters = [letter + data.draw(st.sampled_from(gaps)) for letter in secret[:-1]] + [secret[-1]]
    assert Redactor([secret]).redact(f"<{''.join(letters)}>") == f"<{MASK}>"


def test_lines_of_a_secret():
    """Each line of a private key is a secret, as it is printed line by line."""
    key = "-----BEGIN KEY-----\nMIIEvQIBADAN\n  Bgkqhkiw0BAQ\n=\n-----END KEY-----\n"
    redactor = Redactor([key])
    printed = [f"{number}: {line!r}" for number, line in enumerate(key.splitlines())]
    assert "MII" not in redactor.redact("\n".join(printed))
    assert "Bgk" not in redactor.redact("\n".join(printed))
    assert "Bgk" not in redactor.redact(repr(key))
    assert redactor.redact("a = b") == "a = b"


def test_short_secrets_are_words():
    """A number of two digits is hidden where it stands alone, not inside of others."""
    redactor = Redactor([12, "xy"])
    text = "12, 120, 0.12, a12, -12, xyz xy, \x1b[31m1\x1b[0m2"
    wanted = f"{MASK}, 120, 0.{MASK}, a12, -{MASK}, xyz {MASK}, \x1b[31m{MASK}"
    assert redactor.redact(text) == wanted


def test_secrets_inside_of_values():
    """Lists, tuples, sets and dictionaries are made of secrets, keys included."""
    value = {
        "alice": ["wonder"],
        "n": (31337.5, {1234567}),
        "d": date(2026, 11, 16),
        "p": Path("/x/y"),
    }
    redacted = Redactor([value]).redact("alice wonder 31337.5 1234567 1,234,567 2026-11-16 /x/y")
    assert redacted == " ".join([MASK] * 7)


def test_longest_first():
    """A secret that begins with another one doesn't leave its end."""
    assert Redactor(["hunter", "hunter22"]).redact("hunter22 hunter") == f"{MASK} {MASK}"


@pytest.mark.parametrize("values", [[], [None], [True, False], [""], [[], {}]])
def test_nothing_to_hide(values):
    """Without secrets everything stays the same object, and nothing is looked at."""
    redactor = Redactor(values)
    text, data = "True None x" * 10, {"a": ["True"], "application/pdf": "x"}
    assert not redactor
    assert redactor.redact(text) is text
    assert redactor.redact_data(data) is data


def figure(**options: object) -> bytes:
    """Return a small PNG, drawn by matplotlib."""
    buffer = io.BytesIO()
    with mpl.rc_context({"backend": "agg"}):
        drawn = plt.figure(figsize=(1, 1), dpi=20)
        drawn.gca().plot([1, 2])
        drawn.savefig(buffer, **{"format": "png", **options})
        plt.close(drawn)
    return buffer.getvalue()


def with_chunk(picture: bytes, kind: bytes, content: bytes) -> bytes:
    """Return a PNG with one more chunk behind its header."""
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    chunk = struct.pack(">I", len(content)) + kind + content + checksum
    return picture[:33] + chunk + picture[33:]


def redacted_png(picture: bytes, secret: object = "hunter22") -> bytes:
    """Return what a redactor leaves of a PNG in an output."""
    output = {"data": {"image/png": base64.b64encode(picture).decode() + "\n"}}
    return base64.b64decode(Redactor([secret]).redact_data(output)["data"]["image/png"])


PLAIN = figure()
TOLD = {
    "a title": figure(metadata={"Title": "by hunter22"}),
    "UTF-8 in Latin-1's place": with_chunk(PLAIN, b"tEXt", "Title\0hunter22 ü".encode()),
    "a keyword": with_chunk(PLAIN, b"tEXt", b"hunter22\0x"),
    "a packed text": with_chunk(PLAIN, b"zTXt", b"a\0\0" + zlib.compress(b"hunter22")),
    "a text of the world": with_chunk(PLAIN, b"iTXt", b"a\0\0\0de\0b\0hunter22"),
    "a packed one": with_chunk(PLAIN, b"iTXt", b"a\0\1\0de\0b\0" + zlib.compress(b"hunter22")),
    "a camera's": with_chunk(PLAIN, b"eXIf", b"II*\0hunter22"),
    "a private chunk": with_chunk(PLAIN, b"prVt", b"\xff\xfehunter22"),
    "behind the end": PLAIN + b"hunter22",
}


@pytest.mark.parametrize("where", TOLD)
def test_texts_in_a_picture(where):
    """They go if they tell; the pixels and every other text stay."""
    cleaned = redacted_png(TOLD[where])
    assert b"hunter22" not in cleaned
    assert not any(b"hunter22" in unpacked(cleaned, place) for place in range(len(cleaned)))
    assert b"Software" in cleaned
    before, after = (matplotlib.image.imread(io.BytesIO(each)) for each in (PLAIN, cleaned))
    assert (before == after).all()


def unpacked(data: bytes, place: int) -> bytes:
    """Return what zlib makes of the bytes from a place on."""
    try:
        return zlib.decompressobj().decompress(data[place:], 10_000)
    except zlib.error:
        return b""


def test_a_picture_that_tells_nothing_stays_as_it_is():
    """To the byte, with the line ends of its base64; also beside a secret of one digit."""
    text = base64.encodebytes(PLAIN).decode()
    for secret in ("hunter22", 7):
        assert Redactor([secret]).redact_data({"image/png": text}) == {"image/png": text}
        lines = text.splitlines(keepends=True)
        assert Redactor([secret]).redact_data({"image/png": lines}) == {"image/png": lines}


def test_pictures_that_cannot_be_cleaned_go():
    """A comment in a JPEG, a PDF, a text that pretends to be a picture."""
    comment = b"\xff\xd8\xff\xfe\0\x0ahunter22\xff\xd9"
    data = {
        "image/jpeg": base64.b64encode(comment).decode(),
        "image/gif": "hunter22",
        "application/pdf": "JVBERi0=",
        "text/plain": "<Figure hunter22>",
    }
    assert Redactor(["hunter22"]).redact_data(data) == {"text/plain": f"<Figure {MASK}>"}


def test_a_notebook():
    """Sources, outputs of all types, keys, numbers and metadata; it stays a valid notebook."""
    svg = figure(format="svg", metadata={"Title": "hunter22", "Date": None}).decode()
    outputs = (
        {"output_type": "stream", "name": "stdout", "text": ["a hun\n", "ter22\n", "b"]},
        {
            "output_type": "error",
            "ename": "hunter22",
            "evalue": "hunter22",
            "traceback": ["\x1b[31mhunter\x1b[0m22", "b"],
        },
        {
            "output_type": "execute_result",
            "execution_count": 1234,
            "metadata": {"hunter22": {}},
            "data": {
                "image/png": base64.b64encode(TOLD["a title"]).decode(),
                "image/svg+xml": svg,
                "text/html": "<b>hunter22</b>",
                "application/json": {"hunter22": [1234, "hunter22", {"x": None}]},
                "text/plain": "hunter22",
            },
        },
    )
    code = Cell("a", "code", "x = 'hunter22'", {"tags": ["hunter22"]}, outputs, 1234)
    text = dump_notebook(Notebook((code,), {"fortnight": {"hunter22": "hunter22", "pin": 1234}}))
    content = Redactor(["hunter22", 1234]).redact_data(json.loads(text))
    nbformat.validate(content)
    assert "hunter22" not in json.dumps(content)
    assert content["metadata"]["fortnight"]["pin"] == MASK
    assert content["cells"][0]["execution_count"] == 1234
    assert content["cells"][0]["outputs"][0]["text"] == [f"a {MASK}\n", "b"]
    assert b"hunter22" not in base64.b64decode(
        content["cells"][0]["outputs"][2]["data"]["image/png"]
    )


@pytest.mark.parametrize("secret", ["data", "stream", "metadata", "text/plain", "code", "stdout"])
def test_a_secret_that_is_a_word_of_the_format(secret):
    """The notebook stays one, and what was printed is hidden all the same."""
    output = {"output_type": "stream", "name": "stdout", "text": secret}
    text = dump_notebook(Notebook((Cell("a", "code", secret, {}, (output,)),)))
    content = Redactor([secret]).redact_data(json.loads(text))
    nbformat.validate(content)
    assert content["cells"][0]["outputs"][0]["text"] == MASK
    assert content["cells"][0]["source"] == [MASK]


LARGE = 10_000_000 if os.environ.get("FORTNIGHT_SOAK") else 1_000_000
OUTPUTS = {
    "numbers": "0.12345 678.9\n" * (LARGE // 14),
    "wrapped": "a\n" * (LARGE // 2),
    "colours": "\x1b[31ma\x1b[0m" * (LARGE // 10),
    "spaces": "a" + " \t" * (LARGE // 2),
    "an open colour": "a\x1b[" + "0;" * (LARGE // 2),
    "nearly": "aaaaaaaab" * (LARGE // 9),
}


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("end", ["", "aaaa\naaaaac"])
def test_a_large_output(output, end):
    """The time grows with the size, however much it looks like the secret, found or not."""
    redactor = Redactor(["aaaaaaaaac", CANARY, 7])
    start = time.perf_counter()
    redacted = redactor.redact(OUTPUTS[output] + end)
    assert time.perf_counter() - start < 3e-6 * LARGE
    assert redacted.endswith(MASK if end else OUTPUTS[output][-9:])
