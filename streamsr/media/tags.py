"""Chapters and metadata: what is copied word for word, what describes the old file and is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from av.container import InputContainer, OutputContainer
from av.stream import Stream

from .containers import Container
from .track import Window

if TYPE_CHECKING:
    from av.container.core import Chapter  # a name of PyAV's stubs only

_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "duration"}
_STATISTICS = re.compile(r"(_statistics_.*|bps|number_of_(frames|bytes))(-\w+)?$")
_ITUNES = {"title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright", "grouping"}
_ITUNES |= {"lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords", "episode_sort", "track"}
_ITUNES |= {
    "season_number",
    "media_type",
    "hd_video",
    "gapless_playback",
    "compilation",
    "disc",
    "tmpo",
    "make",
    "model",
}
_ITUNES |= {"creation_time", "timecode", "location", "language", "performers", "author", "year"}
# fmt: off
_BIBLIOGRAPHIC = {
    "bod": "tib", "ces": "cze", "cym": "wel", "deu": "ger", "ell": "gre", "eus": "baq", "fas": "per", "fra": "fre",
    "hye": "arm", "isl": "ice", "kat": "geo", "mkd": "mac", "mri": "mao", "msa": "may", "mya": "bur", "nld": "dut",
    "ron": "rum", "slk": "slo", "sqi": "alb", "zho": "chi",
}
# fmt: on
"""ISO 639-2 names of languages: terminological to bibliographic, the only one QuickTime's table has."""


def copied_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata without what only describes the source file or the old encoding."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in _OF_THE_FILE and not _STATISTICS.match(key.lower())
    }


def nameless_keys(metadata: Mapping[str, str]) -> list[str]:
    """The keys that have no place among MP4's usual (iTunes) names, only among free ones."""
    return [key for key in copied_metadata(metadata) if key.lower() not in _ITUNES]


def spell_language(stream: Stream, container: Container) -> None:
    """Write the language the way the container knows it."""
    if container.muxer == "mov" and stream.language in _BIBLIOGRAPHIC:
        stream.metadata["language"] = _BIBLIOGRAPHIC[stream.language]


def copy_chapters(source: InputContainer, out: OutputContainer, window: Window) -> None:
    """Copy the chapters that begin or last within the window, cut to it and shifted."""
    chapters = [_cut(chapter, window) for chapter in source.chapters()]
    kept = [chapter for chapter in chapters if chapter["end"] > chapter["start"]]
    if kept:
        out.set_chapters(kept)


def _cut(chapter: Chapter, window: Window) -> Chapter:
    tick = chapter["time_base"] or Fraction(1, 1000)
    first, last = chapter["start"], chapter["end"]
    if window.start is not None:
        first = max(first, round(window.start / tick))
    if window.end is not None:
        last = min(last, round(window.end / tick))
    shift = round(window.origin / tick)
    return {**chapter, "start": first - shift, "end": last - shift, "time_base": tick}
