"""One module is imported with a fault in it, all others as they are."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import CodeType, ModuleType


class _Loader(SourceFileLoader):
    """A file's module from another text; nothing of it is written to a cache."""

    def __init__(self, name: str, path: str, text: bytes) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.get_filename(fullname), "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    """Finds one module, with another text than its file has."""

    def __init__(self, root: Path, module: str, text: bytes) -> None:
        self._name = module.removesuffix(".py").replace("/", ".")
        self._path = root / module
        self._loader = _Loader(self._name, str(self._path), text)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the protocol's
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's
    ) -> ModuleSpec | None:
        """The spec of this module; of every other one nothing."""
        if fullname != self._name:
            return None
        return spec_from_file_location(fullname, self._path, loader=self._loader)


def install(root: Path, module: str, text: bytes) -> None:
    """From now on a module is imported with this text.

    Args:
        root: the folder the module's path is relative to.
        module: path of its file.
        text: the bytes instead of the file's.

    Raises:
        RuntimeError: it is imported already, so the fault would not be seen.
    """
    finder = Finder(root, module, text)
    if finder._name in sys.modules:  # noqa: SLF001 - its own
        raise RuntimeError(f"{module} is imported already")
    sys.meta_path.insert(0, finder)
