"""Reproducible measurements. Speed is reported as ratios within one run: absolute figures move with the machine."""
