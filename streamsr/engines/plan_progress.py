"""The progress of a build, and its end when somebody wants it to end."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol, cast

from .plan import OnProgress


class Monitor(Protocol):
    """TensorRT's IProgressMonitor."""

    def check(self) -> None:
        """Raise what ended the build, if something did."""
        ...


def monitor(trt: ModuleType, progress: OnProgress | None) -> Monitor:
    """A monitor that tells `progress` about every step.

    An exception may not pass through the builder: it is kept, the build cancelled, and `check` raises it again. That
    holds for KeyboardInterrupt too, so a build of minutes can be interrupted.
    """

    class _Monitor(trt.IProgressMonitor):  # type: ignore[misc, name-defined]  # a base made at run time
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}
            self._failure: BaseException | None = None

        def phase_start(self, phase: str, _parent: str | None, steps: int) -> None:
            self._steps[phase] = steps

        def step_complete(self, phase: str, step: int) -> bool:
            return self._tell(phase, step + 1)

        def phase_finish(self, phase: str) -> None:
            self._steps.pop(phase, None)

        def check(self) -> None:
            if self._failure is not None:
                raise self._failure

        def _tell(self, phase: str, done: int) -> bool:
            try:
                if progress is not None and self._failure is None:
                    progress(phase, done, self._steps.get(phase, done))
            except BaseException as error:
                self._failure = error
            return self._failure is None

    made: Any = _Monitor()
    return cast("Monitor", made)
