"""Addresses of the weighting in the API."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from weighting.api.dataset import DatasetPages
from weighting.api.exports import Exports
from weighting.api.margins import MarginSets
from weighting.api.runs import Runs
from weighting.api.tables import Questions, Tables

router = SimpleRouter(use_regex_path=False)
router.register("waves/<slug:wave>/margins", MarginSets, "api-margins")
router.register("waves/<slug:wave>/runs", Runs, "api-run")
router.register("waves/<slug:wave>/exports", Exports, "api-export")
urlpatterns = [
    path("waves/<slug:wave>/runs/<int:run>/dataset/", DatasetPages.as_view(), name="api-dataset"),
    path("waves/<slug:wave>/runs/<int:run>/questions/", Questions.as_view(), name="api-questions"),
    path("waves/<slug:wave>/runs/<int:run>/tables/", Tables.as_view(), name="api-tables"),
    *router.urls,
]
