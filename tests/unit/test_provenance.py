"""Where a run comes from, in repositories that are not as tidy as one would like."""

import subprocess
from pathlib import Path

from fortnight.provenance import commit_of

NAME = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


def git(root: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", *NAME, *arguments], cwd=root, check=True, capture_output=True)


def test_changes_in_any_encoding(tmp_path):
    """A change to a text that is not UTF-8 has a hash of its own; undone, there is none."""
    tea = tmp_path / "tea.csv"
    git(tmp_path, "init", "-q")
    tea.write_text("grün", encoding="latin-1")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "tea")
    found = []
    for text in ("grün", "weiß", "schwärzlich", "grün"):
        tea.write_text(text, encoding="latin-1")
        found.append(commit_of(tmp_path))
    commits, hashes = zip(*found, strict=True)
    assert len(set(commits)) == 1
    assert hashes[0] == hashes[3] == ""
    assert len({*hashes}) == 3
