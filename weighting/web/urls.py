"""Addresses of the weighting inside a wave, under /v/<wave>/."""

from django.urls import path

from weighting.web import exports, runs

urlpatterns = [
    path("redressement/", runs.page, name="weighting-runs"),
    path("redressement/lancer/", runs.start, name="start-run"),
    path("redressement/<int:run>/", runs.run_page, name="weighting-run"),
    path("redressement/<int:run>/officiel/", runs.official, name="make-official"),
    path("redressement/<int:run>/comparer/", runs.compare, name="compare-runs"),
    path("exports/preparer/", exports.start, name="start-export"),
]
