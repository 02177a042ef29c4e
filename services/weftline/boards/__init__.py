"""Boards as code: one definition of each panel makes Grafana's boards and the built-in board.

:mod:`.model` says what a panel is, :mod:`.fields` and :mod:`.words` hold names and colours, one module per board its questions and
SQL; :mod:`.macros` expands that SQL as ClickHouse's Grafana data source does.
"""

from typing import Final

from weftline.boards.center import CENTER_BOARD
from weftline.boards.cooperative import COOPERATIVE_BOARD
from weftline.boards.factory import FACTORY_BOARD
from weftline.boards.logistics import LOGISTICS_BOARD
from weftline.boards.model import Board
from weftline.boards.overview import OVERVIEW
from weftline.boards.platform import PLATFORM
from weftline.boards.quality import QUALITY_BOARD
from weftline.boards.subjects import LOT_BOARD, REPORT_BOARD

BOARDS: Final[tuple[Board, ...]] = (
    OVERVIEW,
    CENTER_BOARD,
    QUALITY_BOARD,
    LOGISTICS_BOARD,
    FACTORY_BOARD,
    COOPERATIVE_BOARD,
    PLATFORM,
    REPORT_BOARD,
    LOT_BOARD,
)
