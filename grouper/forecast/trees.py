"""Whether a file of trees is one that can be asked: checked before the library reads it.

The library trusts a model's numbers: a child that is no node, a feature beyond the last, a list
shorter than the tree sends it outside its memory. Here they are looked at one by one; what is not
as this package's own models are is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.ubjson import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_FLOATS = ("base_weights", "loss_changes", "split_conditions", "sum_hessian")
_WHOLE = ("left_children", "right_children", "parents", "split_indices")
_FLAGS = ("default_left", "split_type")
_CATEGORIES = (*("categories", "categories_nodes", "categories_segments", "categories_sizes"),)
_NUMERIC = {"float", "int", "i", "q"}
_LEAST_VERSION = 3
_SUM = "reg:squarederror"
"""The objective whose answer is the plain sum of the trees."""
_NOBODY = 2**31 - 1
"""The parent of a tree's first node."""


def check(raw: bytes, features: int) -> None:
    """Look at a model of trees as xgboost writes it in UBJSON.

    Args:
        raw: the file.
        features: how many it has to ask for.

    Raises:
        ValueError: it is none, or not one that can be asked safely.
    """
    try:
        _document(loads(raw), features)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        msg = "not the form of a model"
        raise ValueError(msg) from error


def only(document: Mapping[str, Any], place: int) -> dict[str, Any]:
    """A model of several answers cut down to the trees of one: it adds up what they added up to.

    Args:
        document: a model that :func:`check` lets through, as xgboost writes it in JSON.
        place: of the answer.
    """
    learner = document["learner"]
    booster = learner["gradient_booster"]
    model = booster["model"]
    own = [tree for tree, at in zip(model["trees"], model["tree_info"], strict=True) if at == place]
    shape = learner["learner_model_param"]
    base = shape["base_score"].strip("[]").split(",")[place]
    cut = {
        **model,
        "gbtree_model_param": model["gbtree_model_param"] | {"num_trees": str(len(own))},
        "iteration_indptr": list(range(len(own) + 1)),
        "tree_info": [0] * len(own),
        "trees": [{**tree, "id": number} for number, tree in enumerate(own)],
    }
    return {
        **document,
        "learner": {
            **learner,
            "gradient_booster": {**booster, "model": cut},
            "learner_model_param": shape | {"base_score": f"[{base}]", "num_target": "1"},
            "objective": {"name": _SUM, "reg_loss_param": {}},
        },
    }


def _document(document: Mapping[str, Any], features: int) -> None:
    version = document["version"]
    _must(len(version) == 3 and int(version[0]) >= _LEAST_VERSION, "version")  # noqa: PLR2004
    learner = document["learner"]
    names, kinds = learner["feature_names"], learner["feature_types"]
    _must(len(names) in {0, features}, "feature_names")
    _must(len(kinds) in {0, features} and set(kinds) <= _NUMERIC, "feature_types")
    _must(all(isinstance(one, str) for one in names), "feature_names")
    shape = learner["learner_model_param"]
    _must(_number(shape["num_feature"]) == features, "num_feature")
    answers = max(_number(shape["num_target"]), _number(shape["num_class"]), 1)
    base = [float(one) for one in shape["base_score"].strip("[]").split(",")]
    _must(len(base) == answers and bool(np.isfinite(base).all()), "base_score")
    objective = learner["objective"]
    _must(isinstance(objective["name"], str), "objective")
    alphas = objective.get("quantile_loss_param", {}).get("quantile_alpha")
    if alphas is not None:
        _must(len(alphas.strip("[]").split(",")) == answers, "quantile_alpha")
    booster = learner["gradient_booster"]
    _must(booster["name"] == "gbtree", "booster")
    _model(booster["model"], features, answers)


def _model(model: Mapping[str, Any], features: int, answers: int) -> None:
    trees = model["trees"]
    count = _number(model["gbtree_model_param"]["num_trees"])
    _must(len(trees) == count, "num_trees")
    _must(_number(model["gbtree_model_param"]["num_parallel_tree"]) == 1, "num_parallel_tree")
    answer = np.array(model["tree_info"], np.int64)
    _must(answer.shape == (count,), "tree_info")
    _must(bool(((answer >= 0) & (answer < answers)).all()), "tree_info")
    rounds = np.array(model["iteration_indptr"], np.int64)
    _must(len(rounds) > 0 and rounds[0] == 0 and rounds[-1] == count, "iteration_indptr")
    _must(bool((np.diff(rounds) >= 0).all()), "iteration_indptr")
    # No categories of the library's own: words are numbers here.
    _must(all(not len(values) for values in model.get("cats", {}).values()), "cats")
    for place, tree in enumerate(trees):
        _must(tree["id"] == place, "id")
        _tree(tree, features)


def _tree(tree: Mapping[str, Any], features: int) -> None:
    shape = tree["tree_param"]
    nodes = _number(shape["num_nodes"])
    _must(nodes >= 1 and _number(shape["num_deleted"]) == 0, "num_nodes")
    _must(_number(shape["num_feature"]) == features, "num_feature")
    _must(_number(shape["size_leaf_vector"]) <= 1, "size_leaf_vector")
    for names, kind in ((_FLOATS, "f4"), (_WHOLE, "i4"), (_FLAGS, "u1")):
        for name in names:
            _must(tree[name].shape == (nodes,) and tree[name].dtype.str[1:] == kind, name)
    for name in _CATEGORIES:
        _must(len(tree[name]) == 0, name)
    left, right = (tree[name].astype(np.int64) for name in _WHOLE[:2])
    inner = left >= 0
    _must(bool((inner == (right >= 0)).all()), "children")
    _must(bool((left[~inner] == -1).all() and (right[~inner] == -1).all()), "children")
    _linked(left, right, inner, tree["parents"].astype(np.int64))
    asked = tree["split_indices"][inner]
    _must(bool(((asked >= 0) & (asked < features)).all()), "split_indices")
    _must(not tree["split_type"].any(), "split_type")
    _must(bool((tree["default_left"] <= 1).all()), "default_left")
    _must(not bool(np.isnan(tree["split_conditions"]).any()), "split_conditions")


def _linked(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    inner: NDArray[np.bool_],
    parents: NDArray[np.int64],
) -> None:
    """Every node but the first is the child of one earlier node, so each way ends in a leaf."""
    above = np.flatnonzero(inner)
    children = np.concatenate([left[inner], right[inner]])
    owners = np.concatenate([above, above])
    _must(bool((children > owners).all()), "children")
    order = np.argsort(children)
    _must(np.array_equal(children[order], np.arange(1, len(left))), "children")
    _must(np.array_equal(parents[1:], owners[order]), "parents")
    _must(int(parents[0]) in {_NOBODY, -1}, "parents")


def _number(written: Any) -> int:  # noqa: ANN401 -- as the document has it
    found = int(written)
    _must(found >= 0, "number")
    return found


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
