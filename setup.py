"""What the build adds to pyproject.toml: a wheel that matches its notebooks."""

import shutil
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()


class BuildFromNotebooks(build_py):
    """Packs modules that match their notebooks, and the seeds of new workspaces."""

    def run(self) -> None:
        """Build the package, unless it would not be what the notebooks say."""
        if self.editable_mode:
            super().run()
            return
        self._check_drift()
        super().run()
        for listing in ROOT.glob("pkg/*/templates/seeds.txt"):
            package = listing.parents[1].name
            for line in listing.read_text(encoding="utf-8").splitlines():
                if line and not line.startswith("#"):
                    target = Path(self.build_lib, package, "seeds", line)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(ROOT / line, target)

    def _check_drift(self) -> None:
        sys.path.insert(0, str(ROOT / "pkg"))  # fortnight builds itself with itself
        try:
            from fortnight.export import find_drift
            from fortnight.settings import read_settings
        except ImportError as error:
            sys.exit(f"{error}: build in what `make` sets up, with --no-build-isolation")
        if drifts := find_drift(read_settings(ROOT)):
            listed = "\n".join(f"  {drift}" for drift in drifts)
            sys.exit(f"The package differs from its notebooks:\n{listed}\nRun: fortnight export")


class WithDataFiles(Distribution):
    """Lets an editable install bring its data files too: setuptools asks for them by this name."""

    has_data = Distribution.has_data_files


KERNEL = Path("kernelspec", "kernel.json")  # where Jupyter looks for the kernel called fortnight
FILES = [("share/jupyter/kernels/fortnight", [str(KERNEL)])] if (ROOT / KERNEL).is_file() else []

setup(cmdclass={"build_py": BuildFromNotebooks}, distclass=WithDataFiles, data_files=FILES)
