"""A sample file becomes cases, or is refused.

1. Phone, name, address and sector of each row become one open case, due now, numbered on.
2. Separators, heading languages and encodings are recognised, and the encoding reported.
3. All or nothing by default; --skip-bad keeps the good rows and hands the others back, mendable.
4. Each fault has its own message: where, which value, what is wrong, how to mend it.
5. A refused file leaves the database as it was, and no file takes unbounded memory; BAD_FILES
   lists the fourteen kinds of bad file, beside missing columns and what is too big to be read.
6. Two imports of one file at once give one sample.
"""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from cati.core.phones import phone_key
from cati.core.sample_file import MAX_BYTES
from cati.models import Case, Contact, Opposition, Phone, SampleImport, Wave
from cati.operations.import_sample import ImportReport, import_sample
from tests.cati.workbooks import bomb, many_parts
from tests.clients import clients
from tests.world import NOW, World, fictional

HEADER = "telephone,nom,adresse,secteur\n"
COUNTED = (Case, Contact, Phone, SampleImport)


def rows(*sectors: str, first: int = 1000) -> str:
    """One good row per sector, with fictional numbers from the `first` on."""
    return "".join(
        f"{fictional(first + n)},Personne {n},{n} rue du Port,{sector}\n"
        for n, sector in enumerate(sectors)
    )


def load(world: World, content: str | bytes, **options: object) -> ImportReport:
    raw = content.encode() if isinstance(content, str) else content
    return import_sample(
        world.wave, io.BytesIO(raw), "fichier.csv", by=world.alain, now=NOW, **options
    )


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    """What the test does must leave every row of the sample as it was."""

    def state() -> list[object]:
        return [list(model.objects.order_by("pk").values()) for model in COUNTED]

    before = state()
    yield
    assert state() == before


# 1. Good rows.


def test_each_row_becomes_an_open_case_due_now_numbered_after_the_last(world: World) -> None:
    report = load(world, HEADER + rows("CN", "VE"))
    assert (report.accepted, report.refused, report.refusals) == (2, 0, ())
    cases = list(world.wave.cases.filter(number__gt=6).order_by("number"))
    assert [case.number for case in cases] == [7, 8]
    assert [case.frame_sector.code for case in cases] == ["CN", "VE"]
    assert {(case.state, case.tier, case.due_at) for case in cases} == {("open", 6, NOW)}
    assert cases[0].contact.name == "Personne 0"
    assert cases[0].contact.address == "0 rue du Port"
    assert [phone.e164 for phone in cases[0].phones.all()] == [fictional(1000)]
    record = SampleImport.objects.get()
    assert (record.accepted, record.refused, record.by) == (2, 0, world.alain)
    assert {case.source for case in cases} == {record}


def test_a_second_number_and_a_replicate_are_read_where_the_file_has_them(world: World) -> None:
    text = "phone,phone2,name,address,sector,replicate\n"
    text += f"{fictional(1)},{fictional(2)},A,,CN,3\n{fictional(3)},,B,,CN,\n".replace("+33", "0")
    Phone.objects.all().delete()
    assert load(world, text).accepted == 2
    first, second = world.wave.cases.filter(number__gt=6).order_by("number")
    assert [phone.rank for phone in first.phones.all()] == [1, 2]
    assert (first.replicate, second.replicate) == (3, 1)
    assert second.phones.count() == 1


def test_the_jitter_follows_the_number_and_not_the_order(world: World) -> None:
    load(world, HEADER + rows("CN", "CN"))
    one, two = world.wave.cases.filter(number__gt=6).order_by("number")
    assert 0 <= one.jitter < 1
    assert one.jitter != two.jitter


def test_a_number_may_be_in_two_waves(world: World) -> None:
    text = HEADER + rows("CN")
    assert load(world, text).written
    other = Wave.objects.get(slug="2025")
    world.sectors["CN"].pk, world.sectors["CN"].wave = None, other
    world.sectors["CN"].save(force_insert=True)
    report = import_sample(other, io.BytesIO(text.encode()), "f.csv", by=None, now=NOW)
    assert report.written


# 2. Forms of files.


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "header",
    [
        "telephone,nom,adresse,secteur",
        "Téléphone,NOM, Adresse ,Secteur",
        "phone,name,address,sector",
        "tel,nom,address,sector",
    ],
)
def test_separators_and_headings_are_recognised(world: World, separator: str, header: str) -> None:
    text = (header + "\n" + rows("CN")).replace(",", separator)
    report = load(world, text)
    assert (report.accepted, report.separator) == (1, separator)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_encoding_is_recognised_and_reported(world: World, encoding: str) -> None:
    text = f"téléphone;nom;adresse;secteur\r\n{fictional(1000)};Zoé Œuvrard;3 rue de l’Été;CN\r\n"
    report = load(world, text.encode(encoding))
    assert (report.accepted, report.encoding) == (1, encoding)
    contact = Contact.objects.get(case__number=7)
    assert (contact.name, contact.address) == ("Zoé Œuvrard", "3 rue de l’Été")
    assert SampleImport.objects.get().encoding == encoding


def test_quoted_cells_blank_lines_and_other_columns_are_no_trouble(world: World) -> None:
    text = "\nnom,telephone,adresse,age,secteur\n\n"
    text += f'"Durand, Léa",{fictional(1000)},"1, ""cour""",40,cn\n,,,,\n'
    report = load(world, text)
    assert (report.accepted, report.unread) == (1, ("age",))
    assert Contact.objects.get(case__number=7).name == "Durand, Léa"


# 3. and 4. Faults of a row.

BAD_ROWS = {
    "bad number": ("0473,A,B,CN", "telephone", "0473", "trop court", "dix chiffres"),
    "no number": (",A,B,CN", "telephone", "", "manque", "Complétez"),
    "letters": ("04 73 XX,A,B,CN", "telephone", "04 73 XX", "lettres", "chiffres"),
    "rounded": ('"3,3473E+10",A,B,CN', "telephone", "3,3473E+10", "arrondi", "format texte"),
    "premium": ("0899123456,A,B,CN", "telephone", "0899123456", "surtaxé", "foyer"),
    "sector": ("0199001000,A,B,XX", "secteur", "XX", "n’existe pas", "T1, T2, CN, CH, VE, FB"),
    "group": ("0199001000,A,B,QPV", "secteur", "QPV", "n’existe pas", "T1, T2, CN"),
    "no sector": ("0199001000,A,B", "secteur", "", "n’existe pas", "T1, T2, CN"),
    "long name": (f"0199001000,{'x' * 121},B,CN", "nom", "x" * 120, "121", "Raccourcissez"),
    "two lines": ('0199001000,A,"B\nC",CN', "adresse", "B\nC", "retour à la ligne", "seule ligne"),
    "cells": ("0199001000,A,1, rue,CN", "", "", "5 cellules", "guillemets"),
    "in wave": ("0199000001,A,B,CN", "telephone", "0199000001", "fiche 1", "Retirez"),
    "twice": ("0199009000,A,B,CN", "telephone", "0199009000", "ligne 2", "Gardez une seule"),
    "opposed": ("0199008000,A,B,CN", "telephone", "0199008000", "ne plus être", "Retirez"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_told_with_place_value_reason_and_remedy(
    world: World, unchanged: None, case: str
) -> None:
    bad, column, value, reason, mend = BAD_ROWS[case]
    oppose(8000)
    report = load(world, HEADER + rows("CN", first=9000) + bad + "\n")
    assert (report.accepted, report.refused) == (0, 1)
    (refusal,) = report.refusals
    assert (refusal.line, refusal.column, refusal.value) == (3, column, value)
    assert reason in refusal.reason
    assert mend in refusal.mend


def test_the_second_number_is_checked_like_the_first(world: World, unchanged: None) -> None:
    header = "telephone,telephone2,nom,adresse,secteur\n"
    same = load(world, header + "0199001000,01 99 00 10 00,A,B,CN\n").refusals[0]
    assert (same.column, "le même" in same.reason) == ("telephone2", True)
    taken = load(world, header + "0199001000,0199000002,A,B,CN\n").refusals[0]
    assert (taken.column, "fiche 2" in taken.reason) == ("telephone2", True)


def test_a_bad_replicate_is_refused(world: World, unchanged: None) -> None:
    header = "telephone,nom,adresse,secteur,replicat\n"
    (refusal,) = load(world, header + "0199001000,A,B,CN,un\n").refusals
    assert (refusal.column, refusal.value) == ("replicat", "un")


def test_every_fault_of_a_row_is_told_at_once(world: World, unchanged: None) -> None:
    report = load(world, HEADER + "0473,A,B,XX\n")
    assert [refusal.column for refusal in report.refusals] == ["telephone", "secteur"]
    assert report.refused == 1


def test_one_bad_row_refuses_a_file_of_several_batches(world: World, unchanged: None) -> None:
    report = load(world, HEADER + rows(*["CN"] * 1200) + "0473,A,B,CN\n" + rows("VE", first=5000))
    assert (report.accepted, report.refused) == (0, 1)


def test_skipping_bad_rows_writes_the_good_ones_and_hands_back_the_others(world: World) -> None:
    refused = io.StringIO()
    text = HEADER + rows("CN") + "0473,Zoé,3 rue B,XX\n" + rows("VE", first=2000)
    report = load(world, text, skip_bad=True, refused_to=refused)
    assert (report.accepted, report.refused) == (2, 1)
    assert (SampleImport.objects.get().accepted, SampleImport.objects.get().refused) == (2, 1)
    header, row, end = refused.getvalue().split("\r\n")
    assert header == "telephone,nom,adresse,secteur,ligne d’origine,motif,correction"
    assert row.startswith("0473,Zoé,3 rue B,XX,3,")
    assert "trop court" in row
    assert "n’existe pas" in row
    assert end == ""


def test_the_file_of_refused_rows_imports_once_it_is_mended(world: World) -> None:
    refused = io.StringIO()
    load(world, HEADER + rows("CN") + "0473,Zoé,B,CN\n", skip_bad=True, refused_to=refused)
    mended = refused.getvalue().replace("0473,", "0199004730,", 1)
    again = io.StringIO()
    report = load(world, mended, skip_bad=True, refused_to=again)
    assert (report.accepted, report.refused) == (1, 0)
    assert again.getvalue().count("motif") == 1
    assert Contact.objects.get(case__number=8).name == "Zoé"


# 4. and 5. Faults of the file.

BAD_FILES = {
    "empty": (b"", "est vide"),
    "blank": (b"\n \r\n", "est vide"),
    "only a header": (HEADER.encode(), "ligne d’en-tête"),
    "broken workbook": (b"PK\x03\x04rest", "ne se lit pas"),
    "old workbook": (b"\xd0\xcf\x11\xe0rest", "ancien format"),
    "workbook that unpacks to 250 MB": (bomb(), "dépasse 200 Mo"),
    "workbook of too many parts": (many_parts(), "1\u00a0000 fichiers"),
    "utf-16": ("téléphone".encode("utf-16"), "UTF-16"),
    "not text": (HEADER.encode() + b"\x00\x01\n", "pas du texte"),
    "no encoding": (HEADER.encode() + b"0199001000,\xe9\x81,B,CN\n", "ni en UTF-8"),
    "quotes": ((HEADER + '0199001000,"A,B,CN\n').encode(), "guillemet"),
    "long line": (HEADER.encode() + b"x" * 20_000, "16\u00a0000"),
    "too many columns": (HEADER.encode().strip() + b",x" * 60 + b"\n1\n", "60 colonnes"),
    "two columns": (b"tel,phone,nom,adresse,secteur\n0199001000,,A,B,CN\n", "Deux colonnes"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_whole_with_its_own_message(
    world: World, unchanged: None, case: str
) -> None:
    content, reason = BAD_FILES[case]
    report = load(world, content, skip_bad=True)
    assert not report.written
    assert [reason in refusal.reason for refusal in report.refusals] == [True]
    assert report.refusals[0].mend


def test_missing_columns_are_named_with_the_names_allowed(world: World, unchanged: None) -> None:
    report = load(world, "telephone;nom\n0199001000;A\n")
    assert [refusal.column for refusal in report.refusals] == ["address", "sector"]
    assert "telephone, nom" in report.refusals[0].reason
    assert "secteur, sector" in report.refusals[1].mend


def test_fifty_megabytes_of_rows_are_refused_in_bounded_memory(
    world: World, unchanged: None, tmp_path: Path
) -> None:
    path = tmp_path / "huge.csv"
    row = b"0199001000,Personne,12 rue du Port,CN\n"
    path.write_bytes(HEADER.encode() + row * (50 * 1024 * 1024 // len(row)))
    tracemalloc.start()
    with path.open("rb") as source:
        report = import_sample(world.wave, source, "huge.csv", by=None, now=NOW)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "100\u00a0000 lignes" in report.refusals[0].reason
    assert "Découpez" in report.refusals[0].mend
    assert peak < 5_000_000


def test_a_file_beyond_the_limit_of_bytes_is_not_even_read(
    world: World, unchanged: None, tmp_path: Path
) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as sparse:
        sparse.truncate(MAX_BYTES + 1)
    with path.open("rb") as source:
        report = import_sample(world.wave, source, "sparse.csv", by=None, now=NOW)
    assert "65 Mo" in report.refusals[0].reason


def test_a_file_of_faults_alone_tells_a_bounded_number_of_them(
    world: World, unchanged: None
) -> None:
    report = load(world, HEADER + "x,A,B,CN\n" * 2000)
    assert report.refused == 2000
    assert len(report.refusals) == 500


def test_a_file_that_was_imported_is_refused_as_such(world: World) -> None:
    text = HEADER + rows("CN", "VE")
    assert load(world, text).accepted == 2
    again = load(world, text, skip_bad=True)
    assert again.accepted == 0
    assert "déjà été importé, le 17 mars 2026" in again.refusals[0].reason
    assert world.wave.cases.count() == 8


# 6. Two at once.


def import_text(argument: tuple[int, str]) -> int:
    wave, text = argument
    source = io.BytesIO(text.encode())
    return import_sample(Wave.objects.get(pk=wave), source, "f.csv", by=None, now=NOW).accepted


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_two_imports_of_one_file_at_once_give_one_sample(world: World) -> None:
    text = HEADER + rows(*["CN"] * 300)
    connection.close()
    with clients(8) as several:
        accepted = several.run(import_text, [(world.wave.pk, text)] * 8)
    assert sorted(accepted) == [0] * 7 + [300]
    assert world.wave.cases.count() == 306
    numbers = world.wave.cases.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 307))


# The command.


def test_the_command_imports_and_says_so(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes((HEADER + rows("CN")).encode("cp1252"))
    call_command("import_sample", str(path), wave="2026")
    assert "Fiches importées : 1" in capsys.readouterr().out


def test_the_command_exits_1_and_shows_line_value_and_remedy(
    world: World, unchanged: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(HEADER + rows("CN") + "0473,A,B,CN\n", encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        call_command("import_sample", str(path), wave="2026")
    assert ended.value.code == 1
    shown = capsys.readouterr()
    assert "ligne 3, telephone « 0473 » : Le numéro est trop court." in shown.err
    assert "la vague est inchangée" in shown.out
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_leaves_the_refused_rows_beside_the_file(world: World, tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(HEADER + rows("CN") + "0473,A,B,CN\n", encoding="utf-8")
    call_command("import_sample", str(path), "--skip-bad", wave="2026")
    refused = tmp_path / "sample.csv.refused.csv"
    assert set(tmp_path.iterdir()) == {path, refused}
    assert "0473,A,B,CN,3," in refused.read_text(encoding="utf-8-sig")


def test_the_command_names_the_waves_there_are(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="2025, 2026"):
        call_command("import_sample", str(tmp_path / "none.csv"), wave="2031")
    with pytest.raises(CommandError, match="n’existe pas"):
        call_command("import_sample", str(tmp_path / "none.csv"), wave="2026")


def oppose(number: int) -> None:
    """Somebody with this fictional number has asked never to be rung."""
    key = phone_key(fictional(number), settings.PHONE_KEY_SECRET)
    Opposition.objects.create(phone_key=key, at=NOW)
