"""From frame graphs to an engine that works: the best candidate that compiles and shows the right pictures."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import BuildError, DeviceMemoryError, EngineError, VerificationError
from .available import choose_backends
from .backend import AUTO, Backend, CompiledEngine, CompileOptions
from .base import Engine
from .cache import EngineCache, open_cache
from .entry import EngineRecord
from .guard import Frames, Reference, Resized, Verdict, verify

if TYPE_CHECKING:
    from ..graph.frame_graph import FrameGraph

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to compute the frames."""

    precision: str
    """fp32, fp16, bf16 or int8."""
    graph: FrameGraph
    """The frame graph, for int8 that of the quantized model; rounding to fp16 or bf16 is the backend's job."""
    model: str = ""
    """What to call it in messages and in the cache."""


def compile_engine(
    candidates: Sequence[Candidate],
    reference: FrameGraph,
    options: CompileOptions,
    probe: Callable[[], Frames],
    resized: Resized | None = None,
) -> Engine:
    """The first candidate, on the first backend, that compiles and passes the accuracy guard.

    An engine from the cache has passed it before; a fresh one runs the frames that `probe` returns (tensors of
    the reference's inputs, asked for only when needed; a few, with content) against `reference` in ONNX Runtime fp32.
    Where `resized` builds that graph for another size, only excerpts of big pictures are computed with it.
    A candidate that fails is passed over with a warning.

    Raises:
        BuildError, VerificationError, DeviceMemoryError, UnknownNameError: as `first_engine`.
    """
    truth = Reference(reference, probe, resized)
    cache = open_cache() if options.cache else None
    options = replace(options, cache=cache is not None)  # what backends keep beside it is no safer

    def best(backend: Backend, device: str) -> Engine:
        chosen = replace(options, device=device)
        failures: list[EngineError] = []
        for candidate in candidates:
            try:
                return _Compilation(backend, candidate, chosen, cache).engine(truth)
            except DeviceMemoryError:
                raise  # smaller pictures are the way out, not another precision
            except EngineError as error:
                failures.append(type(error)(f"{backend.name} {candidate.precision}: {error}"))
                log.warning("%s is passed over, %s", candidate.model or "a model", failures[-1])
        raise _summed_up(failures)

    return first_engine(options.backend, options.device, best)


def first_engine(name: str, device: str, make: Callable[[Backend, str], Engine]) -> Engine:
    """What `make` makes, given a backend and its device: of `--backend name --device device`, the first that works.

    So whatever depends on the backend is decided for each of them anew.

    Raises:
        BuildError: nothing compiles; the message gives each reason.
        VerificationError: something compiles, but no engine shows the right pictures.
        DeviceMemoryError: something compiles, but for smaller pictures only.
        UnknownNameError: no backend of that name.
    """
    failures: list[EngineError] = []
    for backend in choose_backends(name, device):
        try:
            return make(backend, backend.device if device == AUTO else device)
        except EngineError as error:
            failures.append(type(error)(str(error)))  # the error itself would keep its frames, and memory
            if name == AUTO and isinstance(error, DeviceMemoryError):
                log.warning("%s is passed over: %s", backend.name, error)
    raise _summed_up(failures)


def _summed_up(failures: Sequence[EngineError]) -> EngineError:
    text = "; ".join(map(str, failures))
    if all(isinstance(error, DeviceMemoryError) for error in failures):
        return DeviceMemoryError(text)
    wrong = any(isinstance(error, VerificationError) for error in failures)
    return VerificationError(text) if wrong else BuildError(text)


def cache_key(backend: Backend, candidate: Candidate, options: CompileOptions) -> str:
    """sha256 over everything the compiled engine depends on; sizes and layouts are in the graph.

    This package's version counts too: fp16 and int8 graphs are made from the one in the candidate.
    """
    digest = hashlib.sha256(candidate.graph.proto.SerializeToString(deterministic=True))
    made_by = (__version__, backend.name, backend.version, backend.identity(options.device))
    digest.update(repr((made_by, candidate.precision, options.threads, candidate.graph.state)).encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Compilation:
    """One candidate on one backend."""

    backend: Backend
    candidate: Candidate
    options: CompileOptions
    cache: EngineCache | None

    def engine(self, truth: Reference) -> Engine:
        """From the cache, or else built, verified and cached, while other processes that want the same wait."""
        if self.cache is None:
            return self._fresh(truth)[0]
        key = cache_key(self.backend, self.candidate, self.options)
        with self.cache.lock(key):
            cached = self._restored(key, self.cache)
            if cached is not None:
                return cached
            engine, verdict = self._fresh(truth)
            if verdict.conclusive:
                self.cache.store(self._record(key, verdict), engine.export())
        return engine

    def _restored(self, key: str, cache: EngineCache) -> Engine | None:
        blob = cache.load(key)
        if blob is None:
            return None
        try:
            return self.backend.restore(blob, self.candidate.graph, self.candidate.precision, self.options)
        except BuildError as error:
            log.warning("%s: building it again", error)
            cache.discard(key)
            return None

    def _fresh(self, truth: Reference) -> tuple[CompiledEngine, Verdict]:
        engine = self.backend.build(self.candidate.graph, self.candidate.precision, self.options)
        with ExitStack() as undo:
            undo.callback(engine.close)
            verdict = verify(engine, truth)
            undo.pop_all()
        log.info("%s %s: %s dB", self.backend.name, self.candidate.precision, verdict.psnr)
        return engine, verdict

    def _record(self, key: str, verdict: Verdict) -> EngineRecord:
        graph = self.candidate.graph
        return EngineRecord(
            key=key,
            model=self.candidate.model,
            format=f"{graph.input} -> {graph.output}",
            backend=self.backend.name,
            version=self.backend.version,
            device=self.backend.identity(self.options.device),
            precision=self.candidate.precision,
            created=time.time(),
            psnr=verdict.psnr,
        )
