"""A list on several pages: which one is asked for, and the search that its links keep."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest

TO_A_PAGE = 30


def listed(request: HttpRequest, found: Any, to_a_page: int = TO_A_PAGE) -> dict[str, Any]:
    """`page`, and `query`: the search as a query string, without the page."""
    query = request.GET.copy()
    query.pop("page", None)
    page = Paginator(found, to_a_page).get_page(request.GET.get("page"))
    return {"page": page, "query": query.urlencode()}
