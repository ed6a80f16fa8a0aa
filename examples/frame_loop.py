"""Iterate over upscaled frames and do anything with them: python examples/frame_loop.py in.mp4"""

import sys

import streamsr


def main(path: str) -> None:
    with streamsr.frames(path, pix_fmt="rgb24", frames=100) as video:
        for frame in video:
            rgb = frame.planes[0]  # (H, W, 3) uint8, converted inside the engine
            print(f"{float(frame.time):8.3f} s  {rgb.shape[1]}x{rgb.shape[0]}  mean {rgb.mean():.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
