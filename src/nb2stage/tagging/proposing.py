"""A notebook -> a proposal: a tag for each code cell, or the reason why it stays in the notebook, such that it converts."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

from nb2stage.analysis.dataflow import Moves, Program, is_inert_node, is_parameter
from nb2stage.analysis.objects import Obj, Statement
from nb2stage.analysis.versions import DEFINITIONS
from nb2stage.diagnostics import Diagnostic
from nb2stage.planning.regrouped import with_regrouped
from nb2stage.planning.untagged import Again, Attempt, outside_stages, with_needed
from nb2stage.reading.notebook import Cell, Notebook
from nb2stage.reading.stages import STAGES
from nb2stage.reading.tags import CellRole, Role, parse_tags
from nb2stage.records import dataclass, field, replace
from nb2stage.tagging.cuts import MOST, cheapest, moved
from nb2stage.tagging.deeds import deeds_of
from nb2stage.tagging.uses import Uses, uses_of
from nb2stage.tagging.weighing import Weighed, fits_something, outside_reason, results, weighed

_ROUNDS: Final = 12
_PREPARES: Final = frozenset({"import", "clean", "preprocess", "features", "split"})
_ONE: Final = "stage:all"
_METRIC: Final = re.compile(r"score|.*_(score|error|loss|accuracy)|accuracy\w*|rmse|mae|mse|r2|mape|auc")


@dataclass
class Proposed:
    """What is proposed for a code cell: its tag, None for what stays in the notebook, tags beside it, and why."""

    cell: Cell
    tag: str | None
    why: str
    also: tuple[str, ...] = ()
    own: bool = False  # the tags are the user's own


@dataclass
class Proposal:
    """A tag for each code cell, and what comes of them."""

    cells: list[Proposed]
    attempt: Attempt
    reason: str = ""  # why there is one stage only
    problems: list[Diagnostic] = field(default_factory=list)  # what still hinders a conversion

    @property
    def tags(self) -> dict[int, tuple[str, ...]]:
        """The tags that are new, by the position of the cell."""
        return {each.cell.index: (each.tag, *each.also) for each in self.cells if each.tag and not each.own}

    def hands_on(self) -> list[tuple[str, list[str]]]:
        """The stages in order, and the names that each hands on to later ones."""
        program = self.attempt.program
        if program is None:
            return []
        made: dict[int, list[str]] = {}
        for transfer in program.boundaries.transfers:
            made.setdefault(transfer.stage, []).extend(name for name in transfer.names if not name.startswith("<"))
        return [(name, sorted(made.get(i, []))) for i, name in enumerate(self.attempt.names) if i not in program.inert]


def propose(notebook: Notebook, again: Again, count: int | None = None) -> Proposal:
    """Propose tags, in as many stages as asked: those that the notebook has are kept.

    1. read what each cell does, and follow values through the notebook as one stage
    2. leave out what only looks at data, and what nobody uses
    3. cut what is left where it costs least
    4. convert that in memory; what is refused is mended, merged or moved
    """
    roles, _, _ = parse_tags(notebook)
    whole, left_out = _whole(notebook, roles, again)
    if whole.program is None:
        return _nothing(roles, whole, left_out)
    program = whole.program
    sources = {number: cell for number, cell in program.cell_at.items() if number not in left_out}
    deeds = deeds_of([(cell.index, cell.tree) for cell in sorted(sources.values(), key=lambda c: c.index)])
    cells = weighed(notebook.cells, sources, deeds)
    draft = Draft(notebook, roles, cells, uses_of(program), program, count)
    tags = draft.tags()
    proposal = _converted(draft, tags, again)
    for each in proposal.cells:
        if each.cell.index in left_out:
            each.why = left_out[each.cell.index]
    return proposal


def _nothing(roles: Sequence[CellRole], attempt: Attempt, left_out: Mapping[int, str]) -> Proposal:
    cells = [Proposed(role.cell, None, left_out.get(role.cell.index, ""), (), role.explicit) for role in roles]
    return Proposal(cells, attempt, problems=attempt.errors)


def _whole(notebook: Notebook, roles: Sequence[CellRole], again: Again) -> tuple[Attempt, dict[int, str]]:
    """The notebook as one stage, and the cells that cannot be part of any, with the reason."""
    left_out: dict[int, str] = {}
    while True:
        tags = {
            role.cell.index: (_ONE,)
            for role in roles
            if role.cell.source.strip() and role.cell.index not in left_out and _may_be_staged(role)
        }
        attempt = again(_with_tags(notebook, tags, plain=True), False)
        bad = [f for f in attempt.errors if f.cell is not None and f.cell in tags]
        if not tags or not bad:
            return attempt, left_out
        for finding in bad:
            left_out.setdefault(finding.cell or 0, finding.message)


def _may_be_staged(role: CellRole) -> bool:
    return role.role is Role.STAGE or (role.role is Role.UNTAGGED and not role.explicit)


def _with_tags(notebook: Notebook, tags: Mapping[int, tuple[str, ...]], plain: bool = False) -> Notebook:
    """The notebook with more tags; with `plain` in the place of those that the cells have, `#|` lines and all."""

    def retagged(cell: Cell) -> Cell:
        if cell.index not in tags:
            return cell
        if not plain:
            return replace(cell, tags=(*cell.tags, *tags[cell.index]))
        source = re.sub(r"^(#\s?\|\s*(?:stage|tags)\b)", r"# \1", cell.source, flags=re.MULTILINE)
        return replace(cell, tags=tags[cell.index], source=source)

    return Notebook(notebook.path, tuple(map(retagged, notebook.cells)))


@dataclass
class Draft:
    """All that is known of a notebook, for its tags."""

    notebook: Notebook
    roles: Sequence[CellRole]
    cells: list[Weighed]
    uses: Uses
    program: Program
    count: int | None = None

    @cached_property
    def changed(self) -> set[Obj]:
        """What some statement changes."""
        return {obj for s in self.program.statements for obj in s.changes}

    @cached_property
    def fitted(self) -> set[int]:
        """The cells that fit something, and those that use it."""
        fitting = {each.cell.index for each in self.cells if fits_something(each)}
        return {each.cell.index for each in self.cells if self.uses.needed([each.cell.index]) & fitting} - fitting

    def tags(self) -> dict[int, str]:
        """The first choice: a tag for each cell of the pipeline that has none of the user's."""
        own = {role.cell.index: role for role in self.roles if role.explicit}
        free = [each for each in self.cells if each.cell.index not in own and each.source is not None]
        needed = self.uses.needed({*results(self.cells, self.uses), *(n for n, r in own.items() if r.stage)})
        found = self.outside(free)
        staged: list[tuple[int, Mapping[str, float], str]] = []
        for each in self.cells:
            number = each.cell.index
            if number in own and own[number].stage is not None:
                staged.append((number, each.fits, own[number].stage or ""))
            elif number in needed and number not in own and number not in found and each.source is not None:
                if each.source.statements and not each.is_quiet:
                    staged.append((number, self.placed(each, needed), ""))
        crossing = self.uses.crossing({number for number, *_ in staged})
        carried = {number: len(names) for number, names in crossing.items()}
        kinds = cheapest(staged, self.gaps(carried, [n for n, *_ in staged]), self.count)
        kinds = moved(staged, kinds, Moves(self.program.cells, self.program.heap).clash, self.count or MOST)
        for (number, _, must), kind in zip(staged, kinds, strict=True):
            if not must:
                found[number] = kind
        return found | self.definitions(free, found)

    def gaps(self, carried: Mapping[int, int], staged: Sequence[int]) -> dict[int, int]:
        """What a cut behind each cell of the pipeline carries: the least of the places before the next one."""
        return {
            one: min((carried.get(place, 0) for place in range(one, two)), default=0) for one, two in pairwise(staged)
        }

    def placed(self, each: Weighed, needed: set[int]) -> dict[str, float]:
        """How well each tag fits, seeing what it uses.

        What is read to be joined with data that are there is no import; what is made of a fitted model is no preparation.
        """
        fits = dict(each.fits)
        if each.cell.index in self.fitted:
            fits = {tag: fit * (0.4 if tag in _PREPARES else 1.0) for tag, fit in fits.items()}
            if not fits_something(each):
                fits["evaluate"] = fits.get("evaluate", 0.0) + 1.0
                fits["report"] = fits.get("report", 0.0) + 0.6
        elif fits.get("import") and any(
            self.weighed[n].deeds for n in self.uses.makers.get(each.cell.index, ()) if n in needed
        ):
            fits["import"] *= 0.5
        if not fits and self.uses.makes.get(each.cell.index):
            fits = {"train": 0.8, "preprocess": 0.6, "evaluate": 0.4}
            if not self.uses.makers.get(each.cell.index):
                fits = {"import": 0.9, **fits}
        if "report" in fits and len(fits) > 1 and self.is_handed_on(each, needed):
            fits["report"] *= 0.3
        return fits

    def is_handed_on(self, each: Weighed, needed: set[int]) -> bool:
        """Whether another cell of the pipeline needs what a cell makes: it is not there for what it draws of that."""
        return any(each.cell.index in self.uses.makers.get(other, ()) for other in needed - {each.cell.index})

    @cached_property
    def weighed(self) -> dict[int, Weighed]:
        """The cells by their positions."""
        return {each.cell.index: each for each in self.cells}

    def outside(self, free: Sequence[Weighed]) -> dict[int, str]:
        """The cells of settings and of parameters, which belong to no stage."""
        numbers = [each.cell.index for each in free if each.source is not None and each.source.statements]
        set_up = {n for n, tag in outside_stages(self.program, numbers).items() if tag == "setup"}
        found: dict[int, str] = {}
        for each in free:
            number, statements = each.cell.index, each.source.statements if each.source is not None else []
            if each.only_sets:
                found[number] = "setup"
            if not statements or each.works - {"settles", "shows", "builds"}:
                continue
            if self.is_choice(statements):
                found[number] = "parameters"
            elif any(isinstance(s.node, DEFINITIONS) for s in statements):
                continue
            elif each.is_quiet or (number in set_up and any(s.sets or s.seeds for s in statements)):
                found[number] = "setup"
        return found

    def is_choice(self, statements: Sequence[Statement]) -> bool:
        """Whether statements only bind names to literals that nothing else binds or changes."""
        bound = [s for s in statements if not is_inert_node(s.node)]
        return bool(bound) and all(
            is_parameter(s.node) and all(self.once_bound(name) for name in s.binds) for s in bound
        )

    def once_bound(self, name: str) -> bool:
        """Whether one statement binds a name, and none changes what it stands for."""
        if len(self.program.binders.get(name, ())) != 1:
            return False
        values = {o for s in self.program.statements if name in s.reads for o in s.reads[name].values}
        return not values & self.changed

    def definitions(self, free: Sequence[Weighed], found: Mapping[int, str]) -> dict[int, str]:
        """Cells that only define go with the one stage that uses them, or are `setup`."""
        more: dict[int, str] = {}
        for each in reversed(free):
            number = each.cell.index
            if number in found or not each.is_quiet or each.source is None or not each.source.tree.body:
                continue
            users = {found.get(user) or more.get(user) for user in self.uses.callers.get(number, ())} - {None}
            if users:
                only = next(iter(users))
                more[number] = only if len(users) == 1 and only is not None and only != "parameters" else "setup"
        return more

    def proposed(self, tags: Mapping[int, str], also: Mapping[int, tuple[str, ...]]) -> list[Proposed]:
        """The proposal cell by cell, with the reasons."""
        weighed = self.weighed
        found: list[Proposed] = []
        for role in self.roles:
            number = role.cell.index
            if role.explicit:
                tag = role.stage or next((t for t in role.cell.tags), role.role.value)
                tag = f"stage:{tag}" if role.stage and role.stage not in STAGES else tag
                kept = None if role.role in (Role.SKIP, Role.UNTAGGED) else tag
                found.append(Proposed(role.cell, kept, "your tag", (), True))
            elif number in tags:
                found.append(Proposed(role.cell, tags[number], self.why(weighed[number], tags), also.get(number, ())))
            else:
                found.append(Proposed(role.cell, None, outside_reason(weighed[number], self.uses)))
        return found

    def why(self, each: Weighed, tags: Mapping[int, str]) -> str:
        """Why a cell gets its tag, in a few words."""
        tag = tags[each.cell.index]
        if tag == "parameters":
            return "names choices"
        if tag == "setup":
            return "settings" if each.source and any(s.sets or s.seeds for s in each.source.statements) else "imports"
        why = each.why(tag.removeprefix("stage:").rstrip("_0123456789")) or (each.main.why if each.main else "")
        if why and not why.startswith("only"):
            return why
        if each.is_quiet:
            return "defines what this stage uses"
        made = sorted(self.uses.makes.get(each.cell.index, ()))
        users = sorted(n for n, makers in self.uses.makers.items() if each.cell.index in makers)
        if made and users:
            return f"makes {', '.join(made[:3])} for cell {users[0]}"
        return f"shows {', '.join(made[:2])}" if made else why.replace("only ", "") or "goes with its neighbours"


# -- until it converts


def _converted(draft: Draft, first: dict[int, str], again: Again) -> Proposal:
    """The tags with which the notebook converts: mended, merged or moved until it does, else one stage for all."""
    also = _metrics(draft, first)
    tags = dict(first)
    reason = ""
    attempt = again(_tagged(draft, tags, also), True)
    for _ in range(_ROUNDS):
        if not attempt.errors:
            break
        better = _mended(draft, tags, attempt, again)
        if better == tags and also:
            also = {}
        elif better == tags:
            better = _merged(draft, tags, attempt)
            if better == tags:
                break
        tags = better
        attempt = again(_tagged(draft, tags, also), True)
    if attempt.errors:
        why = attempt.errors[0]
        one = _one_stage(draft, first)
        last = again(_tagged(draft, one, {}), True)
        if len(last.errors) < len(attempt.errors) or not last.errors:
            reason = f"{why.code} {why.message}"
            tags, also, attempt = one, {}, last
    return Proposal(draft.proposed(tags, also), attempt, reason, attempt.errors)


def _tagged(draft: Draft, tags: Mapping[int, str], also: Mapping[int, tuple[str, ...]]) -> Notebook:
    return _with_tags(draft.notebook, {number: (tag, *also.get(number, ())) for number, tag in tags.items()})


def _mended(draft: Draft, tags: dict[int, str], attempt: Attempt, again: Again) -> dict[int, str]:
    """The tags with those that are known to spare a refusal: for cells that are needed, and for such as change places."""
    found = dict(tags)
    _, needed = with_needed(attempt, again)
    if not needed:
        _, needed = with_regrouped(attempt, again)
    for finding in needed:
        for note in finding.cells:
            if not any(role.cell.index == note.cell and role.explicit for role in draft.roles):
                found[note.cell] = note.tag
    return found


def _merged(draft: Draft, tags: dict[int, str], attempt: Attempt) -> dict[int, str]:
    """The tags with one cut less: the stage that is refused joins the one before it."""
    order = [_tag(stage) for stage in attempt.tags]
    for finding in attempt.errors:
        tag = tags.get(finding.cell or 0) or next((_tag(t) for t in attempt.tags if t == finding.stage), "")
        if tag in order and len(order) > 1:
            place = order.index(tag)
            other = order[place - 1] if place else order[1]
            names = sorted((tag, other), key=lambda name: name not in STAGES)
            keep = names[0]
            return {number: keep if each in (tag, other) else each for number, each in tags.items()}
        if tag in ("setup", "parameters") and finding.cell in tags and order:
            return {n: each for n, each in tags.items() if n != finding.cell} | {finding.cell: order[0]}
    return tags


def _tag(stage: str) -> str:
    return stage if stage in STAGES else f"stage:{stage}"


def _one_stage(draft: Draft, tags: Mapping[int, str]) -> dict[int, str]:
    """The same cells as one stage, by the name of the work that there is most of."""
    kinds = [tag for tag in tags.values() if tag not in ("setup", "parameters")]
    name = "train" if "train" in kinds else max(kinds, key=kinds.count, default="report")
    return {number: tag if tag in ("setup", "parameters") else name for number, tag in tags.items()}


# -- numbers


def _metrics(draft: Draft, tags: Mapping[int, str]) -> dict[int, tuple[str, ...]]:
    """The cells that assign scores, for `metrics.json`."""
    found: dict[int, tuple[str, ...]] = {}
    for each in draft.cells:
        if tags.get(each.cell.index) in ("train", "evaluate", "report") and each.source is not None:
            if any(_is_score(node) for node in each.source.tree.body):
                found[each.cell.index] = ("metrics",)
    return found


def _is_score(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    if not isinstance(node.value, ast.Call):
        return False
    func = node.value.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return bool(_METRIC.fullmatch(name)) and not name.startswith("cross_val")
