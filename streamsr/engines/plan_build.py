"""One build of a plan: parser, builder, their settings, and what they say when they refuse."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import BuildError, ConfigError
from .plan import Flavour, OnProgress, PlanOptions, Profile
from .plan_layers import Layer, parse_listing
from .plan_log import parser_refusal, recorder, refusal
from .plan_progress import monitor
from .plan_timing import timings

if TYPE_CHECKING:
    import onnx

log = logging.getLogger(__name__)


class Build:
    """Builds with one library and one set of options."""

    def __init__(self, trt: ModuleType, flavour: Flavour, options: PlanOptions) -> None:
        self._trt: Any = trt
        self._flavour, self._options = flavour, options

    def plan(
        self,
        proto: onnx.ModelProto,
        profiles: Sequence[Profile],
        progress: OnProgress | None,
        layers: Callable[[tuple[Layer, ...]], None] | None,
    ) -> bytes:
        """See `plan.build_plan`; `proto` is in the form that TensorRT takes."""
        said = recorder(self._trt)
        said.begin()
        builder = self._trt.Builder(said)
        network = self._network(builder, proto, said)
        config = self._config(builder, profiles, detailed=layers is not None or self._options.detailed)
        watch = monitor(self._trt, progress)
        config.progress_monitor = watch
        with ExitStack() as after:
            if self._flavour == "tensorrt" and self._options.timing_cache is not None:
                after.enter_context(timings(config, self._options.timing_cache))
            plan = builder.build_serialized_network(network, config)
            watch.check()
            if plan is None:
                names = [network.get_layer(i).name for i in range(network.num_layers)]
                raise refusal(f"{self._flavour} does not compile the graph", said.complaints(), names)
        if layers is not None:
            layers(parse_listing(said.listing))
        return bytes(plan)

    def _network(self, builder: Any, proto: onnx.ModelProto, said: Any) -> Any:
        # older versions have to be told that types are the graph's, newer ones know no other way
        flag = getattr(self._trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
        network = builder.create_network(0 if flag is None else 1 << int(flag))
        parser = self._trt.OnnxParser(network, said)
        if not parser.parse(proto.SerializeToString()):
            raise parser_refusal(f"{self._flavour} does not read the graph", parser)
        return network

    def _config(self, builder: Any, profiles: Sequence[Profile], *, detailed: bool) -> Any:
        trt, options = self._trt, self._options
        config = builder.create_builder_config()
        config.builder_optimization_level = options.level
        # ten bits of a product's factors are too few where a graph says float32: codes of 10 bits, optical flow
        config.clear_flag(trt.BuilderFlag.TF32)
        # streams that TensorRT adds may wait for the default one, which FFmpeg uses: in the midst of a capture
        config.max_aux_streams = 0
        if options.workspace is not None:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace)
        if detailed:
            config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        self._aim(config)
        for sizes in profiles:
            config.add_optimization_profile(self._profile(builder, sizes))
        return config

    def _aim(self, config: Any) -> None:
        """Say what GPUs the plan is for."""
        rtx, options = self._flavour == "tensorrt-rtx", self._options
        if options.capabilities and not rtx:
            raise ConfigError("TensorRT builds for the GPU it runs on: compute capabilities are for tensorrt-rtx")
        if options.portable and rtx:
            log.warning("a plan for RTX is for every GPU from Ampere on, and for one version of the library, always")
        elif options.portable:
            config.set_flag(self._trt.BuilderFlag.VERSION_COMPATIBLE)
            config.hardware_compatibility_level = self._trt.HardwareCompatibilityLevel.AMPERE_PLUS
        if rtx:
            config.set_flag(self._trt.BuilderFlag.REQUIRE_USER_ALLOCATION)  # its condition for CUDA graphs
        known = self._trt.ComputeCapability.__members__ if options.capabilities else {}
        if options.capabilities:
            config.num_compute_capabilities = len(options.capabilities)
        for index, capability in enumerate(options.capabilities):
            name = f"SM{capability.replace('.', '')}"
            if name not in known:
                have = ", ".join(f"{n[2:-1]}.{n[-1]}" for n in known if n.startswith("SM"))
                raise ConfigError(f"tensorrt-rtx does not build for compute capability {capability} (but for {have})")
            config.set_compute_capability(known[name], index)

    def _profile(self, builder: Any, sizes: Profile) -> Any:
        profile = builder.create_optimization_profile()
        for name, shapes in sizes.items():
            try:
                profile.set_shape(name, *shapes)
            except (ValueError, RuntimeError) as error:
                raise BuildError(f"the sizes {shapes} of {name!r} are refused: {error}") from error
        return profile
