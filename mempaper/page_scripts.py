"""Sphinx extension: each inline script once a page.

Sphinx writes scripts without a file twice if an extension adds them while documents are read; the
second copy of ``const ...`` is an error in every browser's console.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def _once(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Drop inline scripts that are on the page already."""
    seen: set[str] = set()
    kept = []
    for script in context["script_files"]:
        body = getattr(script, "attributes", {}).get("body")
        if body is None or body not in seen:
            kept.append(script)
        if body is not None:
            seen.add(body)
    context["script_files"] = kept


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", _once)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
