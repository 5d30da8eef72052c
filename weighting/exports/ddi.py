"""The documentation of the dataset as DDI-Codebook 2.5, for archives and catalogues.

The wave, how it was made, each file, each variable with its question, codes and counts. Elements
stand in the order of the schema (ddialliance.org, codebook.xsd 2.5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from lxml import etree
from lxml.builder import ElementMaker

from weighting.exports.codebook import Chapter, Entry, chapters_of
from weighting.exports.columns import WEIGHT, Heading, module_weight
from weighting.exports.dataset import NUMBER, Dataset
from weighting.exports.files import UNPRINTABLE, Target
from weighting.exports.frequencies import Count, Summary

NAMESPACE = "ddi:codebook:2_5"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
E: Any = ElementMaker(namespace=NAMESPACE, nsmap={None: NAMESPACE})
FILE = "F1"
METHOD = (
    "Enquête téléphonique assistée par ordinateur, par quotas dans chaque secteur ; calage sur"
    " marges dans chaque secteur (Deville et Särndal, 1992)."
)
QUOTAS = (
    "Intervalles indicatifs, sous l’hypothèse que l’échantillon par quotas se comporte comme un"
    " sondage aléatoire."
)


def ddi(dataset: Dataset, to: Target) -> list[Path]:
    path = to.path("-ddi.xml")
    chapters = chapters_of(dataset)
    book = E.codeBook(
        _study(dataset),
        _file(dataset, to),
        _variables(dataset, chapters),
        version="2.5",
        **{LANG: "fr"},
    )
    tree = etree.ElementTree(book)
    tree.write(str(path), encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return [path]


def _study(dataset: Dataset) -> Any:
    run, instrument = dataset.run, next(iter(dataset.programs.values())).instrument
    title = f"{instrument.title}, {run.wave.name}"
    universe = "Habitants de 18 ans et plus des secteurs observés"
    return E.stdyDscr(
        E.citation(
            E.titlStmt(E.titl(_text(title)), E.IDNo(_text(f"{run.wave.slug}-calage-{run.number}"))),
            E.verStmt(E.version(f"calage n° {run.number}", date=f"{run.at:%Y-%m-%d}")),
        ),
        E.stdyInfo(
            E.sumDscr(
                E.nation("France", abbr="FRA"),
                E.anlyUnit("Personne"),
                E.universe(universe),
                E.dataKind("Enquête"),
            )
        ),
        E.method(
            E.dataColl(
                E.sampProc("Quotas par secteur"),
                E.collMode("Téléphone, assisté par ordinateur"),
                E.weight(METHOD),
            ),
            E.anlyInfo(E.EstSmpErr(QUOTAS)),
        ),
    )


def _file(dataset: Dataset, to: Target) -> Any:
    return E.fileDscr(
        E.fileTxt(
            E.fileName(f"{to.stem}-codes.csv"),
            E.dimensns(E.caseQnty(str(dataset.size)), E.varQnty(str(len(dataset.columns)))),
            E.fileType("CSV, UTF-8"),
        ),
        E.notes(f"SHA-256 : {dataset.digest}", type="digest"),
        ID=FILE,
    )


def _variables(dataset: Dataset, chapters: list[Chapter]) -> Any:
    weights = {WEIGHT, *map(module_weight, dataset.modules)}
    groups, variables = [], []
    for rank, chapter in enumerate(chapters, start=1):
        its = [(entry, part) for entry in chapter.entries for part in entry.parts]
        names = " ".join(_id(part.column) for _entry, part in its)
        label = E.labl(_text(chapter.title))
        groups.append(E.varGrp(label, ID=f"G{rank}", type="subject", var=names))
        variables += [_variable(entry, part, weights) for entry, part in its]
    return E.dataDscr(*groups, *variables)


def _variable(entry: Entry, part: Summary, weights: Collection[str]) -> Any:
    """labl, qstn, invalrng, universe, sumStat, catgry, varFormat: the schema's order."""
    column = part.column
    attributes = {"ID": _id(column), "name": column.name, "files": FILE}
    attributes["intrvl"] = "contin" if column.measure == "scale" else "discrete"
    if column.name in weights:
        attributes["wgt"] = "wgt"
    elif column.name != NUMBER:
        attributes["wgt-var"] = f"V_{column.weight}"
    variable = E.var(E.labl(_text(column.label)), **attributes)
    if column.item:
        variable.append(_question(entry))
    if column.missing:
        variable.append(E.invalrng(*(E.item(VALUE=str(code)) for code in column.missing)))
    if entry.asked:
        variable.append(E.universe(_text(entry.asked)))
    variable.extend(_statistics(part))
    variable.extend(_category(count) for count in part.counts)
    kind = "numeric" if column.coded or column.measure == "scale" else "character"
    variable.append(E.varFormat(type=kind))
    if column.full != column.name:
        variable.append(E.notes(_text(column.full), type="full-name"))
    return variable


def _question(entry: Entry) -> Any:
    question = E.qstn(E.qstnLit(_text(entry.column.label)))
    if entry.instruction:
        question.append(E.ivuInstr(_text(entry.instruction)))
    return question


def _statistics(part: Summary) -> Iterator[Any]:
    yield E.sumStat(str(part.n), type="vald")
    for name, value in (("min", part.low), ("max", part.high), ("mean", part.mean)):
        if value is not None:
            yield E.sumStat(f"{value:.15g}", type=name)
    if part.weighted_mean is not None:
        yield E.sumStat(f"{part.weighted_mean:.15g}", type="mean", wgtd="wgtd")


def _category(count: Count) -> Any:
    return E.catgry(
        E.catValu(str(count.code)),
        E.labl(_text(count.label)),
        E.catStat(str(count.n), type="freq"),
        E.catStat(f"{count.weighted:.15g}", type="freq", wgtd="wgtd"),
        missing="Y" if count.missing else "N",
    )


def _id(column: Heading) -> str:
    return f"V_{column.name}"


def _text(text: str) -> str:
    return text.translate(UNPRINTABLE)
