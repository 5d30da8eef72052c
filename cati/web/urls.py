"""Addresses inside a wave, under /v/<wave>/."""

from django.urls import path

from cati.web import supervisor, wave

urlpatterns = [
    path("terrain/", supervisor.board, name="board"),
    path("terrain/tableau/", supervisor.board_rows, name="board-rows"),
    path("preparation/", wave.home, name="wave-home"),
]
