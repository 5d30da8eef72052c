"""Addresses of the API: the waves, and the rows of each under its own name."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny
from rest_framework.routers import SimpleRouter

from cati.api.cases import Cases
from cati.api.interviews import Interviews
from cati.api.jobs import Jobs
from cati.api.quotas import Quotas
from cati.api.rates import RatesView
from cati.api.token import TokenView
from cati.api.waves import Waves

router = SimpleRouter(use_regex_path=False)
router.register("waves", Waves, "api-wave")
router.register("waves/<slug:wave>/cases", Cases, "api-case")
router.register("waves/<slug:wave>/interviews", Interviews, "api-interview")
router.register("waves/<slug:wave>/jobs", Jobs, "api-job")
router.register("waves/<slug:wave>/quotas", Quotas, "api-quota")

# The description is public, as the product is; what it describes is not.
schema = SpectacularAPIView.as_view(permission_classes=[AllowAny], authentication_classes=[])
docs = SpectacularSwaggerView.as_view(
    permission_classes=[AllowAny],
    authentication_classes=[],
    url_name="api-schema",
    template_name="cati/api_docs.html",
)

urlpatterns = [
    path("v1/token/", TokenView.as_view(), name="api-token"),
    path("v1/waves/<slug:wave>/rates/", RatesView.as_view(), name="api-rates"),
    path("v1/", include(router.urls)),
    path("schema/", schema, name="api-schema"),
    path("docs/", docs, name="api-docs"),
]
