"""What papers report of super-resolution networks: figures to set ours beside. Nothing here was measured by us.

PSNR in dB and SSIM of luma, MATLAB bicubic input, as the networks' own papers or those that compare with them give
them. Multiply-accumulates are for a 1280x720 output in the papers, here per output pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

OUTPUT_MEGAPIXELS = 0.9216
"""Of 1280x720, the output that papers count operations for."""

Quality = tuple[float, float | None]
"""PSNR in dB and SSIM; None where only the PSNR is at hand."""


@dataclass(frozen=True, slots=True)
class Published:
    """One network at one scale."""

    name: str
    source: str
    scale: int
    weights: float | None
    giga_macs: float | None
    """For an output of 1280x720."""
    quality: Mapping[str, Quality]
    """Set -> quality."""
    recalled: bool = False
    """Taken from notes and not compared with the paper again."""

    @property
    def macs(self) -> float | None:
        """Multiply-accumulates per output pixel."""
        return None if self.giga_macs is None else self.giga_macs * 1e3 / OUTPUT_MEGAPIXELS


def _sets(*values: Quality) -> Mapping[str, Quality]:
    return MappingProxyType(dict(zip(("set5", "set14", "bsd100", "urban100"), values, strict=False)))


_SRCNN, _FSRCNN, _ESPCN = "Dong et al., TPAMI 2016", "Dong et al., ECCV 2016", "Shi et al., CVPR 2016"
_ECBSR, _SESR, _SPAN = "Zhang et al., ACM MM 2021", "Bhardwaj et al., MLSys 2022", "Wan et al., CVPRW 2024"

PUBLISHED = (
    Published("SRCNN", _SRCNN, 2, 57e3, 53, _sets((36.66, 0.9542), (32.42, 0.9063), (31.36, 0.8879), (29.50, 0.8946))),
    Published("FSRCNN", _FSRCNN, 2, 12e3, 6, _sets((37.00, 0.9558), (32.63, 0.9088), (31.53, 0.8920), (29.88, 0.9020))),
    Published("ESPCN", _ESPCN, 2, 21e3, 5, _sets((36.83, 0.9564), (32.40, 0.9096), (31.29, 0.8917), (29.48, 0.8975))),
    Published(
        "ECBSR-M4C16", _ECBSR, 2, 10.2e3, None, _sets((37.33, 0.9593), (32.81, 0.9129), (31.66, None)), recalled=True
    ),
    Published("SESR-M5", _SESR, 2, 13.5e3, 3.1, _sets((37.39, 0.9585), (32.84, 0.9115), (31.70, None)), recalled=True),
    Published("SESR-M7", _SESR, 2, 18.1e3, 4.2, _sets((37.47, 0.9588), (32.91, 0.9118), (31.77, None)), recalled=True),
    Published("SESR-M11", _SESR, 2, 27.3e3, 6.3, _sets((37.58, 0.9593), (33.03, 0.9128), (31.85, None)), recalled=True),
    Published(
        "ECBSR-M16C64",
        _ECBSR,
        2,
        596e3,
        137,
        _sets((37.90, 0.9615), (33.34, 0.9178), (32.10, 0.9018), (31.71, 0.9250)),
    ),
    Published(
        "SPAN (52 channels)", _SPAN, 2, 481e3, 94, _sets((38.08, 0.9608), (33.71, 0.9183), (32.22, None)), recalled=True
    ),
    Published("SRCNN", _SRCNN, 4, 57e3, 53, _sets((30.48, 0.8628), (27.49, 0.7503), (26.90, 0.7101), (24.52, 0.7221))),
    Published("FSRCNN", _FSRCNN, 4, 12e3, 5, _sets((30.71, 0.8657), (27.59, 0.7535), (26.98, 0.7150), (24.62, 0.7280))),
    Published("ESPCN", _ESPCN, 4, 25e3, 1, _sets((30.52, 0.8697), (27.42, 0.7606), (26.87, 0.7216), (24.39, 0.7241))),
    Published(
        "ECBSR-M4C16", _ECBSR, 4, 11.9e3, None, _sets((31.04, 0.8785), (27.78, 0.7693), (27.09, None)), recalled=True
    ),
    Published("SESR-M5", _SESR, 4, 18.3e3, 1.05, _sets((30.99, 0.8764), (27.81, 0.7624), (27.11, None)), recalled=True),
    Published("SESR-M7", _SESR, 4, 22.9e3, 1.3, _sets((31.14, 0.8787), (27.88, 0.7641), (27.13, None)), recalled=True),
    Published("SESR-M11", _SESR, 4, 32e3, 1.85, _sets((31.27, 0.8810), (27.94, 0.7660), (27.20, None)), recalled=True),
    Published(
        "ECBSR-M16C64", _ECBSR, 4, 603e3, 35, _sets((31.92, 0.8946), (28.34, 0.7817), (27.48, 0.7393), (25.81, 0.7773))
    ),
    Published(
        "SPAN (52 channels)", _SPAN, 4, 498e3, 25, _sets((32.20, 0.8953), (28.66, 0.7834), (27.62, None)), recalled=True
    ),
)
