"""Evidence in; model card and calibration report out. Read first: `rendering`, then `page`."""

from __future__ import annotations

from experiments.documents.rendering import declared_json, render
from experiments.documents.subject import DocumentError

__all__ = ["DocumentError", "declared_json", "render"]
