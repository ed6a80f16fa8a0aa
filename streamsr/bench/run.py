"""A benchmark from start to end: peaks, builds, a plan, rounds. Interrupted, it tells what it has."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from ..errors import StreamsrError
from ..zoo.catalog import INT8
from .build import build, compile_options
from .case import Case, device_of
from .footage import Footage, generated_clip, of_clip, synthetic
from .machine import this_machine
from .measure import measure
from .peak import Peaks, copy_rate, matrix_rate
from .plan import plan, too_slow
from .process import in_fresh_process
from .result import Peak, Result
from .row import Record
from .settings import Settings

log = logging.getLogger(__name__)

Say = Callable[[str], None]
K = TypeVar("K")


class Bench:
    """Measures cases. Every round measures each of them once, so that a machine that slows down slows all alike."""

    def __init__(self, cases: Iterable[Case], settings: Settings, say: Say = lambda _: None) -> None:
        """Measure `cases` as `settings` say; `say` is told what is going on, now and then."""
        self._settings, self._say = settings, say
        self._records = [Record(case, device_of(case.backend, settings.device)) for case in cases]
        self._flops: dict[tuple[str, str], float] = {}
        self._copies: dict[str, float] = {}
        self._footage: dict[str, Footage] = {}
        self._started = 0.0

    def run(self) -> Result:
        """Do it. Ctrl-C ends it early.

        Raises:
            MediaError: the clip cannot be used.
        """
        self._started = time.perf_counter()
        machine, interrupted = this_machine(), False
        with TemporaryDirectory(prefix="streamsr-bench-") as folder:
            try:
                self._measure(Path(folder))
            except KeyboardInterrupt:
                interrupted = True
        return Result(
            self._settings.to_dict(),
            machine,
            [record.row(self._peaks(record)) for record in self._records],
            [Peak(*key, rate / 1e9) for key, rate in self._flops.items()],
            {device: rate / 1e9 for device, rate in self._copies.items()},
            self._spent,
            interrupted,
        )

    def _measure(self, folder: Path) -> None:
        self._find_footage(folder)
        for record in self._each(sorted(self._records, key=lambda each: each.case.width), "building"):
            self._build(record, folder)
        self._find_peaks()
        built = {record.case: record.build.frame_seconds for record in self._records if record.build}
        planned = plan(built, self._settings.effort, self._spent)
        for record in self._records:
            if record.case in planned.left_out:
                record.fail("left out", planned.left_out[record.case])
        rounds = max(planned.rounds.values(), default=0)
        for number in range(1, rounds + 1):
            if number > 1:
                self._find_peaks()
            due = [record for record in self._records if planned.rounds.get(record.case, 0) >= number]
            for record in self._each(due, f"round {number} of {rounds}"):
                self._sample(record, planned.seconds, folder)

    @property
    def _spent(self) -> float:
        return time.perf_counter() - self._started

    def _find_footage(self, folder: Path) -> None:
        for case in {record.case.size: record.case for record in self._records}.values():
            self._say(f"footage of {case.size}")
            self._footage[case.size] = self._footage_of(case, folder)

    def _footage_of(self, case: Case, folder: Path) -> Footage:
        if not self._settings.codecs:
            return synthetic(case.width, case.height)
        if self._settings.clip is not None:
            return of_clip(self._settings.clip, self._settings.writing, self._settings.reading)
        return generated_clip(case.width, case.height, folder, self._settings.writing, self._settings.reading)

    def _find_peaks(self) -> None:
        """Of what was built: the copy bandwidth of its devices, the matrix rates of its backends. The best counts."""
        built = [record for record in self._records if record.build]
        for device in sorted({record.device for record in built}):
            self._say(f"copy bandwidth of {device}")
            _keep_best(self._copies, device, copy_rate, device)
        wanted = {(record.case.backend, precision, record.device) for record in built for precision in _rates(record)}
        for backend, precision, device in sorted(wanted):
            self._say(f"matrix rate of {backend} {precision}")
            options = compile_options(backend, device, self._settings.threads)
            _keep_best(self._flops, (backend, precision), matrix_rate, precision, options)

    def _peaks(self, record: Record) -> Peaks:
        rates = {
            precision: rate for (backend, precision), rate in self._flops.items() if backend == record.case.backend
        }
        return Peaks(rates, self._copies.get(record.device))

    def _build(self, record: Record, folder: Path) -> None:
        case, options = record.case, compile_options(record.case.backend, record.device, self._settings.threads)
        expected = self._expected(case)
        slow = too_slow(expected, self._settings.effort) if expected else None
        if slow is not None:
            record.fail("left out", slow)
            return
        try:
            record.build = in_fresh_process(build, case, self._footage[case.size], options, folder)
        except StreamsrError as error:
            record.fail("failed", str(error))

    def _expected(self, case: Case) -> float | None:
        """What a frame will take, going by that of the same model at another size; None if there is none."""
        for record in reversed(self._records):
            other = record.case
            if record.build and (other.model, other.backend, other.precision) == (*_same(case),):
                return record.build.frame_seconds * case.width * case.height / (other.width * other.height)
        return None

    def _sample(self, record: Record, seconds: float, folder: Path) -> None:
        if record.build is None or record.status == "failed":
            return
        budget = self._settings.effort.budget
        if budget is not None and self._spent > budget:
            record.reason = f"the budget of {budget:.0f} s was used up before"
            return
        footage = self._footage[record.case.size]
        try:
            record.samples.append(in_fresh_process(measure, record.build, footage, seconds, folder))
        except StreamsrError as error:
            record.samples.clear()
            record.fail("failed", str(error))

    def _each(self, records: Sequence[Record], doing: str) -> Iterator[Record]:
        for index, record in enumerate(records, 1):
            self._say(f"{doing}: {index}/{len(records)}, {record.case}")
            yield record


def _same(case: Case) -> tuple[str, str, str]:
    return case.model, case.backend, case.precision


def _rates(record: Record) -> set[str]:
    """The precisions that a row's work is done in: what is not quantized is computed in fp32."""
    return {record.case.precision} | ({"fp32"} if record.case.precision == INT8 else set())


def _keep_best(found: dict[K, float], key: K, measure_peak: Callable[..., float], *arguments: object) -> None:
    """Measure a peak once more. One that cannot be measured is said, and missing in the rows."""
    try:
        found[key] = max(in_fresh_process(measure_peak, *arguments), found.get(key, 0.0))
    except StreamsrError as error:
        log.warning("no peak of %s: %s", key, error)
