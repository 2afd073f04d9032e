"""What a request that changes something has to show beside the cookie; only two routes may be asked to at all.

A page of another site can have a browser send a POST with this server's cookie (CSRF) where the cookie's own rules
fail. So a writing request must be JSON (which no form can send), come from a page of this very origin, and carry a
secret that only such a page can have read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

PATHS = frozenset({"/api/annotate", "/api/trash"})
HEADER = "x-aurl-csrf"
MOST_BYTES = 512 * 1024


def secret_of(cookie: str) -> str:
    """What pages show beside the cookie; it cannot be turned back into it."""
    return hmac.new(cookie.encode(), b"aurl csrf", hashlib.sha256).hexdigest()


def refusal(headers: Mapping[str, Sequence[str]], secret: str) -> tuple[int, str] | None:
    """Why a writing request is not served, as status and words; None lets it in.

    Args:
        headers: by name in lower case, each with all its values; the Host has been checked.
    """
    host = headers.get("host", [""])[0]
    kind = headers.get("content-type", [""])
    given = headers.get(HEADER, [""])
    length = headers.get("content-length", [""])
    sized = len(length) == 1 and length[0].isdecimal() and not headers.get("transfer-encoding")
    rules = (
        (
            headers.get("origin", []) in ([f"http://{host}"], [f"https://{host}"]),
            (403, "only a page of this server may change something: the Origin header must name it"),
        ),
        (
            headers.get("sec-fetch-site", ["same-origin"]) == ["same-origin"],
            (403, "requests of other sites are not served"),
        ),
        (
            len(kind) == 1 and kind[0].partition(";")[0].strip().lower() == "application/json",
            (415, "content-type: application/json is taken here"),
        ),
        (
            len(given) == 1 and hmac.compare_digest(given[0].encode(), secret.encode()),
            (403, f"the {HEADER} header is missing or old; load the page again"),
        ),
        (sized, (411, "a Content-Length is needed")),
        (sized and int(length[0][:12]) <= MOST_BYTES, (413, f"more than {MOST_BYTES} bytes")),
    )
    return next((found for holds, found in rules if not holds), None)
