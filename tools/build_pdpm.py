"""Build the PDPM books (a maintainer's step).

Usage: python tools/build_pdpm.py FACTS_FOLDER PYPDPM_DATA_FOLDER

The second folder is ``PyPDPM/data`` of the source release PyPDPM 0.0.5.22 (MIT licence), which
carries the CMS map of ICD-10-CM codes whole; the facts leave out the codes that are returned to the
provider.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

from pdpm import jinhua, us
from pdpm.sources import Sources

from codebooks import paths
from codebooks.storage import write_book


def main() -> None:
    """Write every PDPM book anew."""
    sources = Sources(Path(sys.argv[1]), Path(sys.argv[2]))
    for book in (*us.books(sources), jinhua.book(sources)):
        folder = paths.shipped() / "schemes" / book.card.id
        shutil.rmtree(folder, ignore_errors=True)
        write_book(book, folder)
        print(book.card.id, book.counts())
        print("  basis", dict(Counter(book.tables["diagnoses"].column("basis").to_pylist())))


if __name__ == "__main__":
    main()
