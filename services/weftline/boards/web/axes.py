"""What all charts have in common, as parts of an ECharts option: axes, the box at the pointer, fonts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from weftline.boards.web.look import Look
from weftline.pages.palette import surface
from weftline.pages.reader import NOTHING, Scale, clock

Option = dict[str, Any]

FONT: Final = 'system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif'
#: The labels of the axes stay within the margins.
CONTAIN: Final = {"outerBoundsMode": "same", "outerBoundsContain": "axisLabel"}


def base(look: Look) -> Option:
    """What all charts have in common. Nothing moves by itself: a change is there at once, and nobody is made to wait for it."""
    return {
        "useUTC": True,
        "animation": False,
        "backgroundColor": "transparent",
        "textStyle": {"fontFamily": FONT, "color": surface("text", look.dark)},
    }


def tooltip(look: Look, by: Scale) -> Option:
    """The box that follows the pointer. It stays within the chart."""
    digits = "{maximumFractionDigits: 2}" if by.digits is None else f"{{maximumFractionDigits: {by.digits}}}"
    behind = f" + ' {by.unit}'" if by.unit else ""
    return {
        "trigger": "axis",
        "confine": True,
        "backgroundColor": surface("card", look.dark),
        "borderColor": surface("line", look.dark),
        "textStyle": {"color": surface("text", look.dark), "fontSize": 12},
        "axisPointer": {"type": "line", "lineStyle": {"color": surface("soft", look.dark), "type": "dotted"}},
        # The one piece of script: ECharts takes the wording of figures as a function only.
        ":valueFormatter": f"v => v == null ? '{NOTHING}' : Number(v).toLocaleString('en', {digits}){behind}",
    }


def value_axis(look: Look, by: Scale, **more: Any) -> Option:
    """An axis of figures: grid lines, no line of its own."""
    return {
        "type": "value",
        "axisLabel": {"color": surface("soft", look.dark), "fontSize": 11, "formatter": f"{{value}} {by.unit}".strip()},
        "splitLine": {"lineStyle": {"color": surface("line", look.dark)}},
        "splitNumber": 4,
        "minInterval": 0 if by.unit else 1,
        **more,
    }


def time_axis(look: Look, begin: int, end: int) -> Option:
    """An axis of time over the range (seconds)."""
    label = {"year": "{yyyy}", "month": "{yyyy}-{MM}", "day": "{MM}-{dd}", "hour": "{HH}:{mm}", "minute": "{HH}:{mm}"}
    return {
        "type": "time",
        "min": clock(begin * 1000, look.zone),
        "max": clock(end * 1000, look.zone),
        "axisLabel": {"color": surface("soft", look.dark), "fontSize": 11, "hideOverlap": True, "formatter": label},
        "axisLine": {"lineStyle": {"color": surface("line", look.dark)}},
        "axisTick": {"lineStyle": {"color": surface("line", look.dark)}},
        "splitLine": {"show": False},
    }


def category_axis(look: Look, names: Sequence[str], **more: Any) -> Option:
    """An axis of names."""
    label = {"color": surface("soft", look.dark), "fontSize": 11, "hideOverlap": True, **more.pop("axisLabel", {})}
    return {
        "type": "category",
        "data": list(names),
        "axisLabel": label,
        "axisLine": {"lineStyle": {"color": surface("line", look.dark)}},
        "axisTick": {"show": False},
        **more,
    }
