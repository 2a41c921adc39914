"""XML out of a parsed document, keeping prefixes, comments and processing instructions as they were.

`minidom` writes line feeds and tabs in attributes raw, and a reader then takes them for spaces; this writer does not.

Source: XML 1.0 (Fifth Edition), 2.2 "Characters", 2.4 and 3.3.3 "Attribute-Value Normalization".
"""

from __future__ import annotations

import re
from typing import Final
from xml.dom import minidom

_FORBIDDEN: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TEXT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE: Final = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


def escaped(text: str) -> str:
    """Element content; characters XML cannot say at all (controls, lone surrogates) become U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text).translate(_TEXT)


def serialised(node: minidom.Node) -> str:
    """A document or element as XML; CDATA sections become plain text."""
    match node:
        case minidom.Document():
            return "\n".join(serialised(child) for child in node.childNodes)
        case minidom.Text():
            return escaped(node.data)
        case minidom.Comment():
            return f"<!--{node.data}-->"
        case minidom.ProcessingInstruction():
            return f"<?{node.target} {node.data}?>"
        case minidom.Element():
            attributes = "".join(f' {a.name}="{_attribute(a.value)}"' for a in node.attributes.values())
            return f"<{node.tagName}{attributes}>{''.join(serialised(child) for child in node.childNodes)}</{node.tagName}>"
    return ""


def _attribute(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text).translate(_ATTRIBUTE)
