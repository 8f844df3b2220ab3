"""Hierarchies in four syntaxes say the same; hostile files are refused in words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from beacon import ontology
from beacon.errors import SourceRefused
from beacon.loading.ontology_formats import curie

OBO = """format-version: 1.4

[Term]
id: HP:0000001
name: All

[Term]
id: HP:0000118
name: Phenotypic abnormality
synonym: "Organ abnormality" EXACT []
synonym: "Something wider" BROAD []
alt_id: HP:0000119
is_a: HP:0000001 ! All
relationship: part_of HP:0009999

[Term]
id: HP:0000005
name: obsolete Mode
is_obsolete: true

[Typedef]
id: part_of
is_a: HP:0000001
"""
OWL = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#" xmlns:owl="http://www.w3.org/2002/07/owl#"
  xmlns:oio="http://www.geneontology.org/formats/oboInOwl#">
 <owl:Ontology rdf:about="http://purl.obolibrary.org/obo/hp.owl"/>
 <owl:Class rdf:about="http://purl.obolibrary.org/obo/HP_0000001">
  <rdfs:label>All</rdfs:label></owl:Class>
 <owl:Class rdf:about="http://purl.obolibrary.org/obo/HP_0000118">
  <owl:equivalentClass><owl:Class><owl:intersectionOf rdf:parseType="Collection">
   <owl:Class rdf:about="http://purl.obolibrary.org/obo/HP_0009999"/>
  </owl:intersectionOf></owl:Class></owl:equivalentClass>
  <rdfs:subClassOf rdf:resource="http://purl.obolibrary.org/obo/HP_0000001"/>
  <rdfs:subClassOf><owl:Restriction>
   <owl:someValuesFrom rdf:resource="http://purl.obolibrary.org/obo/HP_0009999"/>
  </owl:Restriction></rdfs:subClassOf>
  <oio:hasExactSynonym>Organ abnormality</oio:hasExactSynonym>
  <oio:hasAlternativeId>HP:0000119</oio:hasAlternativeId>
  <rdfs:label>Phenotypic abnormality</rdfs:label></owl:Class>
 <owl:Class rdf:about="http://purl.obolibrary.org/obo/HP_0000005">
  <owl:deprecated>true</owl:deprecated></owl:Class>
</rdf:RDF>
"""
_IRI = "http://purl.obolibrary.org/obo/"
JSON = {
    "graphs": [
        {
            "nodes": [
                {"id": f"{_IRI}HP_0000001", "lbl": "All", "type": "CLASS"},
                {
                    "id": f"{_IRI}HP_0000118",
                    "lbl": "Phenotypic abnormality",
                    "meta": {
                        "synonyms": [
                            {"pred": "hasExactSynonym", "val": "Organ abnormality"},
                            {"pred": "hasBroadSynonym", "val": "Something wider"},
                        ],
                        "basicPropertyValues": [
                            {
                                "pred": "http://www.geneontology.org/formats/oboInOwl"
                                "#hasAlternativeId",
                                "val": "HP:0000119",
                            }
                        ],
                    },
                },
                {"id": f"{_IRI}HP_0000005", "lbl": "obsolete", "meta": {"deprecated": True}},
                {"id": "part_of", "lbl": "part of", "type": "PROPERTY"},
            ],
            "edges": [
                {"sub": f"{_IRI}HP_0000118", "pred": "is_a", "obj": f"{_IRI}HP_0000001"},
                {"sub": f"{_IRI}HP_0000118", "pred": "part_of", "obj": f"{_IRI}HP_0009999"},
            ],
        }
    ]
}
FILES = {"hp.obo": OBO, "hp.owl": OWL, "hp.json": json.dumps(JSON)}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_every_syntax_says_the_same(tmp_path: Path, name: str, packed: bool) -> None:
    path = tmp_path / (f"{name}.gz" if packed else name)
    content = FILES[name].encode()
    path.write_bytes(gzip.compress(content) if packed else content)

    tree = ontology.read([path])

    assert dict(tree.labels) == {"HP:0000001": "All", "HP:0000118": "Phenotypic abnormality"}
    assert tree.ancestors("HP:0000118") == {"HP:0000001"}
    assert tree.ancestors("HP:0000119") == {"HP:0000118", "HP:0000001"}
    assert dict(tree.synonyms) == {"HP:0000118": ("Organ abnormality",)}


@pytest.mark.parametrize(
    ("iri", "expected"),
    [
        ("http://purl.obolibrary.org/obo/MONDO_0005147", "MONDO:0005147"),
        ("http://www.ebi.ac.uk/efo/EFO_0000001", "EFO:0000001"),
        ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#C16576", "NCIT:C16576"),
        ("http://purl.obolibrary.org/obo/NCIT_C16576", "NCIT:C16576"),
        ("HP:0000118", "HP:0000118"),
        ("http://example.org/thing", "thing"),
    ],
)
def test_an_address_becomes_a_curie(iri: str, expected: str) -> None:
    assert curie(iri) == expected


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&b;</rdf:RDF>"""
OUTSIDE = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">&a;</rdf:RDF>"""


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.owl", BOMB, "entities"),
        ("a.owl", OUTSIDE, "entities"),
        ("a.owl", "<a>" * 200, "levels"),
        ("a.owl", "<html></html>", "RDF/XML"),
        ("a.owl", "not xml", "well-formed"),
        ("a.owl", OWL[:400], "well-formed"),
        ("a.json", "{", "obographs"),
        ("a.json", '{"graphs": [{"nodes": [{"id": 5}]}]}', "obographs"),
        ("a.json", '{"graphs": [{"nodes": [5]}]}', "obographs"),
        ("a.json", '{"graphs": [{"edges": [{"sub": "a", "pred": ["is_a"]}]}]}', "obographs"),
        ("a.json", json.dumps(JSON)[:300], "obographs"),
        ("a.tsv", "HP:1 label without tabs", "line 1"),
        ("a.obo.gz", "not packed", "gzip"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(SourceRefused) as caught:
        ontology.read([path])
    assert says in str(caught.value.problems[0])


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.obo"
    path.write_bytes(b"[Term]\nid: \xff\xfe\n")
    with pytest.raises(SourceRefused):
        ontology.read([path])


def test_a_packed_file_is_read_no_further_than_its_cap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ontology, "MAX_HIERARCHY_BYTES", 1000)
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"A:1\tlabel\n" * 200))
    with pytest.raises(SourceRefused) as caught:
        ontology.read([path])
    assert "at most 1000 bytes" in str(caught.value.problems[0])


def test_terms_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ontology, "MAX_TERMS", 1)
    path = tmp_path / "a.obo"
    path.write_text(OBO)
    with pytest.raises(SourceRefused):
        ontology.read([path])
