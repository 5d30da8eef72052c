"""Addresses of the weighting in the API."""

from rest_framework.routers import SimpleRouter

from weighting.api.exports import Exports
from weighting.api.runs import Runs

router = SimpleRouter(use_regex_path=False)
router.register("waves/<slug:wave>/runs", Runs, "api-run")
router.register("waves/<slug:wave>/exports", Exports, "api-export")
urlpatterns = router.urls
