"""Platform: rate, errors and duration of each processor in the order of the flow, lag, freshness, drift. For the engineer on call."""

from __future__ import annotations

from typing import Final

from weftline.boards.model import Board, Kind, Panel, Row, Text, Threshold, Tone, Unit
from weftline.contracts.kinds import BY_PROCESSOR

_PROCESSORS: Final = f'program=~"{"|".join(BY_PROCESSOR)}"'
_AT_ONCE: Final = (Threshold(Tone.GOOD), Threshold(Tone.BAD, 1))


def _stat(
    identity: str,
    title: Text,
    question: Text,
    promql: str,
    unit: Unit = Unit.COUNT,
    thresholds: tuple[Threshold, ...] = _AT_ONCE,
    legend: str = "",
) -> Panel:
    return Panel(
        id=identity,
        title=title,
        question=question,
        kind=Kind.STAT,
        promql={legend: promql},
        unit=unit,
        thresholds=thresholds,
        width=4,
        height=4,
    )


def _lines(
    identity: str,
    title: Text,
    question: Text,
    promql: dict[str, str],
    unit: Unit = Unit.COUNT,
    thresholds: tuple[Threshold, ...] = (),
    kind: Kind = Kind.LINES,
    width: int = 12,
) -> Panel:
    return Panel(
        id=identity, title=title, question=question, kind=kind, promql=promql, unit=unit, thresholds=thresholds, width=width
    )


#: What answers besides the processors.
EXPORTERS: Final = ("lag", "audit", "watch", "gateway")

HEALTH: Final = Row(
    Text("是否正常", "Is all well?"),
    (
        _stat(
            "ready",
            Text("在运行的程序", "Programs that answer"),
            Text("多少 Weftline 程序在应答？", "How many Weftline programs answer?"),
            'sum(up{job="weftline"})',
            thresholds=(Threshold(Tone.BAD), Threshold(Tone.GOOD, len(BY_PROCESSOR) + len(EXPORTERS))),
        ),
        _stat(
            "waiting",
            Text("等待依赖", "Waiting for a dependency"),
            Text(
                "有程序在等待 Kafka、ClickHouse 或模式注册中心吗？",
                "Does a program wait for Kafka, ClickHouse or the schema registry?",
            ),
            "sum(weftline_waiting) or vector(0)",
        ),
        _stat(
            "lag",
            Text("积压", "Lag"),
            Text("多少记录已发布而未确认？", "How many records are published and not yet acknowledged?"),
            "sum(kafka_consumergroup_lag)",
            thresholds=(Threshold(Tone.GOOD), Threshold(Tone.WARN, 5_000), Threshold(Tone.BAD, 50_000)),
        ),
        _stat(
            "drift",
            Text("漂移", "Drift"),
            Text("上次审计有多少行与记录不符？", "How many rows were not as the records say in the last audit?"),
            "sum(weftline_audit_drift_rows)",
        ),
        _stat(
            "outbox",
            Text("未送达的预警", "Alerts not delivered"),
            Text("多少预警判定后一分钟仍未发布？", "How many alerts were not published within a minute?"),
            "sum(weftline_outbox_alerts)",
        ),
        _stat(
            "silent-centers",
            Text("静默的中心", "Silent centers"),
            Text("多少打样中心停止上报？", "How many sampling centers have stopped publishing?"),
            "max(weftline_silent_centers)",
            thresholds=(Threshold(Tone.GOOD), Threshold(Tone.WARN, 1)),
        ),
    ),
)

RED: Final = Row(
    Text("流量、错误、时长", "Rate, errors, duration"),
    (
        _lines(
            "rate",
            Text("处理速率", "Records per second"),
            Text("每个处理器每秒处理多少记录？", "How many records does each processor take per second?"),
            {"{{program}}": "sum by (program) (rate(weftline_records_total[5m]))"},
            Unit.PER_SECOND,
        ),
        _lines(
            "errors",
            Text("错误", "Errors"),
            Text("哪里出了意外，哪里有记录进入死信？", "Where is something unexpected, and where do records go to dead letters?"),
            {
                "{{program}} {{call}}": "sum by (program, call) (rate(weftline_faults_total[5m])) > 0",
                "{{program}} {{reason}}": "sum by (program, reason) (rate(weftline_dead_letters_total[5m])) > 0",
            },
            Unit.PER_SECOND,
        ),
        _lines(
            "duration",
            Text("每步时长 P99", "Time per step, p99"),
            Text("一步、一次落盘、一次清扫最多要多久？", "How long do a step, a settle and a sweep take at most?"),
            {
                "{{program}} {{phase}}": "histogram_quantile(0.99, sum by (program, phase, le) "
                '(rate(weftline_phase_seconds_bucket{phase=~"step|settle|sweep"}[5m])))'
            },
            Unit.SECONDS,
        ),
        _lines(
            "phases",
            Text("时间花在哪里", "Where the time goes"),
            Text("每秒中各阶段占多少？", "What share of each second does each phase take?"),
            {
                "{{phase}}": 'sum by (phase) (rate(weftline_phase_seconds_sum{phase!~"step|settle"}[5m]))',
            },
            Unit.RATIO,
            kind=Kind.AREAS,
        ),
    ),
)

FLOW: Final = Row(
    Text("积压与新鲜度", "Lag and freshness"),
    (
        _lines(
            "lag-over-time",
            Text("各处理器积压", "Lag by processor"),
            Text(
                "哪个处理器跟不上？（由独立程序测量，处理器停了也看得到）",
                "Which one does not keep up? (told by a program that is not the consumer)",
            ),
            {"{{consumergroup}}": "sum by (consumergroup) (kafka_consumergroup_lag)"},
        ),
        _lines(
            "freshness",
            Text("表的新鲜度", "Age of the newest record"),
            Text("每类事件最近一次入表是多久以前？", "How long ago was an event of each kind last stored?"),
            {"{{kind}}": "time() - max by (kind) (weftline_newest_stored_timestamp_seconds)"},
            Unit.SECONDS,
        ),
        _lines(
            "rollups",
            Text("汇总落后", "Rollups behind"),
            Text("图表比事实落后多少？", "How far are the charts behind the facts?"),
            {"{{kind}}": "max by (kind) (weftline_rollup_behind_seconds)"},
            Unit.SECONDS,
        ),
        _lines(
            "batch",
            Text("每步记录数", "Records per step"),
            Text("一步有多大？小步多，ClickHouse 的负担就重", "How large is a step? Many small ones weigh on ClickHouse"),
            {
                "{{program}}": "sum by (program) (rate(weftline_records_total[5m])) "
                "/ (sum by (program) (rate(weftline_steps_total[5m])) > 0)"
            },
        ),
        _lines(
            "dead-letters",
            Text("未处理的死信", "Open dead letters"),
            Text("哪些记录等着人处理，为什么？", "Which records wait for a person, and why?"),
            {"{{kind}} {{reason}}": "sum by (kind, reason) (weftline_dead_letters_open_records)"},
        ),
        _lines(
            "alerts",
            Text("发布的预警", "Alerts published"),
            Text("多少预警发给工厂、更新、撤回？", "How many alerts are raised, updated and withdrawn?"),
            {"{{change}}": "sum by (change) (increase(weftline_alerts_published_total[1h]))"},
        ),
    ),
)

PROGRAMS: Final = Row(
    Text("程序", "Programs"),
    (
        _lines(
            "restarts",
            Text("重启", "Restarts"),
            Text("哪个程序在反复重启？", "Which program starts again and again?"),
            {"{{program}}": 'changes(process_start_time_seconds{job="weftline"}[1h])'},
            width=6,
        ),
        _lines(
            "cpu",
            Text("处理器占用", "CPU"),
            Text("每个程序用了多少个核？", "How many cores does each program use?"),
            {"{{program}}": 'rate(process_cpu_seconds_total{job="weftline"}[5m])'},
            Unit.RATIO,
            width=6,
        ),
        _lines(
            "memory",
            Text("内存", "Memory"),
            Text("内存是否有界？", "Is memory bounded?"),
            {"{{program}}": 'process_resident_memory_bytes{job="weftline"}'},
            Unit.BYTES,
            width=6,
        ),
        _lines(
            "remembered",
            Text("内存中的记录", "Records in memory"),
            Text("处理器记着多少在办对象的记录？", "How many records of live owners do the processors remember?"),
            {"{{program}}": f"sum by (program) (weftline_memory_records{{{_PROCESSORS}}})"},
            width=6,
        ),
        _lines(
            "rebalances",
            Text("分区易手", "Partitions taken away"),
            Text("成员是否稳定？", "Is membership stable?"),
            {"{{program}}": "sum by (program) (increase(weftline_rebalances_total[1h]))"},
        ),
        _lines(
            "clocks",
            Text("时钟偏差", "Clocks"),
            Text(
                "谁的时钟与 ClickHouse 不一致？（期限按 ClickHouse 的时钟）",
                "Whose clock is not ClickHouse's, by which deadlines pass?",
            ),
            {"{{instance}} {{clock}}": "max by (instance, clock) (weftline_clock_skew_seconds)"},
            Unit.SECONDS,
        ),
        _lines(
            "drift-by-table",
            Text("各表漂移", "Drift by table"),
            Text("哪张表与记录不符？", "Which table is not as the records say?"),
            {"{{table}}": "max by (table) (weftline_audit_drift_rows)"},
        ),
    ),
)

PLATFORM: Final = Board(
    id="platform",
    title=Text("平台", "Platform"),
    question=Text("程序是否正常，跟得上吗，表可信吗", "Do the programs run, do they keep up, can the tables be trusted"),
    variables=(),
    rows=(HEALTH, RED, FLOW, PROGRAMS),
    days=1,
)
