"""The terms of an ontology in OWL (RDF/XML) or as obographs JSON, read as a stream.

XML entities are refused (no expansion bombs, no outside files) and a document is never held whole.
IRIs become CURIEs: `http://purl.obolibrary.org/obo/HP_0000118` is `HP:0000118`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from beacon.loading import json_stream
from beacon.loading.json_stream import MalformedJson

MAX_XML_DEPTH = 100
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_RDFS = "{http://www.w3.org/2000/01/rdf-schema#}"
_OWL = "{http://www.w3.org/2002/07/owl#}"
_OBO = "{http://www.geneontology.org/formats/oboInOwl#}"
_LOCAL = re.compile(r"^([A-Za-z][A-Za-z0-9.]*)_([A-Za-z0-9.-]+)$")
_THESAURUS = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#"


@dataclass(frozen=True, slots=True)
class OntologyTerm:
    id: str
    label: str
    parents: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    former: tuple[str, ...] = ()


class MalformedOntology(ValueError):
    """The file is not what its name says; `expected` is for its operator."""

    def __init__(self, expected: str, *, where: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.where = where


def curie(iri: str) -> str:
    """The CURIE of an IRI; what is one already, or cannot be one, stays as it is."""
    if iri.startswith(_THESAURUS):
        return f"NCIT:{iri.removeprefix(_THESAURUS)}"
    local = re.split(r"[#/]", iri)[-1] if "://" in iri else iri
    found = _LOCAL.match(local)
    return f"{found[1]}:{found[2]}" if found else local


def owl(stream: BinaryIO) -> Iterator[OntologyTerm]:
    """Named classes that stand directly under `rdf:RDF`. Raises `MalformedOntology`."""
    depth, root = 0, None
    try:
        for event, element in iterparse(stream, events=("start", "end"), forbid_entities=True):
            if event == "start":
                depth += 1
                root = element if root is None else root
                if depth > MAX_XML_DEPTH:
                    raise MalformedOntology(f"at most {MAX_XML_DEPTH} levels of XML")
                continue
            depth -= 1
            if depth == 1 and root is not None:
                yield from _owl_class(element)
                root.clear()
    except DefusedXmlException as refused:
        raise MalformedOntology(
            "OWL without XML entities (robot convert writes it so)"
        ) from refused
    except (ParseError, ValueError) as broken:
        if isinstance(broken, MalformedOntology):
            raise
        raise MalformedOntology("well-formed OWL in RDF/XML") from broken
    if root is None or root.tag != f"{_RDF}RDF":
        raise MalformedOntology("OWL in RDF/XML")


def _owl_class(element: Element) -> Iterator[OntologyTerm]:
    iri = element.get(f"{_RDF}about")
    if element.tag != f"{_OWL}Class" or iri is None:
        return
    if any((each.text or "").strip() == "true" for each in element.iterfind(f"{_OWL}deprecated")):
        return
    above = (each.get(f"{_RDF}resource") for each in element.iterfind(f"{_RDFS}subClassOf"))
    yield OntologyTerm(
        id=curie(iri),
        label=(element.findtext(f"{_RDFS}label") or "").strip(),
        parents=tuple(curie(each) for each in above if each),
        synonyms=_texts(element, f"{_OBO}hasExactSynonym"),
        former=_texts(element, f"{_OBO}hasAlternativeId"),
    )


def _texts(element: Element, tag: str) -> tuple[str, ...]:
    return tuple(text for each in element.iterfind(tag) if (text := (each.text or "").strip()))


def obograph(nodes: BinaryIO, edges: BinaryIO) -> Iterator[OntologyTerm]:
    """Classes of every graph; both streams are the same file, from its beginning. Raises
    `MalformedOntology`."""
    parents: dict[str, list[str]] = defaultdict(list)
    try:
        for edge in json_stream.items(edges, "graphs.item.edges.item"):
            if _text(edge, "pred") == "is_a":
                parents[_text(edge, "sub")].append(curie(_text(edge, "obj")))
        for node in json_stream.items(nodes, "graphs.item.nodes.item"):
            yield from _node(node, parents)
    except MalformedJson as broken:
        raise MalformedOntology("an obographs JSON document") from broken


def _node(node: object, parents: dict[str, list[str]]) -> Iterator[OntologyTerm]:
    iri = _text(node, "id")
    meta = node.get("meta") if isinstance(node, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    if meta.get("deprecated") is True or _text(node, "type") not in ("", "CLASS"):
        return
    yield OntologyTerm(
        id=curie(iri),
        label=_text(node, "lbl"),
        parents=tuple(parents.get(iri, ())),
        synonyms=tuple(
            _text(each, "val")
            for each in _listed(meta, "synonyms")
            if _text(each, "pred") == "hasExactSynonym"
        ),
        former=tuple(
            _text(each, "val")
            for each in _listed(meta, "basicPropertyValues")
            if _text(each, "pred").endswith("#hasAlternativeId")
        ),
    )


def _listed(meta: dict[str, Any], name: str) -> list[Any]:
    value = meta.get(name)
    return value if isinstance(value, list) else []


def _text(item: object, name: str) -> str:
    value = item.get(name, "") if isinstance(item, dict) else None
    if not isinstance(value, str):
        raise MalformedOntology("an obographs JSON document")
    return value
