"""XMP: properties as a packet or merged into one, and the properties of a packet read by namespace, not prefix.

Packets are hostile XML. Document type declarations are refused before anything is expanded, so there are no entities but the
five of XML itself; size, depth and number of elements are bounded.

Source: XMP Specification Part 1 (ISO 16684-1). Which properties declare a generation is `provenance.metadata.disclosure`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Final, NamedTuple
from xml.dom import minidom
from xml.parsers import expat

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_FIELD_BYTES
from provenance.metadata.xml_text import escaped, serialised

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC_EXTENSION: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
XMP_BASIC: Final = "http://ns.adobe.com/xap/1.0/"
XMP_MEDIA: Final = "http://ns.adobe.com/xap/1.0/mm/"
PHOTOSHOP: Final = "http://ns.adobe.com/photoshop/1.0/"
TC260: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"
PLUS: Final = "http://ns.useplus.org/ldf/xmp/1.0/"
TDM: Final = "http://www.w3.org/ns/tdmrep/"
DUBLIN_CORE: Final = "http://purl.org/dc/elements/1.1/"
_XMLNS: Final = "http://www.w3.org/2000/xmlns/"
_PREFIXES: Final = {
    IPTC_EXTENSION: "Iptc4xmpExt",
    XMP_BASIC: "xmp",
    XMP_MEDIA: "xmpMM",
    PHOTOSHOP: "photoshop",
    TC260: "TC260",
    PLUS: "plus",
    TDM: "tdm",
    DUBLIN_CORE: "dc",
}
_LANGUAGE_ALTERNATIVES: Final = frozenset({(PLUS, "OtherConstraints")})
"""Properties that hold one text for each language; ours is in none in particular."""

MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 50_000
_MAX_PROPERTIES: Final = 512
_HEAD: Final = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL: Final = '\n<?xpacket end="w"?>'


class Property(NamedTuple):
    """A simple property: namespace URI, local name, text."""

    namespace: str
    name: str
    value: str

    @property
    def label(self) -> str:
        """The name with its customary prefix, such as "Iptc4xmpExt:DigitalSourceType"."""
        return f"{_PREFIXES.get(self.namespace, self.namespace)}:{self.name}"


def packet(declared: Sequence[Property]) -> bytes:
    """A packet that says `declared` and nothing else."""
    spaces = dict.fromkeys(p.namespace for p in declared)
    declarations = "".join(f' xmlns:{_PREFIXES[space]}="{space}"' for space in spaces)
    elements = "".join(f"<{p.label}>{_content(p)}</{p.label}>" for p in declared)
    # Laid out as a later merge would lay it out, so that writing again changes nothing.
    body = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description xmlns:rdf="{RDF}" rdf:about=""{declarations}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    )
    return (_HEAD + body + _TAIL).encode("utf-8")


def edited(existing: bytes, put: Sequence[Property], drop: Set[tuple[str | None, str | None]] = frozenset()) -> bytes:
    """`existing` with `put` in place of its own properties of the same names, and without `drop`; the rest is kept.

    Args:
        existing: A packet.
        put: Properties to set.
        drop: Namespace URI and local name of each property to take out.

    Raises:
        AssetUnreadable: `existing` cannot be parsed, so what it says could not be kept.
    """
    read(existing)
    try:
        document = minidom.parseString(_trimmed(existing))  # noqa: S318 - `read` has refused DTDs, depth and size
    except (expat.ExpatError, ValueError, LookupError) as err:
        raise AssetUnreadable(f"not well-formed XML: {err}") from err
    found = document.getElementsByTagNameNS(RDF, "RDF")
    if not found:
        raise AssetUnreadable("the XMP packet has no rdf:RDF")
    root = found[0]
    names: set[tuple[str | None, str | None]] = {(p.namespace, p.name) for p in put} | set(drop)
    about = ""
    for description in [node for node in root.childNodes if isinstance(node, minidom.Element)]:
        if (description.namespaceURI, description.localName) != (RDF, "Description"):
            continue
        about = description.getAttributeNS(RDF, "about") or about
        _drop(description, names)
        if not _says_anything(description):
            root.removeChild(description)
    if put:
        root.appendChild(_description(document, put, about))
    text = serialised(document)
    return (text if text.startswith("<?xpacket") else _HEAD + text + _TAIL).encode("utf-8")


def _description(document: minidom.Document, put: Sequence[Property], about: str) -> minidom.Element:
    added = document.createElement("rdf:Description")
    added.setAttribute("xmlns:rdf", RDF)  # the packet may call it something else
    added.setAttribute("rdf:about", about)
    for prop in put:
        added.setAttribute(f"xmlns:{_PREFIXES[prop.namespace]}", prop.namespace)
        element = holder = document.createElement(prop.label)
        if (prop.namespace, prop.name) in _LANGUAGE_ALTERNATIVES:
            alternatives, holder = document.createElement("rdf:Alt"), document.createElement("rdf:li")
            holder.setAttribute("xml:lang", "x-default")
            alternatives.appendChild(holder)
            element.appendChild(alternatives)
        holder.appendChild(document.createTextNode(prop.value))
        added.appendChild(element)
    return added


def _content(prop: Property) -> str:
    if (prop.namespace, prop.name) in _LANGUAGE_ALTERNATIVES:
        return f'<rdf:Alt><rdf:li xml:lang="x-default">{escaped(prop.value)}</rdf:li></rdf:Alt>'
    return escaped(prop.value)


def read(existing: bytes) -> tuple[Property, ...]:
    """Properties in the namespaces we know, whatever their prefix, written as attributes or as elements, in order.

    Raises:
        AssetUnreadable: It is no well-formed XML, has a document type declaration, or is over a limit.
    """
    if len(existing) > MAX_FIELD_BYTES:
        raise AssetUnreadable(f"an XMP packet of {len(existing)} bytes, the limit is {MAX_FIELD_BYTES}")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(_trimmed(existing), True)
    except (expat.ExpatError, ValueError, LookupError) as err:  # the latter two from encodings that Python looks up
        raise AssetUnreadable(f"not well-formed XML: {err}") from err
    return tuple(reader.found)


class _Reader:
    def __init__(self) -> None:
        self.found: list[Property] = []
        self._open: list[tuple[str, str, list[str]] | None] = []
        self._elements = 0

    def doctype(self, *_: object) -> None:
        raise AssetUnreadable("a document type declaration in an XMP packet")

    def start(self, qualified: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            raise AssetUnreadable(f"more than {MAX_ELEMENTS} elements, or deeper than {MAX_DEPTH}")
        space, name = _split(qualified)
        texts: list[str] = []
        self._open.append((space, name, texts) if space in _PREFIXES else None)
        for key, value in attributes.items():
            key_space, key_name = _split(key)
            if key_space in _PREFIXES:
                self._add(key_space, key_name, value)
            elif (key_space, key_name) == (RDF, "resource"):
                texts.append(value)

    def text(self, data: str) -> None:
        # Text inside rdf:Alt, rdf:Bag and rdf:li belongs to the property around them.
        for element in reversed(self._open):
            if element is not None:
                element[2].append(data)
                return

    def end(self, _: str) -> None:
        element = self._open.pop()
        if element is not None:
            self._add(element[0], element[1], "".join(element[2]))

    def _add(self, space: str, name: str, value: str) -> None:
        if value.strip() and len(self.found) < _MAX_PROPERTIES:
            self.found.append(Property(space, name, value.strip()))


def _split(qualified: str) -> tuple[str, str]:
    space, _, name = qualified.rpartition(" ")
    return space, name


def _trimmed(existing: bytes) -> bytes:
    """Without padding: some writers fill the packet up with NUL bytes, and an XML declaration must come first."""
    if existing[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return existing  # UTF-16, in which NUL bytes are half of most characters
    return re.sub(rb"\A[\x00\s]+(?=<)", b"", existing).rstrip(b"\x00")


def _drop(description: minidom.Element, names: Set[tuple[str | None, str | None]]) -> None:
    for child in list(description.childNodes):
        if isinstance(child, minidom.Element) and (child.namespaceURI, child.localName) in names:
            description.removeChild(child)
    for attribute in list(description.attributes.values()):
        if (attribute.namespaceURI, attribute.localName) in names:
            description.removeAttributeNode(attribute)


def _says_anything(description: minidom.Element) -> bool:
    if any(isinstance(child, minidom.Element) for child in description.childNodes):
        return True
    return any(a.namespaceURI != _XMLNS and a.localName != "about" for a in description.attributes.values())
