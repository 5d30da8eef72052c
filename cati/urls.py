"""Addresses of the whole product."""

from django.urls import include, path

from cati.web.auth import home, login, logout
from cati.web.errors import not_found, server_error
from cati.web.health import livez, readyz

urlpatterns = [
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("", home, name="home"),
    path("connexion/", login, name="login"),
    path("deconnexion/", logout, name="logout"),
    path("v/<slug:wave>/", include("cati.web.urls")),
    path("v/<slug:wave>/", include("weighting.web.urls")),
    path("api/", include("cati.api.urls")),
    path("api/v1/", include("weighting.api.urls")),
]

handler404 = not_found
handler500 = server_error
