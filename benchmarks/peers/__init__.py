"""What a user would write today, as short and plain as they would write it, beside what `streamsr` does.

`python -m benchmarks.peers` measures all of them on one clip whose high-resolution frames are known.
"""
