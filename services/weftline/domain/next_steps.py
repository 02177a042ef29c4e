"""What to do about an alert, in two sentences: what stops the harm now, and what ends the matter in the tables. It is ours, no standard
says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from weftline.domain.vocabulary import AlertRule


class Next(NamedTuple):
    """The same in both languages. ``short``: what a message says of it, (Chinese, English); the rest stands behind its link."""

    zh: str
    en: str
    short: tuple[str, str]


NEXT: Final[Mapping[AlertRule, Next]] = {
    AlertRule.SAFETY_LIMIT_FAILED: Next(
        "停止该产品出货，隔离证据所列批次，查明来源。复检合格后由检测机构出具修订报告；若原报告有误，由其撤回。",
        "Stop shipping this product, set the lots apart and find where it comes from. A new test is reported as an amendment; a report "
        "that was wrong is withdrawn by its laboratory.",
        (
            "停止使用和发运涉及的批次，隔离存放，联系检测中心安排复检。",
            "Stop using and shipping the lots concerned, set them apart, ask the center for a further test.",
        ),
    ),
    AlertRule.LOT_NOT_ACCEPTED: Next(
        "隔离该批，全检或返工，不要直接发货。返工后以再次提交（RESUBMITTED）送检，接收后本事项结束。",
        "Set the lot apart, sort or rework it, and do not ship it. Submit it again (RESUBMITTED); when that is "
        "accepted, the matter is over.",
        ("该批次不得发运；挑选或返工后重新提交检验。", "Do not ship the lot; sort or rework it, then submit it again."),
    ),
    AlertRule.SWITCHED_TO_TIGHTENED: Next(
        "此后各批按加严方案抽样（`weftline plan --tightened`）。连续五批首次检验接收后恢复正常检验。",
        "Sample the next lots by the tightened plan (`weftline plan --tightened`). Five original lots accepted in a "
        "row lead back to normal.",
        (
            "后续批次按加严方案抽样；查找不合格的共同原因。",
            "Sample the next lots by the tightened plan; look for the common cause.",
        ),
    ),
    AlertRule.INSPECTION_DISCONTINUED: Next(
        "停止按此验收，查明原因并实施纠正措施。合作社认可后发布纠正措施事件，检验以加严方案恢复。",
        "Stop accepting by inspection, find the cause and correct it. When the cooperative accepts the corrective action "
        "and it is published, inspection resumes on tightened.",
        ("停止提交批次，制定纠正措施并提交检测中心认可。", "Submit no more lots; agree a corrective action with the center."),
    ),
    AlertRule.THREE_FAILURES_IN_A_ROW: Next(
        "对照证据中的三份报告，查原料、工艺与检测方法的共同点。该指标下一次合格即结束连续不合格。",
        "Compare the three reports of the evidence: material, process, method. The next result that passes ends the run.",
        (
            "检查原料与染整工艺，在查明原因之前不要送检新批次。",
            "Check material and finishing; submit no new lots before the cause is known.",
        ),
    ),
    AlertRule.ORDER_OVERDUE: Next(
        "联系打样中心，商定新的交期。中心发布完成或发运后本事项结束。",
        "Ask the sampling center for a new date. The matter is over when the center publishes that the round is finished or dispatched.",
        ("联系打样中心确认新的完成时间，并告知客户。", "Agree a new date with the center, and tell the customer."),
    ),
    AlertRule.SHIPMENT_OVERDUE: Next(
        "联系承运人，确认货物位置与新的预计到达时间。到货事件发布后本事项结束。",
        "Ask the carrier where the goods are and when they arrive. The matter is over when the arrival is published.",
        ("联系承运方查询货物位置，并告知收货方。", "Ask the carrier where it is, and tell the consignee."),
    ),
    AlertRule.RECTIFICATION_DUE: Next(
        "在期限前提交整改报告或通过复检。相应的执法事件（ENFORCEMENT）或指明原报告的复检报告发布后，本事项结束。",
        "Report what was put right, or pass the re-inspection, before the day. The matter is over when the event of the case, or the "
        "report of a re-inspection that names the failed one, is published.",
        (
            "按期提交整改报告或安排复检；质量专员跟进该案件。",
            "Report what was put right, or arrange the re-inspection, in time; the officer follows the case up.",
        ),
    ),
    AlertRule.RECTIFICATION_OVERDUE: Next(
        "立即整改并复检。整改报告或复检结果发布后，本事项结束；逾期本身仍计入信用。",
        "Rectify and be re-inspected at once. The matter is over when that is published; that it was late still counts in the credit.",
        (
            "立即整改并安排复检；逾期越久，列入合作社黑榜的提议越近。",
            "Rectify and be re-inspected at once; what stays overdue is proposed for the cooperative's own black list.",
        ),
    ),
    AlertRule.TRADEMARK_FELL_OUT: Next(
        "按 `weftline members trademark` 所列办法补齐未满足的条件。条件重新满足或使用权终止后，本事项结束。",
        "Cure what `weftline members trademark` names. The matter is over when all conditions are met again or the right has ended.",
        (
            "对照未满足的条件逐项补齐；是否暂停使用由授权者决定。",
            "Cure the conditions that it names; whether the right is suspended is for whoever grants it.",
        ),
    ),
    AlertRule.LISTING_PROPOSED: Next(
        "由有权者决定，并发布注明决定人的列榜事件（LISTING DECIDED 或 LIFTED）；决定后本事项结束。",
        "A person decides, and an event LISTING that names who, DECIDED or LIFTED, is published; then the matter is over.",
        (
            "有权者审阅依据后作出决定；成员可以先行说明。",
            "Whoever decides reads the evidence and decides; the member may explain itself before.",
        ),
    ),
}
