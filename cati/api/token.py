"""A program's way in: a name and a password for a token, counted like the tries on the screen."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cati.api.schema import RefusalSerializer
from cati.operations import tries


class CredentialsSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(min_length=1, max_length=150, trim_whitespace=False)
    password = serializers.CharField(min_length=1, max_length=4096, trim_whitespace=False)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()


class TokenView(APIView):
    """Send the token as `Authorization: Token …` with every request; it acts as its person."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        request=CredentialsSerializer,
        responses={
            200: TokenSerializer,
            400: OpenApiResponse(dict[str, list[str]], "What is not given: why, by field."),
            401: OpenApiResponse(RefusalSerializer, "Name and password do not match."),
            429: OpenApiResponse(RefusalSerializer, "Too many tries: wait five minutes."),
        },
    )
    def post(self, request: Request) -> Response:
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        name = credentials.validated_data["username"]
        address = request.META.get("REMOTE_ADDR", "")
        try:
            tries.take(name, address)
        except tries.TooManyTries as error:
            raise Throttled(wait=tries.WAIT_SECONDS) from error
        user = authenticate(request._request, **credentials.validated_data)
        if user is None:
            raise AuthenticationFailed(_("L’identifiant ou le mot de passe ne correspond pas."))
        tries.forget(name, address)
        token, _created = Token.objects.get_or_create(user=user)
        return Response({"token": token.key})

    def get_authenticate_header(self, request: Request) -> str:
        """Named, so that a wrong password answers 401 and not 403."""
        return "Token"
