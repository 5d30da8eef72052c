"""Lists come in pages, so that no request asks for a whole sample."""

from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    """`?page=2&page_size=200`: 50 rows to a page, 200 at most."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
