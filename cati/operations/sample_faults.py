"""The words of every fault of a sample file: what is wrong, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from cati.core.phones import Reason
from cati.core.sample_faults import Fault, Kind


@dataclass(frozen=True)
class Refusal:
    """A fault in words. `line` is 0 for the whole file; `column` is the file's own heading."""

    line: int
    column: str
    value: str
    reason: str
    mend: str


SPLIT = _("Découpez-le en plusieurs fichiers, chacun avec la ligne d’en-tête.")
SAVE_AS_UTF8 = _("Dans le tableur, choisissez « Enregistrer sous », « CSV UTF-8 ».")
AS_TEXT = _("Dans le tableur, mettez la colonne au format texte et recopiez les numéros.")
CHECK_NUMBER = _("Vérifiez le numéro. Un numéro français a dix chiffres et commence par 0.")

WORDS: dict[Kind | Reason, tuple[str, str]] = {
    Kind.EMPTY: (
        _("Le fichier est vide."),
        _("Choisissez un fichier avec une ligne d’en-tête et une ligne par fiche."),
    ),
    Kind.NO_ROWS: (
        _("Le fichier n’a qu’une ligne d’en-tête."),
        _("Ajoutez une ligne par fiche."),
    ),
    Kind.TOO_BIG: (_("Le fichier pèse %(size)s Mo ; la limite est de %(most)s Mo."), SPLIT),
    Kind.TOO_MANY_ROWS: (_("Le fichier a plus de %(most)s lignes."), SPLIT),
    Kind.TOO_MANY_COLUMNS: (
        _("Le fichier a plus de %(most)s colonnes."),
        _("Retirez les colonnes qui ne servent pas à l’enquête."),
    ),
    Kind.LINE_TOO_LONG: (
        _("La ligne dépasse %(most)s octets."),
        _("Vérifiez que le fichier a une ligne par fiche."),
    ),
    Kind.OLD_WORKBOOK: (
        _("C’est un classeur à l’ancien format (.xls), ou protégé par un mot de passe."),
        _("Dans le tableur, choisissez « Enregistrer sous », « Classeur Excel (.xlsx) »."),
    ),
    Kind.BAD_WORKBOOK: (
        _("Ce classeur ne se lit pas : il est abîmé, ou ce n’est pas un classeur."),
        _("Ouvrez-le dans le tableur et enregistrez-le de nouveau en .xlsx ou en CSV UTF-8."),
    ),
    Kind.UNPACKED: (
        _("Déplié, le classeur dépasse %(most)s Mo."),
        _("Enregistrez la feuille en CSV UTF-8, sans images ni mise en forme."),
    ),
    Kind.ENTRIES: (
        _("Le classeur contient plus de %(most)s fichiers."),
        _("Enregistrez la feuille en CSV UTF-8."),
    ),
    Kind.UTF16: (_("Le fichier est en UTF-16."), SAVE_AS_UTF8),
    Kind.NOT_TEXT: (_("Le fichier n’est pas du texte."), SAVE_AS_UTF8),
    Kind.ENCODING: (
        _("Le texte n’est ni en UTF-8 ni en cp1252 (Windows)."),
        SAVE_AS_UTF8,
    ),
    Kind.COLUMNS: (
        _("Ces colonnes ne sont pas celles du fichier, qui en a %(count)s : %(fields)s."),
        _("Donnez un contenu connu à chaque colonne, ou rien à celles qui ne servent pas."),
    ),
    Kind.MISSING_COLUMN: (
        _("La colonne manque. Colonnes trouvées : %(found)s."),
        _("Ajoutez-la à la ligne d’en-tête, sous un de ces noms : %(names)s."),
    ),
    Kind.DOUBLE_COLUMN: (
        _("Deux colonnes donnent la même chose."),
        _("Gardez-en une ; un second numéro va dans la colonne telephone2."),
    ),
    Kind.QUOTES: (
        _("Un guillemet est ouvert et n’est pas refermé, ou l’est en milieu de cellule."),
        _("Retirez-le, ou doublez-le s’il fait partie du texte."),
    ),
    Kind.TOO_MANY_CELLS: (
        _("La ligne a %(cells)s cellules, plus que l’en-tête."),
        _("Mettez entre guillemets la cellule qui contient le séparateur."),
    ),
    Kind.TOO_LONG: (
        _("Le texte a %(length)s caractères ; la limite est de %(most)s."),
        _("Raccourcissez-le."),
    ),
    Kind.CONTROL: (
        _("La cellule contient un retour à la ligne ou un caractère invisible."),
        _("Réécrivez-la sur une seule ligne."),
    ),
    Kind.SAME_NUMBER: (
        _("Deux numéros de la ligne sont le même."),
        _("Videz une des deux cellules."),
    ),
    Kind.UNKNOWN_SECTOR: (
        _("Ce secteur n’existe pas dans la vague."),
        _("Écrivez un de ces codes : %(allowed)s."),
    ),
    Kind.REPLICATE: (
        _("Le réplicat n’est pas un nombre de 1 à %(most)s."),
        _("Corrigez-le, ou videz la cellule pour le réplicat 1."),
    ),
    Kind.PRELOAD: (
        _("Le questionnaire n’accepte pas cette valeur."),
        _("Écrivez par exemple : %(allowed)s ; ou videz la cellule."),
    ),
    Kind.TWICE_IN_FILE: (
        _("Ce numéro est déjà à la ligne %(line)s du fichier."),
        _("Gardez une seule des deux lignes."),
    ),
    Kind.IN_WAVE: (
        _("Ce numéro est déjà dans la vague, fiche %(case)s."),
        _("Retirez la ligne."),
    ),
    Kind.EARLIER_WAVE: (
        _("Ce numéro était déjà dans la vague %(wave)s."),
        _("Retirez la ligne, ou choisissez d’accepter les numéros des vagues passées."),
    ),
    Kind.OPPOSED: (
        _("La personne a demandé à ne plus être appelée."),
        _("Retirez la ligne ; ce numéro ne peut plus être importé."),
    ),
    Kind.FILE_AGAIN: (
        _("Ce fichier a déjà été importé, le %(date)s."),
        _("Il n’y a rien à faire. Pour compléter la vague, importez un fichier nouveau."),
    ),
    Kind.MEANWHILE: (
        _("Pendant la lecture, des numéros du fichier ont été importés ou se sont opposés."),
        _("Recommencez : les lignes en cause seront nommées."),
    ),
    Reason.EMPTY: (_("Le numéro de téléphone manque."), _("Complétez-le, ou retirez la ligne.")),
    Reason.ROUNDED: (_("Le tableur a arrondi le numéro : des chiffres sont perdus."), AS_TEXT),
    Reason.CHARACTERS: (
        _("Le numéro contient des lettres ou des signes."),
        _("N’écrivez que des chiffres, des espaces, des points ou des tirets."),
    ),
    Reason.TOO_SHORT: (_("Le numéro est trop court."), CHECK_NUMBER),
    Reason.TOO_LONG: (
        _("Le numéro est trop long."),
        _("Écrivez un seul numéro par cellule, de dix chiffres."),
    ),
    Reason.UNASSIGNED: (_("Aucun numéro de ce type n’est attribué."), CHECK_NUMBER),
    Reason.NOT_A_HOME: (
        _("C’est un numéro surtaxé ou d’entreprise, et non celui d’un foyer."),
        _("Remplacez-le par le numéro du foyer, ou retirez la ligne."),
    ),
}


def in_words(fault: Fault) -> Refusal:
    """The fault as people read it, in the language that is active."""
    reason, mend = WORDS[fault.kind]
    details = dict(fault.details)
    if "most" in details:
        details["most"] = number_format(str(details["most"]), force_grouping=True)
    return Refusal(
        fault.line, fault.column, fault.value, gettext(reason) % details, gettext(mend) % details
    )
