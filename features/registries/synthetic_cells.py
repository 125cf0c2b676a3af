"""Cells of an exported file: how values become text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Texts = NDArray[np.object_]
Dates = NDArray[np.datetime64]


def text(values: Any, *, decimals: int | None = None, missing: Any = None) -> Texts:
    """Values as the cells of a file: fixed decimals, booleans as 0 and 1, dates in ISO, empty where missing."""
    array = np.asarray(values)
    if array.dtype.kind == "M":
        cells = np.where(np.isnat(array), "", np.datetime_as_string(array.astype("datetime64[D]"))).astype(object)
    elif array.dtype.kind == "b":
        cells = np.where(array, "1", "0").astype(object)
    elif array.dtype.kind in "OUS":
        cells = array.astype(object)
    else:
        cells = np.char.mod(f"%.{decimals or 0}f", array.astype(float)).astype(object)
        cells[~np.isfinite(array.astype(float))] = ""
    if missing is not None:
        cells[np.asarray(missing)] = ""
    return cells
