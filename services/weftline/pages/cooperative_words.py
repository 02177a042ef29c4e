"""The words for codes of a cooperative, for what people take away: packs and monthly reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weftline.contracts.standards import load_standards
from weftline.pages.rule_words import rule_bases
from weftline.pages.text import Text

_UNKNOWN: Final = Text("未说明", "not stated")


def _texts(**texts: tuple[str, str]) -> Mapping[str, Text]:
    return {code: Text(*both) for code, both in texts.items()}


WORDS: Final[Mapping[str, Mapping[str, Text]]] = {
    "pack": _texts(
        LOAN=("苏质贷质量证明", "Quality evidence for a loan"),
        TRADEMARK=("集体商标申请证明", "Evidence for the collective trademark"),
    ),
    "verdict": _texts(
        PASS=("合格", "passed"),
        FAIL=("不合格", "failed"),
        INCOMPLETE=("不完整", "incomplete"),
        NOT_APPLICABLE=("不适用", "not applicable"),
    ),
    "coverage": _texts(FULL=("全项目", "all that is required"), PARTIAL=("部分项目", "a part")),
    "purpose": _texts(
        COMMISSIONED=("委托检验", "commissioned"),
        FUND=("基金检测", "fund"),
        SPOT_CHECK=("监督抽查", "spot check"),
        RE_INSPECTION=("复检", "re-inspection"),
    ),
    "payer": _texts(FACTORY=("工厂", "factory"), TESTING_FUND=("检测基金", "testing fund"), AUTHORITY=("监管部门", "authority")),
    "honour": _texts(MARK_REGISTERED=("注册商标", "registered mark"), HONOURED=("品牌荣誉", "honour")),
    "list": _texts(RED=("红榜", "red list"), BLACK=("黑榜", "black list")),
    "entry": _texts(
        PROPOSED=("待决定", "proposed"),
        LISTED=("在榜", "on the list"),
        APPEALED=("申诉中，暂停列示", "appealed, suspended"),
        LIFTED=("已移出", "lifted"),
        EXPIRED=("已到期", "expired"),
    ),
    "stage": _texts(
        RECTIFY=("待整改", "to be rectified"),
        ACCEPT=("待验收", "to be accepted"),
        REINSPECT=("待复检", "to be re-inspected"),
        SECOND_ROUND=("待第二次复检", "second re-inspection"),
        PASSED=("复检合格", "passed"),
        FAILED=("第二次复检不合格", "failed again"),
    ),
    "level": _texts(
        COOPERATIVE=("合作社", "cooperative"),
        COUNTY=("县（市、区）", "county"),
        CITY=("市", "city"),
        PROVINCE=("省", "province"),
        NATIONAL=("国家", "national"),
    ),
    "standing": _texts(
        APPLIED=("已申请", "applied"),
        HOLDS=("准用", "holds it"),
        FELL_OUT=("准用，但已不符合条件", "holds it, and no longer meets the conditions"),
        REFUSED=("未批准", "refused"),
        SUSPENDED=("暂停使用", "suspended"),
        WITHDRAWN=("已撤回", "withdrawn"),
        EXPIRED=("已到期", "expired"),
    ),
    "size": _texts(MICRO=("微型", "micro"), SMALL=("小型", "small"), MEDIUM=("中型", "medium"), LARGE=("大型", "large")),
    "role": _texts(
        CHIEF_QUALITY_OFFICER=("首席质量官", "chief quality officer"), QUALITY_SPECIALIST=("质量专员", "quality specialist")
    ),
    "confidence": _texts(confirmed=("已确认", "confirmed"), unconfirmed=("建议稿", "proposal")),
    "flag": _texts(true=("是", "yes"), false=("否", "no")),
}


def word(of: str, code: str) -> Text:
    """A code as people say it; a code that nobody knows stays as it is. Standards name indicators and categories, rules grounds."""
    if of == "category":
        category = load_standards().category(code)
        return Text(category.zh, category.en) if category is not None else _bare(code)
    if of == "indicator":
        indicator = load_standards().indicators.get(code)
        return Text(indicator.zh, indicator.en) if indicator is not None else _bare(code)
    if of == "ground":
        rule = rule_bases().get(code)
        return Text(rule.zh, rule.en) if rule is not None else _bare(code)
    return WORDS[of].get(code) or _bare(code)


def _bare(code: str) -> Text:
    return _UNKNOWN if code in ("", "UNKNOWN") else Text(code, code)
