"""The interviews as the database has them, one column per answer, by COPY.

PostgreSQL takes the documents apart (one pass over each, on its own core), so that Python never
parses one. A choice comes as its code, one byte a cell; all else as text. Only complete interviews
are read: all that they answered and did not park is on their route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from io import BytesIO
from tempfile import SpooledTemporaryFile
from time import sleep
from typing import Any, NamedTuple

import polars as pl
from django.db import connection
from django.db.models import QuerySet
from psycopg import Copy, sql
from psycopg.abc import Buffer

from questionnaire.core.program import Node, Program

AT_A_TIME = 8 << 20  # bytes of COPY, some ten thousand interviews
IN_MEMORY = 16 << 20  # beyond, on the disk
# Bytes a second that a job takes of interviews and of plain rows: a tenth of what it could. The
# process of PostgreSQL does not step back for whoever is on the telephone, as the worker does.
GENTLY, PLAIN_GENTLY = 1 << 20, 8 << 20
STEP = 64 << 10
# How COPY writes what would break its lines.
ESCAPED = {
    "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\b": "\b", "\\f": "\f", "\\v": "\v"
}  # fmt: skip
# Beside an item's own codes, which end at 96.
SPECIAL_CODES = {"na": 97, "dk": 98, "refused": 99}
CODED = (
    "coalesce({0}->>'v', CASE {0}->>'special' "
    + " ".join(f"WHEN '{special}' THEN '{code}'" for special, code in SPECIAL_CODES.items())
    + " END)"
)
TEXT, CODE = pl.String, pl.Int8
Schema = Mapping[str, type[pl.DataType]]
PARTS = "answers jsonb, parked text[], inputs jsonb, draws jsonb, places jsonb, removed jsonb"


def answer(key: str) -> str:
    """Where the answer of an item is: « 12 », « [1, 4] », « dk », or the words of a text."""
    return f"answer {key}"


def code(key: str) -> str:
    """Where the answer of an item with one choice is: its code, or that of a special."""
    return f"code {key}"


def special(key: str) -> str:
    """Where the special of a text or a number is, which could be its very words."""
    return f"special {key}"


def other(key: str, code: int) -> str:
    return f"other {code} {key}"


def given(name: str) -> str:
    """Where a parameter or a preload is, as JSON."""
    return f"input {name}"


def draw(name: str) -> str:
    return f"draw {name}"


def place(name: str) -> str:
    return f"quota {name}"


def computed(name: str) -> str:
    return f"computed {name}"


def undrawn(module: str) -> str:
    return f"undrawn {module}"


def living(roster: str, instance: int) -> str:
    return f"living {roster} {instance}"


REMOVED = "removed"


def interviews(
    shares: Sequence[QuerySet[Any]],
    names: Sequence[str],
    programs: Iterable[Program],
    rate: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Frames of each share in its rows' order, as far as PostgreSQL keeps it: `names`, and what was
    answered.

    The shares are read at the same time, and their frames come in turn. What a version does not
    have is null in its interviews. The connection is taken until the last; `rate`: bytes a second
    of a share, at most.
    """
    taken, answers = _taken(programs)
    # Without OFFSET 0 an answer would be looked up again wherever something is taken from it.
    copied = sql.SQL(
        "COPY (SELECT {paths} FROM (SELECT r.*{answers} FROM (SELECT i.*, s.*,"
        " CASE WHEN s.parked <> '{{}}' THEN s.answers - s.parked"
        " ELSE coalesce(s.answers, '{{}}') END AS on_route"
        " FROM ({rows}) AS i({named}, document), jsonb_to_record(i.document) AS s({parts})"
        " OFFSET 0) AS r OFFSET 0) AS x) TO STDOUT"
    )
    parts = {
        "paths": sql.SQL(", ").join([*map(sql.Identifier, names), *(one.path for one in taken)]),
        "answers": sql.SQL("").join(
            sql.SQL(", r.on_route->{} AS {}").format(sql.Literal(key), sql.Identifier(name))
            for key, name in answers.items()
        ),
        "named": sql.SQL(", ").join(map(sql.Identifier, names)),
        "parts": sql.SQL(PARTS),
    }
    copies = []
    for rows in shares:
        statement, parameters = rows.values_list(*names, "answers").query.sql_with_params()
        copies.append((copied.format(rows=sql.SQL(statement), **parts), parameters))
    # What is a choice in one version and not in another is no number in every row.
    unlike = {one.key for one in taken if one.dtype == CODE} & {
        one.key for one in taken if one.name == answer(one.key)
    }
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(names, TEXT)
    schema |= {one.name: TEXT if one.key in unlike else one.dtype for one in taken}
    codes = pl.col(code(key) for key in sorted(unlike)).cast(CODE, strict=False)
    for frame in _as_they_come(copies, schema, rate):
        yield frame.with_columns(codes) if unlike else frame


def rows(
    of: QuerySet[Any], names: Sequence[str], rate: int | None = None
) -> Iterator[pl.DataFrame]:
    """The rows of a values_list, in frames of text, its columns under `names`.

    All are taken first, so that the connection is free for the reports of whoever reads them.
    """
    statement, parameters = of.query.sql_with_params()
    copied = sql.SQL("COPY ({}) TO STDOUT").format(sql.SQL(statement))
    schema = dict.fromkeys(names, TEXT)
    with SpooledTemporaryFile(max_size=IN_MEMORY) as kept:
        with connection.cursor() as cursor, cursor.copy(copied, parameters) as copy:
            for block in _blocks(copy, rate):
                kept.write(block)
        kept.seek(0)
        while lines := kept.read(AT_A_TIME):
            yield _frame(lines + kept.readline(), schema)


def _as_they_come(
    copies: Iterable[tuple[sql.Composable, Sequence[Any]]], schema: Schema, rate: int | None
) -> Iterator[pl.DataFrame]:
    """What each COPY … TO STDOUT sends, as frames, every column under its name.

    The next lines come while a frame is worked on, by a process of PostgreSQL for each COPY.
    """
    with ExitStack() as stack, ThreadPoolExecutor() as readers:
        coming: dict[Iterator[Buffer], Future[bytes]] = {}
        for statement, parameters in copies:
            # Each but the first has a connection of its own, as long as it is read.
            own = stack.enter_context(closing(connection.copy())) if coming else connection
            cursor = stack.enter_context(own.cursor())
            copy = stack.enter_context(cursor.copy(statement, parameters))
            blocks = _blocks(copy, rate)
            coming[blocks] = readers.submit(_next_lines, blocks)
        while coming:
            for blocks in list(coming):
                if lines := coming.pop(blocks).result():
                    coming[blocks] = readers.submit(_next_lines, blocks)
                    yield _frame(lines, schema)


def _blocks(copy: Copy, rate: int | None) -> Iterator[Buffer]:
    """What COPY sends, with a pause after each STEP where there is a rate."""
    taken = 0
    while block := copy.read():
        yield block
        taken += len(block)
        if rate and taken >= STEP:
            sleep(taken / rate)
            taken = 0


def _next_lines(blocks: Iterator[Buffer]) -> bytes:
    """Some AT_A_TIME bytes, to the end of a line; b"" when all was read."""
    lines = BytesIO()
    for block in blocks:
        lines.write(block)
        if lines.tell() >= AT_A_TIME and bytes(block[-1:]) == b"\n":
            break
    return lines.getvalue()


def _frame(lines: bytes, schema: Schema) -> pl.DataFrame:
    frame = pl.read_csv(
        BytesIO(lines),
        has_header=False,
        schema=schema,
        separator="\t",
        quote_char=None,
        null_values="\\N",
        empty_string_is_null=False,
    )
    # Most parts hold no backslash but those of nulls: two looks at the bytes spare one per cell.
    if lines.count(b"\\") == lines.count(b"\\N"):
        return frame
    texts = [name for name, dtype in schema.items() if dtype == TEXT]
    escaped = [name for name in texts if frame[name].str.contains("\\", literal=True).any()]
    return frame.with_columns(
        pl.col(name).str.replace_many(ESCAPED, leftmost=True) for name in escaped
    )


class Taken(NamedTuple):
    """What is taken from a document: the column's name, the item's key if any, its expression."""

    name: str
    key: str
    path: sql.Composable
    dtype: type[pl.DataType] = TEXT


def _taken(programs: Iterable[Program]) -> tuple[list[Taken], dict[str, str]]:
    """What is taken, and {item: what its answer is called meanwhile, as short as SQL wants it}."""
    taken: dict[str, Taken] = {}
    answers: dict[str, str] = {}
    for program in programs:
        for node in program.nodes:
            name = answers.setdefault(node.name, f"a{len(answers)}") if node.kind == "item" else ""
            for one in _of_node(node, name):
                taken.setdefault(one.name, one)
        if program.instances:
            taken.setdefault(REMOVED, Taken(REMOVED, "", sql.SQL("x.removed")))
    return list(taken.values()), answers


def _of_node(node: Node, answered: str) -> Iterator[Taken]:
    of = sql.Literal(node.name)
    if node.kind == "item":
        yield from _of_item(node, sql.Identifier("x", answered))
    elif node.kind == "input":
        yield Taken(given(node.name), "", sql.SQL("x.inputs->{}").format(of))
    elif node.kind == "draw":
        yield Taken(draw(node.name), "", sql.SQL("x.draws->>{}").format(of))
    elif node.kind == "quota":
        yield Taken(place(node.name), "", sql.SQL("x.places->{}->>'result'").format(of))


def _of_item(node: Node, of: sql.Identifier) -> Iterator[Taken]:
    key, item = node.name, node.entry
    if item.type == "info" or item.store == "contact":
        # All that it says is that it was read, or given.
        told = "coalesce({0}->>'special', {0}->>'seen', {0}->>'given')"
        yield Taken(answer(key), key, sql.SQL(told).format(of))
    elif not item.choices:
        yield Taken(answer(key), key, sql.SQL("{}->>'v'").format(of))
        yield Taken(special(key), key, sql.SQL("{}->>'special'").format(of))
    elif item.type == "multiple":
        told = "coalesce({0}->>'v', {0}->>'special')"
        yield Taken(answer(key), key, sql.SQL(told).format(of))
    else:
        yield Taken(code(key), key, sql.SQL(CODED).format(of), CODE)
    for choice in item.choices:
        if choice.other:
            words = sql.SQL("{}->'other'->>{}").format(of, sql.Literal(str(choice.code)))
            yield Taken(other(key, choice.code), key, words)
