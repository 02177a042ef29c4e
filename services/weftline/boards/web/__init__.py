"""The built-in board: the panels of :mod:`weftline.boards` as web pages, live, without Grafana (NiceGUI with ECharts).

Pure: :mod:`.look` (figures as people write them), :mod:`.address` (what stands in a URL), :mod:`.charts`, :mod:`.tables`,
:mod:`.strip`. :mod:`.source` runs SQL, :mod:`.watch` notices changes, :mod:`.frame`, :mod:`.board`, :mod:`.panels`, :mod:`.packing`
and :mod:`.alert` are the pages, :mod:`.program` serves them.
"""
