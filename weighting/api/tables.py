"""Tables of a run: what can be tabulated, and one table as it is asked for."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cati.api.access import InWave
from cati.api.schema import BAD_FILTER
from cati.models import Membership, Role
from cati.operations.errors import Refused
from weighting.core.tables import PRESETS
from weighting.exports.job import run_of
from weighting.flash import words
from weighting.flash.answers import ADULTS, INHABITANTS, Answers, answers_of
from weighting.flash.build import Ask, Made, made
from weighting.flash.cells import cells
from weighting.flash.questions import catalogue

REFUSED = OpenApiResponse(dict[str, dict[str, str]], "Refused: why and how to mend it, by field.")


class AnswerSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    words = serializers.CharField()


class QuestionSerializer(serializers.Serializer[Any]):
    """What can be tabulated; `answers` in the order of the questionnaire."""

    code = serializers.CharField()
    words = serializers.CharField()
    theme = serializers.CharField()
    answers = AnswerSerializer(many=True)


class AskSerializer(serializers.Serializer[Any]):
    item = serializers.CharField(max_length=40)
    by = serializers.CharField(max_length=40, default="", allow_blank=True)
    among = serializers.CharField(max_length=500, default="", allow_blank=True)
    sum = serializers.CharField(max_length=100, default="", allow_blank=True)
    preset = serializers.ChoiceField(choices=[*PRESETS], default="standard")
    weights = serializers.ChoiceField(choices=[INHABITANTS, ADULTS], default=INHABITANTS)
    gaps = serializers.BooleanField(default=False)


class CellSerializer(serializers.Serializer[Any]):
    """One figure; those of a row that is kept back are null, and `printed` says « s ».

    `gap` and its `gap_p` (Holm's over the table) are to the reference of the row.
    """

    column = serializers.CharField()
    words = serializers.CharField()
    printed = serializers.CharField()
    rounded = serializers.FloatField(allow_null=True)
    sum_of_rounded = serializers.FloatField(allow_null=True)
    estimate = serializers.FloatField(allow_null=True)
    se = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    wide = serializers.BooleanField()
    gap = serializers.FloatField(allow_null=True)
    gap_p = serializers.FloatField(allow_null=True)


class RowSerializer(serializers.Serializer[Any]):
    """`state`: shown, frail (in parentheses), hidden, secondary, module or empty."""

    code = serializers.CharField()
    words = serializers.CharField()
    block = serializers.CharField()
    reference = serializers.CharField()
    state = serializers.CharField()
    n = serializers.IntegerField(allow_null=True)
    weighted = serializers.FloatField(allow_null=True)
    cells = CellSerializer(many=True)


class TableSerializer(serializers.Serializer[Any]):
    item = serializers.CharField()
    question = serializers.CharField()
    among = serializers.CharField()
    preset = serializers.CharField()
    weights = serializers.CharField()
    run = serializers.IntegerField()
    refused = serializers.IntegerField()
    rows = RowSerializer(many=True)
    notes = serializers.ListField(child=serializers.CharField())


class OfRun(APIView):
    """Reads the weighted answers of a run. For admins."""

    permission_classes = [IsAuthenticated, InWave]
    roles: ClassVar[frozenset[Role]] = frozenset({Role.ADMIN})
    membership: Membership

    def answers(self, run: int, weights: str = INHABITANTS) -> Answers:
        row = run_of(self.membership.wave, run)
        if row is None:
            raise Http404
        return answers_of(row, weights)


class Questions(OfRun):
    @extend_schema(responses={200: QuestionSerializer(many=True)})
    def get(self, request: Request, wave: str, run: int) -> Response:
        """Every question and computed variable that can be tabulated."""
        return Response(
            [
                {
                    "code": entry.code,
                    "words": entry.label,
                    "theme": entry.theme,
                    "answers": [{"code": code, "words": label} for code, label in entry.answers],
                }
                for entry in catalogue(self.answers(run))
            ]
        )


class Tables(OfRun):
    @extend_schema(
        parameters=[
            OpenApiParameter("item", OpenApiTypes.STR, required=True),
            OpenApiParameter("by", OpenApiTypes.STR, description="Another question; sectors else."),
            OpenApiParameter("among", OpenApiTypes.STR, description="An expression, NUM03 == 4."),
            OpenApiParameter("sum", OpenApiTypes.STR, description="Codes to add up, as 3,4."),
            OpenApiParameter("preset", OpenApiTypes.STR, enum=[*PRESETS]),
            OpenApiParameter("weights", OpenApiTypes.STR, enum=[INHABITANTS, ADULTS]),
            OpenApiParameter("gaps", OpenApiTypes.BOOL),
        ],
        responses={200: TableSerializer, 400: BAD_FILTER, 422: REFUSED},
    )
    def get(self, request: Request, wave: str, run: int) -> Response:
        """One table; what is kept back has no figures here either."""
        sent = AskSerializer(data=request.query_params)
        sent.is_valid(raise_exception=True)
        asked = sent.validated_data
        codes = tuple(code.strip() for code in asked["sum"].split(",") if code.strip())
        ask = Ask(
            asked["item"],
            by=asked["by"],
            among=asked["among"],
            sums=((" + ".join(codes), codes),) if codes else (),
            preset=asked["preset"],
            gaps=asked["gaps"],
        )
        try:
            return Response(_told(made(self.answers(run, asked["weights"]), ask), run))
        except Refused as refused:
            return Response({"errors": refused.messages}, status=422)


def _told(table: Made, run: int) -> dict[str, Any]:
    lines = list(cells(table))
    columns = len(table.table.heads)
    return {
        "item": table.question.code,
        "question": table.question.text,
        "among": table.ask.among,
        "preset": table.ask.preset,
        "weights": table.weights,
        "run": run,
        "refused": table.question.refused,
        "rows": [
            {
                "code": row.code,
                "words": row.label,
                "block": row.block,
                "reference": row.reference,
                "state": table.table.states[r],
                "n": lines[r * columns]["base"],
                "weighted": lines[r * columns]["base_ponderee"],
                "cells": [_cell(line) for line in lines[r * columns : (r + 1) * columns]],
            }
            for r, row in enumerate(table.rows)
        ],
        "notes": words.under([table]),
    }


def _cell(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "column": line["modalite"],
        "words": line["libelle_modalite"],
        "printed": line["imprime"],
        "rounded": line["arrondi"],
        "sum_of_rounded": line["somme_des_arrondis"],
        "estimate": line["part"],
        "se": line["erreur_type"],
        "low": line["borne_basse"],
        "high": line["borne_haute"],
        "wide": line["marque"] == words.STAR,
        "gap": line["ecart"],
        "gap_p": line["ecart_p"],
    }
