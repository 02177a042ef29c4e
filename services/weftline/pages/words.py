"""The words for codes that stand in cells: enumerations of the domain, in Chinese and English, each with the tone of its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from weftline.contracts.standards import load_standards
from weftline.domain.alert_rules import RULES
from weftline.domain.vocabulary import AlertSeverity
from weftline.pages.text import Text, Tone


@dataclass(frozen=True, slots=True)
class Word:
    """A code as people say it."""

    text: Text
    tone: Tone | None = None


def _words(**texts: tuple[str, str] | tuple[str, str, Tone]) -> Mapping[str, Word]:
    return {code: Word(Text(entry[0], entry[1]), entry[2] if len(entry) == 3 else None) for code, entry in texts.items()}


_TONES: Final = {AlertSeverity.CRITICAL: Tone.BAD, AlertSeverity.MAJOR: Tone.WARN, AlertSeverity.MINOR: Tone.INFO, None: Tone.WARN}

WORDS: Final[Mapping[str, Mapping[str, Word]]] = {
    "rule": {rule.value: Word(Text(known.zh, known.en.capitalize()), _TONES[known.severity]) for rule, known in RULES.items()},
    "severity": _words(
        CRITICAL=("危急", "Critical", Tone.BAD), MAJOR=("重要", "Major", Tone.WARN), MINOR=("一般", "Minor", Tone.INFO)
    ),
    "answer": _words(
        RECEIVED=("已送达", "Received", Tone.QUIET),
        ACKNOWLEDGED=("已确认收到", "Acknowledged", Tone.INFO),
        ACCEPTED=("已认可", "Accepted", Tone.FIRST),
        DECLINED=("有异议", "Declined", Tone.WARN),
        CLOSED=("已关闭", "Closed", Tone.GOOD),
    ),
    "verdict": _words(
        PASS=("合格", "Pass", Tone.GOOD),
        FAIL=("不合格", "Fail", Tone.BAD),
        INCOMPLETE=("不完整", "Incomplete", Tone.WARN),
        NOT_APPLICABLE=("不适用", "Not applicable", Tone.QUIET),
    ),
    "outcome": _words(
        PASS=("合格", "Pass", Tone.GOOD), FAIL=("不合格", "Fail", Tone.BAD), NOT_JUDGED=("未判定", "Not judged", Tone.QUIET)
    ),
    "scope": _words(FULL=("全项目", "Full", Tone.GOOD), PARTIAL=("部分项目", "Partial", Tone.WARN)),
    "lot_result": _words(
        ACCEPTED=("接收", "Accepted", Tone.GOOD),
        NOT_ACCEPTED=("不接收", "Not accepted", Tone.BAD),
        NOT_JUDGED=("未判定", "Not judged", Tone.QUIET),
    ),
    "severity_due": _words(
        NORMAL=("正常", "Normal", Tone.GOOD),
        TIGHTENED=("加严", "Tightened", Tone.WARN),
        DISCONTINUED=("暂停", "Discontinued", Tone.BAD),
    ),
    "nonconformity_class": _words(CRITICAL=("致命", "Critical"), MAJOR=("严重", "Major"), MINOR=("轻微", "Minor")),
    "milestone": _words(
        PREPARING=("备货", "Preparing", Tone.QUIET),
        IN_TRANSIT=("在途", "In transit", Tone.INFO),
        ARRIVED=("已到达", "Arrived", Tone.FIRST),
        DELIVERED=("已签收", "Delivered", Tone.GOOD),
    ),
    "trade_mode": _words(
        DOMESTIC=("国内", "Domestic"),
        GENERAL_TRADE=("一般贸易", "General trade"),
        MARKET_PROCUREMENT=("市场采购 1039", "Market procurement (1039)"),
        CROSS_BORDER_ECOMMERCE=("跨境电商", "Cross-border e-commerce"),
        UNKNOWN=("未说明", "Not stated"),
    ),
    "order_status": _words(
        DRAFTED=("草稿", "Drafted", Tone.QUIET),
        REQUESTED=("已申请", "Requested", Tone.QUIET),
        QUOTED=("已报价", "Quoted", Tone.QUIET),
        CONFIRMED=("已确认", "Confirmed", Tone.INFO),
        MATERIAL_READY=("备料完成", "Material ready", Tone.INFO),
        IN_PRODUCTION=("打样中", "In production", Tone.INFO),
        INTERNAL_QC=("内部检验", "Internal QC", Tone.INFO),
        DISPATCHED=("已寄出", "Dispatched", Tone.FIRST),
        RECEIVED=("已收到", "Received", Tone.FIRST),
        COMMENTED=("已评审", "Commented", Tone.FIRST),
        APPROVED=("已确认样", "Approved", Tone.GOOD),
        REVISION_REQUESTED=("需修改", "Revision requested", Tone.WARN),
        REJECTED=("被拒", "Rejected", Tone.BAD),
        CANCELLED=("已取消", "Cancelled", Tone.QUIET),
        ON_HOLD=("暂停", "On hold", Tone.WARN),
        RESUMED=("恢复", "Resumed", Tone.INFO),
    ),
    "sample_type": _words(
        PROTO=("初样", "Proto"),
        LAB_DIP=("色样", "Lab dip"),
        STRIKE_OFF=("印花手样", "Strike-off"),
        SIZE_SET=("尺码样", "Size set"),
        PRE_PRODUCTION=("产前样", "Pre-production"),
        SALES=("销售样", "Sales sample"),
        TOP=("大货样", "Top of production"),
        UNKNOWN=("未说明", "Not stated"),
    ),
    "report_status": _words(
        SUBMITTED=("已提交", "Submitted", Tone.QUIET),
        VERIFIED=("已审核", "Verified", Tone.INFO),
        PUBLISHED=("已发布", "Published", Tone.GOOD),
        WITHDRAWN=("已撤回", "Withdrawn", Tone.WARN),
    ),
    "declaration": _words(
        NO_EVENT=("没有这个事件", "No such event", Tone.WARN),
        OTHER_TIME=("事件的时间不同", "The event has another time", Tone.WARN),
    ),
    "task": _words(
        RECTIFY=("整改", "Rectify"),
        ACCEPT=("验收整改", "Accept"),
        REINSPECT=("复检", "Re-inspection"),
        REQUEST=("审批免费检测", "Free test to decide"),
        PROPOSAL=("规则提议列榜", "Proposed by a rule"),
        LISTING=("决定列榜", "Listing to decide"),
        APPEAL=("答复申诉", "Appeal to answer"),
        EARLY_REMOVAL=("可申请提前移出", "Early removal possible"),
        APPLICATION=("审批商标申请", "Trademark to decide"),
        FELL_OUT=("不再符合商标条件", "Fell out of the mark", Tone.WARN),
        EXPIRING=("即将到期", "Expires soon", Tone.WARN),
        RESULT=("新检测结果", "New result"),
        BUDGET=("预算将尽", "Budget nearly used", Tone.WARN),
    ),
    "desk": _words(MEMBER=("成员", "Member"), OFFICER=("质量专员", "Officer")),
    "stage": _words(
        RECTIFY=("待整改", "Rectify", Tone.WARN),
        ACCEPT=("待验收", "Accept", Tone.INFO),
        REINSPECT=("待复检", "Re-inspect", Tone.INFO),
        SECOND_ROUND=("第二次复检", "Second round", Tone.BAD),
        PASSED=("复检合格", "Passed", Tone.GOOD),
        FAILED=("再次不合格", "Failed again", Tone.BAD),
    ),
    "list": _words(RED=("红榜", "Red", Tone.GOOD), BLACK=("黑榜", "Black", Tone.BAD)),
    "entry_state": _words(
        BY_RULE=("规则提议", "Proposed by a rule", Tone.INFO),
        PROPOSED=("提议待决定", "Proposed", Tone.INFO),
        LISTED=("在榜", "Listed", Tone.FIRST),
        APPEALED=("申诉中，暂停列示", "Appealed, suspended", Tone.WARN),
        LIFTED=("已移出", "Lifted", Tone.QUIET),
        EXPIRED=("已到期", "Expired", Tone.QUIET),
    ),
    "lenient": _words(OPEN=("视整改结果", "Open"), MAY_BE=("可以", "May be", Tone.GOOD), NO=("否", "No", Tone.QUIET)),
    "yes": _words(YES=("是", "Yes"), NO=("否", "No")),
    "good_if_yes": _words(YES=("是", "Yes", Tone.GOOD), NO=("否", "No", Tone.WARN)),
    "bad_if_yes": _words(YES=("是", "Yes", Tone.BAD), NO=("否", "No", Tone.QUIET)),
    # Grades are a cooperative's own; these are those of the rules for all that have none.
    "credit_grade": _words(
        excellent=("优", "Excellent", Tone.GOOD),
        good=("良", "Good", Tone.GOOD),
        fair=("中", "Fair", Tone.WARN),
        watch=("警", "Watch", Tone.BAD),
    ),
    "membership": _words(
        JOINED=("已加入", "Joined"),
        PLEDGE_SIGNED=("已签公约", "Pledge signed", Tone.GOOD),
        SUSPENDED=("暂停", "Suspended", Tone.WARN),
        RESUMED=("恢复", "Resumed"),
        LEFT=("已退出", "Left", Tone.QUIET),
    ),
    "behind": _words(
        failing=("未满足条件更多", "more conditions fail"),
        score=("信用分较低", "lower score"),
        share=("合格率较低", "lower share passed"),
        passed=("合格批次较少", "fewer tests passed"),
        factory_id=("并列", "equal"),
    ),
    "figure": _words(
        members=("成员", "Members"),
        chief_officers=("首席质量官", "Chief quality officers"),
        specialists=("质量专员", "Quality specialists"),
        iso_9001=("ISO 9001 企业", "With ISO 9001"),
        batches=("免费检测批次", "Free batches tested"),
        price=("每批价格（元）", "Price per batch (RMB)"),
        spent=("基金支出（元）", "Spent by the fund (RMB)"),
        passed=("检测合格率", "Share of tests passed"),
    ),
    # Product categories are the publishers' own; these are the usual ones, any other is shown as it comes.
    "product_category": {
        code: Word(Text(zh, en))
        for code, zh, en in (
            ("sheet", "床单", "Sheet"),
            ("quilt-cover", "被套", "Quilt cover"),
            ("pillowcase", "枕套", "Pillowcase"),
            ("bedding-set", "床品套件", "Bedding set"),
            ("quilt", "被子", "Quilt"),
            ("summer-quilt", "夏凉被", "Summer quilt"),
            ("pillow", "枕头", "Pillow"),
            ("cushion", "靠垫", "Cushion"),
            ("curtain", "窗帘", "Curtain"),
            ("blanket", "毯子", "Blanket"),
            ("infant-set", "婴幼儿套件", "Infant set"),
        )
    },
}


@cache
def words_of(enumeration: str) -> Mapping[str, Word]:
    """Codes and their words; the indicators' names stand in the standards (``indicator``)."""
    if enumeration == "indicator":
        return {code: Word(Text(entry.zh, _capital(entry.en))) for code, entry in load_standards().indicators.items()}
    return WORDS[enumeration]


def _capital(name: str) -> str:
    """A name as it begins a heading; pH stays pH."""
    return name if name[1:2].isupper() else name[:1].upper() + name[1:]
