"""A page in one file: its policy names what is in it, and nothing that a run says breaks it."""

from __future__ import annotations

import base64
import hashlib
import re

from aurl.show.page import Section, page


def test_the_policy_allows_what_the_page_carries_and_no_more() -> None:
    text = page("mine", "<h1>mine</h1>", [Section("First part", "<p>one</p>", 1), Section("Empty", "")])
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        [content] = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in text
    assert "unsafe" not in text
    assert "default-src 'none'" in text
    assert '<a href="#first-part">First part</a>' in text
    assert "Empty" not in text


def test_a_lone_surrogate_in_a_name_spoils_no_page() -> None:
    """File names of other encodings hold them; the comparison's page could not be written with one."""
    text = page("run\udc80", "", [Section("part\udc80", "<p>x</p>")])
    assert "run?" in text.encode().decode()
