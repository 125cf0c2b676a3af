"""Evidence in; model card and calibration report out. Read first: `rendering`, then `page`."""

from __future__ import annotations

from experiments.documents.rendering import render
from experiments.documents.subject import DocumentError

__all__ = ["DocumentError", "render"]
