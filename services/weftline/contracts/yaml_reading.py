"""The one reader of YAML: a file in, a strict model out, or every fault of the file at once, each with its line.

A file is read in two steps. The text becomes plain values, and beside them the nodes of the parser, which know where each value stands.
Then a :class:`~weftline.contracts.yaml_types.Model` checks the values, and each of its errors is told by the node at the same place.
What no model could see is checked in the first step: a key that stands twice, a key that is no text, a tag, a value that is no value
(such as 2026-02-30).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.events import CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from weftline.contracts.rules import nearest, shown
from weftline.contracts.yaml_types import NOTHING, Fault, Faults, Lacks, Model, NotA, keys_of, model_at
from weftline.errors import UserError

# libyaml is ten times as fast and is in every wheel of PyYAML; where it was built without, the other one reads the same.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What an entry of a list may be called by, in the words of its file.
_NAMES: Final = ("id", "code", "indicator", "name", "trait")
_MAPPING, _SEQUENCE = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
#: Our own files have seven levels.
_DEEPEST: Final = 100

#: What pydantic calls a fault → what the value must be.
_MUST: Final = {
    "string_type": "must be text (quoted, if it looks like a number)",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be a list, each entry begun with `- `",
    "dict_type": "must be a mapping, `key: value` on each line",
    "model_type": "must be a mapping, `key: value` on each line",
}

M = TypeVar("M", bound=Model)
Steps = tuple[Hashable, ...]


def read_yaml(path: Path, model: type[M], *, context: Mapping[str, Any] | None = None) -> M:
    """What the file says. Raises :class:`UserError` that lists every fault; ``context``: what its model looks up in other files."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; it belongs to the installation, install weftline again") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no YAML: it is not UTF-8 at byte {error.start}; save it as UTF-8") from None
    return parse_yaml(text, model, str(path), context=context)


def parse_yaml(text: str, model: type[M], name: str, *, context: Mapping[str, Any] | None = None, example: str = "") -> M:
    """As :func:`read_yaml`; ``name`` is how the file is called, ``example`` a file that shows how it is written."""
    hint = f"{example} shows how it is written" if example else ""
    root = _compose(text, name, hint)
    found, faults = check(root, model, context)
    if found is None or faults:
        raise UserError(_text(name, text, faults, hint))
    return found


def check(root: Node, model: type[M], context: Mapping[str, Any] | None = None) -> tuple[M | None, list[Told]]:
    """What the nodes say, and all that is wrong with them: for whoever has made nodes of something else than YAML."""
    values = _Values(root)
    value, faults = values.of(root), values.faults
    if value is None:  # an empty file is an empty mapping: what it lacks is then told by name
        value = {}
    if isinstance(value, dict):
        faults += [_at(root, fault.steps, fault) for fault in model.beside(value)]
    try:
        found = model.model_validate(value, context=context)
    except ValidationError as error:
        faults += [told for one in error.errors(include_url=False) for told in _told(one, root, model)]
        return None, faults
    return found, faults


def _compose(text: str, name: str, hint: str) -> Node:
    try:
        try:
            if _depth(text) > _DEEPEST:
                raise UserError(f"{name} is no YAML that can be read: it is nested too deeply")
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.YAMLError:
            # For its words: libyaml's are other ones, and often poorer. What only libyaml refuses stays refused.
            yaml.compose(text, Loader=yaml.SafeLoader)
            raise
    except yaml.YAMLError as error:
        where, problem = _no_yaml(error, text)
        raise UserError(f"{name}{where}: is no YAML: {problem}" + (f"; {hint}" if hint else "")) from None
    return ScalarNode("tag:yaml.org,2002:null", "", yaml.Mark(name, 0, 0, 0, None, 0)) if root is None else root


def _no_yaml(error: yaml.YAMLError, text: str) -> tuple[str, str]:
    """Where the parser stopped, and why."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f", line {line}", f"unacceptable character #x{int(error.character):04x}"
    mark = getattr(error, "problem_mark", None)
    words = (getattr(error, "context", None), getattr(error, "problem", None))
    problem = " ".join(", ".join(word for word in words if word).split())
    return (f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""), problem or "the parser does not say why"


def _depth(text: str) -> int:
    """How deeply the text is nested. libyaml puts nodes together by recursion, and whoever nests 100,000 of them ends the process."""
    deepest = depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, CollectionStartEvent):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > _DEEPEST:
                break
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
    return deepest


# -- From nodes to values


class _Values:
    """The values of the nodes of a file. One that has aliases is made once: a page of aliases of aliases would say a billion values."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._made: dict[int, Any] = {}
        self.faults: list[Told] = []

    def of(self, node: Node, above: tuple[Node, ...] = (), steps: Steps = ()) -> Any:
        """The value of a node to which ``steps`` lead, through the nodes ``above``; what is wrong is noted."""
        if any(node is one for one in above):
            self.faults.append(Told(_find(self._root, steps)[0], "is within itself; write it out instead of the alias"))
            return NOTHING
        if id(node) not in self._made:
            self._made[id(node)] = self._make(node, (*above, node), steps)
        return self._made[id(node)]

    def _make(self, node: Node, above: tuple[Node, ...], steps: Steps) -> Any:
        if isinstance(node, MappingNode) and node.tag == _MAPPING:
            return self._mapping(node, above, steps)
        if isinstance(node, SequenceNode) and node.tag == _SEQUENCE:
            return [self.of(item, above, (*steps, number)) for number, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: MappingNode, above: tuple[Node, ...], steps: Steps) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            key = _scalar(key_node)
            if key is NOTHING:
                self._note(key_node, steps, f"{_written(key_node)} is no key; write each key out, as text")
                continue
            if key in found:
                self._note(key_node, steps, f"{key} stands twice, first in line {lines[key]}; leave one")
            found[key] = self.of(value_node, above, (*steps, key))
            lines.setdefault(key, key_node.start_mark.line + 1)
        return found

    def _note(self, key: Node, steps: Steps, problem: str) -> None:
        words = _find(self._root, steps)[0].words
        self.faults.append(Told(Place(key.start_mark.line + 1, key.start_mark.column + 1, words), problem))


def _scalar(node: Node) -> Any:
    if not isinstance(node, ScalarNode):
        return NOTHING
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, OverflowError, KeyError, yaml.YAMLError):
        return NOTHING  # such as 2026-02-30, no day at all, or a tag, or `<<`: whoever needs the value says what it must be


# -- From errors of models to lines


class Place(NamedTuple):
    """Where something stands, from 1; ``words`` lead to it from the beginning of the file."""

    line: int
    column: int
    words: str = ""


class Told(NamedTuple):
    """What is wrong, and where."""

    place: Place
    problem: str


def _told(error: Any, root: Node, model: type[BaseModel]) -> Iterator[Told]:
    """The faults of one error of pydantic."""
    steps, kind, details = tuple(error["loc"]), error["type"], error.get("ctx", {})
    cause = details.get("error")
    if isinstance(cause, Faults):
        yield from (_at(root, (*steps, *fault.steps), fault) for fault in cause.faults)
    elif isinstance(cause, Fault):
        yield _at(root, (*steps, *cause.steps), cause)
    elif kind == "missing":
        keys = keys_of(model_at(model, steps[:-1]))
        advice = keys[steps[-1]].description or "add it"
        yield _at(root, steps, Lacks(advice, steps[-1]))
    elif kind in ("extra_forbidden", "invalid_key"):
        keys = keys_of(model_at(model, steps[:-1]))
        place, _ = _find(root, steps)
        words = _find(root, steps[:-1])[0].words
        yield Told(
            place._replace(words=words),
            f"unknown key {steps[-1]}{nearest(steps[-1], map(str, keys))}; known are {', '.join(map(str, keys))}",
        )
    elif kind == "greater_than_equal":
        yield _at(root, steps, NotA(f"must be a whole number from {details['ge']}"))
    elif kind == "too_short":
        yield _at(root, steps, Fault("must not be empty"))
    elif kind in _MUST:
        yield _at(root, steps, NotA(_MUST[kind]))
    else:
        yield _at(root, steps, NotA(f"is wrong ({error['msg']})"))


def _at(root: Node, steps: Steps, fault: Fault) -> Told:
    place, node = _find(root, steps)
    problem = fault.problem
    if isinstance(fault, Lacks):  # a key without a value has a line, but it is its mapping that lacks something
        place = place._replace(words=_find(root, steps[:-1])[0].words)
    if fault.first is not None:
        problem = problem.format(line=_find(root, (*steps[: len(steps) - len(fault.steps)], *fault.first))[0].line)
    return Told(place, f"{problem}, not {_written(node)}" if isinstance(fault, NotA) else problem)


def _find(root: Node, steps: Steps) -> tuple[Place, Node]:
    """Where ``steps`` lead, and what is there. A step to which nothing leads is left out: a key that is missing stands where its mapping
    does, and some steps are pydantic's own."""
    node, key, mark = root, root, root.start_mark
    words: list[str] = []
    for step in steps:
        pair = None
        if isinstance(node, MappingNode):
            pair = next((pair for pair in reversed(node.value) if step == _scalar(pair[0])), None)
        if pair is not None:
            key, node = pair
            mark = key.start_mark
            words.append(str(step))
        elif step == "[key]":  # pydantic's own step, from an entry of a mapping to its key
            node = key
        elif isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
            node = node.value[step]
            mark = node.start_mark
            words[-1:] = [f"{words[-1] if words else ''}[{step}]{_name(node)}"]
    return Place(mark.line + 1, mark.column + 1, ": ".join(words)), node


def _name(entry: Node) -> str:
    """How an entry of a list is called, where it says so."""
    if isinstance(entry, MappingNode):
        said = {key.value: value for key, value in entry.value if isinstance(value, ScalarNode)}
        for name in _NAMES:
            if name in said:
                return f" ({_written(said[name])})"
    return ""


def _written(node: Node) -> str:
    """A value as the file has it, in short."""
    if not isinstance(node, ScalarNode):
        return "a list" if isinstance(node, SequenceNode) else "a mapping"
    if node.style:
        return shown(node.value)
    text = node.value or "nothing"
    plain = text if repr(text)[1:-1] == text else shown(text)
    return plain if len(plain) <= 60 else f"{plain[:57]}..."


def _text(name: str, text: str, faults: Iterable[Told], hint: str) -> str:
    lines = text.splitlines()
    return told_at_once(
        name, (f"line {_where(place, lines)}: {_sentence(place, problem)}" for place, problem in sorted(faults)), hint
    )


def told_at_once(name: str, faults: Iterable[str], hint: str) -> str:
    """One fault in a line, several in one each."""
    told = list(dict.fromkeys(faults))
    if len(told) == 1:
        return f"{name}, {told[0]}" + (f" ({hint})" if hint else "")
    return "\n  ".join([f"{name} is wrong" + (f" ({hint}):" if hint else ":"), *told])


def _where(place: Place, lines: list[str]) -> str:
    """The line, and the column where something else of the file stands before it."""
    before = lines[place.line - 1][: place.column - 1] if place.line <= len(lines) else ""
    return f"{place.line}, column {place.column}" if before.strip("- \t\ufeff") else f"{place.line}"


def _sentence(place: Place, problem: str) -> str:
    return f"{place.words}: {problem}" if place.words else problem
