"""The fault matrix: what a case is, how it is run, and what counts as survived."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import math
import re
import time
import zlib

from fault_proxy import Fault
from recorded_clusters import expected
from staged_sets import stage_well

# Promises of SEMANTICS.md that several tables name.
WHOLE_OR_NOT_AT_ALL, STOPS_IN_TIME = 68, 69

# The exporter's run ends with status 0, and the lake then has the day whole.
WHOLE = "whole"
# The exporter's run ends with another status, and the lake has nothing of the day.
FAILED = "failed"
# The set was staged and is in quarantine, with the reason.
QUARANTINED = "quarantined"
# The set was staged and never converted: the audit says so, and delivers it again.
STUCK = "stuck"
# The run ends with status 0 and has not collected the day: the audit says so.
GAP = "gap"
# The inventory cannot be read: the audit says why.
REFUSED = "refused"
# What was written is no set of the product.
IGNORED = "ignored"
# Nobody would know that the day is missing.
UNSEEN = "unseen"


@dataclasses.dataclass(frozen=True)
class Case:
    """One fault. `{cluster}` in patterns is the case's own cluster."""

    name: str
    # The number of the promise in SEMANTICS.md.
    promise: int
    expected: str
    # Faults of the connections to the source, and to AWS: arguments of Fault.
    source: tuple = ()
    aws: tuple = ()
    settings: dict = dataclasses.field(default_factory=dict)
    # What the exporter's log, the functions' log or the document in quarantine says.
    says: str = ""
    status: int | None = None
    # Whether the day needs parts of a multipart upload.
    fat: bool = False
    # Stages the set in place of the exporter.
    stage: object = None
    # What happens after that.
    then: object = None
    # The run of the local host, in place of everything else.
    local: object = None

    @property
    def cluster(self):
        """A short name: names of roles have at most 64 letters."""
        return f"{'fat' if self.fat else 'case'}-{zlib.crc32(self.name.encode()):08x}"


@dataclasses.dataclass
class Result:
    """What was seen of a case. Empty lists are good."""

    case: Case
    log: str = ""
    status: int | None = None
    # Where the day was after the faults.
    seen: str = ""
    faults: list = dataclasses.field(default_factory=list)
    lost_rows: int = 0
    wrong_totals: int = 0
    unseen: int = 0
    panics: int = 0
    hangs: int = 0
    seconds: float = 0.0
    complaints: list = dataclasses.field(default_factory=list)

    def take(self, run):
        """Adds how a program ended. Returns its exit status."""
        self.log += run.log
        self.status = run.status
        self.panics += run.panicked
        self.hangs += run.status is None
        return run.status

    @contextlib.contextmanager
    def complaining(self):
        """A step of the case that fails is a complaint."""
        try:
            yield
        except Exception as error:
            self.complaints.append(f"{type(error).__name__}: {error}")

    def expect_status(self):
        status = self.case.status if self.case.status is not None else 0 if self.case.expected != FAILED else 1
        if self.status != status:
            self.complaints.append(f"the program ended with {self.status} instead of {status}")

    def expect_words(self, said_elsewhere):
        """In the program's log, or else in what a function returns."""
        says = self.case.says
        if says and not re.search(says, self.log) and not re.search(says, said_elsewhere()):
            self.complaints.append(f"nothing says '{says}'")

    def expect_place(self):
        self.unseen += self.seen == UNSEEN
        if self.seen != self.case.expected:
            self.complaints.append(f"{self.seen} instead of {self.case.expected}")

    def compare(self, found):
        """Compares what the lake has of the day, if it has the day, with what the source sent."""
        if found is None:
            return
        rows, sums = expected(self.case.cluster)
        self.lost_rows = max(self.lost_rows, rows - found[0])
        if found[0] != rows or not all(math.isclose(*pair, rel_tol=1e-9) for pair in zip(found[1], sums)):
            self.wrong_totals = 1

    def compare_at_the_end(self, found):
        """Once faults have ended, the day is complete."""
        if found is None:
            self.lost_rows += expected(self.case.cluster)[0]
            self.complaints.append("the day is not in the lake after a run without faults")
        self.compare(found)

    @property
    def survived(self):
        return not (self.lost_rows or self.wrong_totals or self.unseen or self.panics or self.hangs or self.complaints)


class Matrix:
    """Runs cases at once, each with a cluster of its own: with its faults, and again without where the day is not in the lake."""

    def __init__(self, fleet, cases, workers=10):
        self.fleet, self.cases, self.workers = fleet, cases, workers
        self.results = {case.name: Result(case) for case in cases}

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            each = lambda step, cases: list(pool.map(step, cases))
            each(self.with_faults, self.cases)
            self.fleet.wait_until_idle()
            each(self.look, self.cases)
            self.fleet.lift_faults()
            findings = self.fleet.audit()
            each(lambda case: self.judge(case, findings.get(case.cluster, {})), self.cases)
            self.fleet.wait_until_idle()
            each(self.without_faults, [case for case in self.cases if self.fleet.day(case.cluster) is None])
            self.fleet.wait_until_idle()
            each(self.at_the_end, self.cases)
        return self.results

    def with_faults(self, case):
        result = self.results[case.name]
        began = time.monotonic()
        faults = [self.fleet.add(proxy, self.fault(case, arguments)) for proxy in ("source", "aws") for arguments in getattr(case, proxy)]
        with result.complaining():
            if case.stage:
                case.stage(self.fleet, case)
                result.status = 0
            else:
                self.fleet.create_roles(case.cluster)
                result.take(self.fleet.export(case.cluster, **case.settings))
            if case.then:
                case.then(self.fleet, case)
        result.seconds = time.monotonic() - began
        result.expect_status()
        result.faults = faults

    @staticmethod
    def fault(case, arguments):
        pattern, *rest = arguments
        return Fault(pattern.replace("{cluster}", case.cluster), *rest)

    def look(self, case):
        """After the faults: where is the day?"""
        result = self.results[case.name]
        result.seen = self.place_of_the_day(case, result)
        result.compare(self.fleet.day(case.cluster))
        missed = [fault.pattern.pattern for fault in result.faults if not fault.hits]
        if missed:
            result.complaints.append(f"no request was {missed}")
        result.expect_words(lambda: self.fleet.said_of(case.cluster))

    def place_of_the_day(self, case, result):
        if self.fleet.day(case.cluster) is not None:
            return WHOLE
        if self.fleet.quarantined(case.cluster):
            return QUARANTINED
        if self.fleet.staged(case.cluster):
            return STUCK
        if case.stage:
            return IGNORED
        return FAILED if result.status else GAP

    def judge(self, case, finding):
        """Is the outcome the expected one, and does the audit see what is not in the lake?"""
        result = self.results[case.name]
        if result.seen == IGNORED and case.expected != IGNORED:
            result.seen = REFUSED if finding.get("refused") else GAP
        # Names of the audit's findings.
        seen = {STUCK: "stuck", QUARANTINED: "quarantined", GAP: "gaps"}
        if result.seen in seen and not finding.get(seen[result.seen]):
            result.seen = UNSEEN
        result.expect_place()

    def without_faults(self, case):
        result = self.results[case.name]
        if case.stage:
            stage_well(self.fleet, case.cluster)
        elif result.take(self.fleet.export(case.cluster)) != 0:
            result.complaints.append(f"the run without faults ended with {result.status}")

    def at_the_end(self, case):
        self.results[case.name].compare_at_the_end(self.fleet.day(case.cluster))


COLUMNS = ["faults", "cases", "survived", "lost rows", "wrong totals", "unseen stuck sets", "panics", "hangs"]


def table(results):
    """The results by kind of fault, as a table in Markdown."""
    kinds = collections.defaultdict(list)
    for kind, result in results:
        kinds[kind].append(result)
    rows = [row(kind, found) for kind, found in kinds.items()]
    rows.append(row("all", [result for _, result in results]))
    return "\n".join(["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|", *rows])


def row(kind, results):
    numbers = [len(results), sum(result.survived for result in results)]
    numbers += [sum(getattr(result, name) for result in results) for name in ["lost_rows", "wrong_totals", "unseen", "panics", "hangs"]]
    return f"| {kind} | " + " | ".join(map(str, numbers)) + " |"
