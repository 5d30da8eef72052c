"""Decides who the 6,000 households of the demo are: all invented, the same for the same seed.

It never yields a number that anybody could answer: all lie in ranges that ARCEP, the French
regulator, reserves for fiction (decision 2018-0881).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

# Landline ranges reserved for fiction, 10,000 numbers each, with which the numbers here begin. The
# reserved mobile range (06 39 98) is left out: libphonenumber holds that no such number exists.
FIRST_NUMBERS, SECOND_NUMBERS = "04 65 71", "01 99 00"
RANGE = 10_000
SECOND_NUMBER_SHARE = 0.05
HEADER = ("telephone", "telephone2", "nom", "adresse", "secteur")

FIRST_NAMES = """Adèle Aïcha Alain Amélie Amine André Anissa Antoine Arthur Awa Basile Béatrice
Bernard Camille Carmen Céline Charles Claire Clément Denise Driss Édith Élodie Émile Fanny Farid
Fatou Florence Gérard Hélène Hugo Inès Jeanne Joseph Karim Léa Leïla Louis Lucie Madeleine Malik
Manuel Marcel Maria Mathilde Maxime Monique Nadège Noé Odile Pascal Paulette Pauline Rachid Raymond
Rosa Salomé Samira Serge Simone Sofia Solange Théo Thérèse Valentin Yacine Yvette Yvonne Zoé"""
LAST_NAMES = """Achard Amblard Andrade Aubert Barsac Bayle Belkacem Benoît Bertin Besson Blanchet
Bonnefoy Boudet Bourdier Brun Carvalho Chabrol Chambon Chanteloup Charrier Chomette Cohendy Coste
Courtadon Cristal Dabrowski Delmas Diallo Domingos Dufour Escot Fabre Faucher Ferreira Fontanel
Gauthier Giraud Goutte Haddad Imbert Jourde Kaya Lacoste Lafarge Lopes Mansouri Marchand Mercadier
Monier Morin Nunes Ollier Pereira Pessoa Pommier Rigaud Roche Sabatier Saïdi Sow Tixier Touré
Vacher Valleix Verdier Vidal Vigier Yilmaz"""
STREETS = """allée des Acacias|allée du Belvédère|allée des Cerisiers|avenue des Érables|avenue du
Haut-Pré|boulevard des Platanes|chemin de la Source|chemin des Vignes|impasse du Lavoir|impasse des
Noisetiers|place du Vieux-Puits|rue de la Fontaine|rue de l’Horloge|rue des Bleuets|rue des
Églantines|rue des Genêts|rue des Glycines|rue des Jardins|rue des Lilas|rue des Mésanges|rue des
Tilleuls|rue du Four|rue du Moulin|rue du Vallon|rue Haute|rue Neuve"""
TOWNS = {
    "CO": ("63800 Cournon-d’Auvergne",),
    "QVA": ("63360 Gerzat",),
    "T2": ("63170 Aubière", "63110 Beaumont", "63400 Chamalières"),
}
CENTRE = ("63000 Clermont-Ferrand", "63100 Clermont-Ferrand")


def demo_rows(targets: Mapping[str, int], size: int, seed: int) -> Iterator[tuple[str, ...]]:
    """`size` rows under HEADER, spread over the sectors in proportion to their targets.

    At most 10,000 rows, one number each. Raises ValueError beyond.
    """
    if size > RANGE:
        raise ValueError(f"only {RANGE} numbers of a range are reserved for fiction")
    draw = random.Random(seed)  # noqa: S311 (an invented sample, not a secret)
    first, last = FIRST_NAMES.split(), LAST_NAMES.split()
    streets = " ".join(STREETS.split()).split("|")
    numbers = draw.sample(range(RANGE), size)
    seconds = iter(draw.sample(range(RANGE), size))
    sectors = _shares(targets, size)
    draw.shuffle(sectors)
    for number, sector in zip(numbers, sectors, strict=True):
        second = draw.random() < SECOND_NUMBER_SHARE
        yield (
            written(FIRST_NUMBERS, number),
            written(SECOND_NUMBERS, next(seconds)) if second else "",
            f"{draw.choice(first)} {draw.choice(last)}",
            f"{draw.randint(1, 90)} {draw.choice(streets)}, "
            f"{draw.choice(TOWNS.get(sector, CENTRE))}",
            sector,
        )


def written(prefix: str, number: int) -> str:
    """The `number`-th of the 10,000 numbers that begin with `prefix`, as people write it."""
    return f"{prefix} {number // 100:02d} {number % 100:02d}"


def _shares(targets: Mapping[str, int], size: int) -> list[str]:
    """`size` sector codes, each sector's part within one of its exact share."""
    total, given, spread = sum(targets.values()), 0, []
    for code, target in targets.items():
        upto = given + target
        spread += [code] * (size * upto // total - size * given // total)
        given = upto
    return spread
