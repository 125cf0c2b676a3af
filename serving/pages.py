"""The pages a person opens: plain HTML made on the server, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from typing import Any

from serving.desk import Desk
from serving.predictor import label_of

_STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}code,pre{font:.875rem/1.45 ui-monospace,monospace}
pre{background:#f4f4f4;border:1px solid #ddd;padding:.75rem;overflow:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}a{color:#0b4f8a}
a:focus-visible{outline:3px solid #0b4f8a;outline-offset:2px}
@media (prefers-color-scheme:dark){body{color:#eee;background:#161616}pre{background:#222;border-color:#444}
a{color:#8ec7ff}}
"""
# The style is allowed by its digest, so that no other can be slipped in.
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Released documents carry their own style and drawings; no script, no request, no frame around them.
DOCUMENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def front_page(desk: Desk) -> bytes:
    """Which models answer here, for whom, by when, and where their papers are."""
    rows = []
    for served in desk.models:
        identity = served.identity()
        at = f"/v1/models/{escape(served.reference)}"
        horizons = ", ".join(label_of(days) for days in served.horizons)
        rows.append(
            f'<tr><th scope="row"><a href="{at}">{escape(served.reference)}</a></th>'
            f"<td>{escape(str(served.endpoint['title']))}<br>"
            f"from {escape(str(served.endpoint['time_zero']))}; {escape(horizons)}</td>"
            f"<td>{escape(identity['status'])}<br>{escape(identity['developed_on'])}</td>"
            f'<td><a href="{at}/card">card</a> · <a href="{at}/calibration-report">calibration report</a> · '
            f'<a href="{at}/schema">schema</a></td></tr>'
        )
    table = (
        '<table><thead><tr><th scope="col">Model</th><th scope="col">Question</th><th scope="col">Standing</th>'
        f'<th scope="col">Papers</th></tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )
    return _page(
        "spinecast",
        "<h1>spinecast</h1><p>Risks over time for one patient, from models that were judged before they were released. "
        "A model informs a decision; it does not take it. "
        f'Read the card before you use a number.</p>{table}<p>For programs: <a href="/docs">the interface</a>, '
        '<a href="/openapi.json">as OpenAPI 3.1</a>.</p>',
    )


def docs_page(document: Mapping[str, Any]) -> bytes:
    """The interface for a person, from the OpenAPI document alone."""
    info = document["info"]
    parts = [f"<h1>{escape(info['title'])}: the interface</h1><p>{escape(info['description'])}</p>"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}.</p>")
            parts += [_content("Request", operation["requestBody"]["content"])] if "requestBody" in operation else []
            answers = "".join(
                f'<tr><th scope="row">{status}</th><td>{escape(answer["description"])}</td>'
                f"<td>{escape(', '.join(answer.get('content', {})))}</td></tr>"
                for status, answer in operation["responses"].items()
            )
            head = "".join(f'<th scope="col">{title}</th>' for title in ("Status", "Meaning", "Type"))
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{answers}</tbody></table>")
    parts.append("<h2>Schemas</h2>")
    parts += [f"<h3>{escape(name)}</h3>{_pre(schema)}" for name, schema in document["components"]["schemas"].items()]
    return _page(f"{info['title']}: the interface", "".join(parts))


def _content(title: str, content: Mapping[str, Any]) -> str:
    media = content["application/json"]
    return f"<h3>{title}: complete example</h3>{_pre(media['example'])}<h3>{title}: schema</h3>{_pre(media['schema'])}"


def _pre(value: Any) -> str:
    return f'<pre tabindex="0">{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>'


def _page(title: str, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>"
    ).encode()
