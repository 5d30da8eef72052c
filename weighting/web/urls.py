"""Addresses of the weighting inside a wave, under /v/<wave>/."""

from django.urls import path

from weighting.web import exports, forecast, margins, runs, tables

urlpatterns = [
    path("redressement/", runs.page, name="weighting-runs"),
    path("redressement/lancer/", runs.start, name="start-run"),
    path("redressement/<int:run>/", runs.run_page, name="weighting-run"),
    path("redressement/<int:run>/officiel/", runs.official, name="make-official"),
    path("redressement/<int:run>/comparer/", runs.compare, name="compare-runs"),
    path("redressement/prevision/", forecast.page, name="weighting-forecast"),
    path("redressement/marges/", margins.page, name="margins"),
    path("redressement/marges/deposer/", margins.upload, name="upload-margins"),
    path("redressement/marges/verification/", margins.verification, name="check-margins"),
    path("redressement/marges/corriger/", margins.mend, name="mend-margins"),
    path("redressement/marges/charger/", margins.load, name="load-margins"),
    path("redressement/marges/a-corriger.<str:form>", margins.draft_file, name="margins-to-mend"),
    path("redressement/marges/fichier.<str:form>", margins.file, name="margins-file"),
    path("redressement/marges/<int:set>/choisir/", margins.choose, name="choose-margins"),
    path("redressement/marges/regroupements/", margins.declare, name="declare-collapse"),
    path("redressement/marges/regroupements/accepter/", margins.accept, name="accept-collapses"),
    path(
        "redressement/marges/regroupements/<int:collapse>/retirer/",
        margins.withdraw,
        name="withdraw-collapse",
    ),
    path("redressement/<int:run>/variables/", exports.codebook, name="codebook"),
    path("tableaux/", tables.page, name="tables"),
    path("tableaux/fichier.<str:form>", tables.file, name="tables-file"),
    path("tableaux/tous/", tables.start, name="start-tables"),
    path("tableaux/flash/<slug:theme>/", tables.flash, name="flash"),
    path("tableaux/flash/<slug:theme>/fichier.<str:form>", tables.flash_file, name="flash-file"),
    path("exports/preparer/", exports.start, name="start-export"),
]
