"""The formats in which a wave can be taken, each a value: what it is called and what writes it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from weighting.exports import codebook, columnar, ddi, files, r_script, spss, stata
from weighting.exports.records import Calls, Journal, Records, records


@dataclass(frozen=True)
class Format:
    """One way to write the dataset. `bytes_a_row`, at most, is what room is kept for.

    `of_wave`: what it writes instead, of the whole wave, whatever its runs.
    """

    label: str | Promise
    write: files.Write
    bytes_a_row: int = 6_000
    of_wave: type[Records] | None = None

    @property
    def of_run(self) -> bool:
        return self.of_wave is None


# Measured on the whole questionnaire, doubled; XLSX has drafts of its own.
FORMATS = {
    "xlsx": Format(_("Excel, avec le dictionnaire (.xlsx)"), files.xlsx, 12_000),
    "csv-codes": Format(_("CSV, en codes (.csv)"), files.csv_codes),
    "csv-labels": Format(_("CSV, en libellés (.csv)"), files.csv_labels, 12_000),
    "csv-dictionary": Format(_("Dictionnaire des variables (.csv)"), files.csv_dictionary, 0),
    "csv": Format(_("CSV : codes, libellés et dictionnaire (.zip)"), files.csv_all, 18_000),
    "sav": Format(_("SPSS, et sa syntaxe (.sav)"), spss.sav),
    "dta": Format(_("Stata (.dta)"), stata.dta, 9_000),
    "parquet": Format(_("Parquet, pour R et Python (.parquet)"), columnar.parquet, 2_000),
    "r": Format(_("R, sans extension : codes et script (.zip)"), r_script.r_script),
    "codebook": Format(_("Livre des variables (.html)"), codebook.html, 0),
    "ddi": Format(_("Documentation DDI-Codebook 2.5 (.xml)"), ddi.ddi, 0),
    "journal": Format(_("Journal des réponses (.csv)"), records, 60_000, of_wave=Journal),
    "calls": Format(_("Journal des appels (.csv)"), records, 500, of_wave=Calls),
}
