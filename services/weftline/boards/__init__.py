"""Boards as code: one definition of each panel makes Grafana's boards and the built-in board.

:mod:`.model` says what a panel is, :mod:`.fields` and :mod:`.words` hold names and colours, one module per board its questions and
SQL; :mod:`.macros` expands that SQL as ClickHouse's Grafana data source does.
"""

from typing import Final

from weftline.boards.center import CENTER_BOARD
from weftline.boards.model import Board
from weftline.boards.overview import OVERVIEW

BOARDS: Final[tuple[Board, ...]] = (OVERVIEW, CENTER_BOARD)
