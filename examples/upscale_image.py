"""Upscale pictures in memory, with one engine for all of them: python examples/upscale_image.py"""

import numpy as np

import streamsr


def main() -> None:
    rows, columns = np.mgrid[0:90, 0:160]
    waves = np.stack([rows + columns, rows - columns, rows * columns / 40], axis=-1)
    image = (127.5 + 100 * np.sin(waves / 9)).astype(np.uint8)  # (H, W, 3) RGB

    with streamsr.Chain("live-x2") as chain:
        for picture in (image, image[::-1], image[..., 0]):  # RGB, RGB, gray
            large = streamsr.upscale(picture, model=chain)
            print(f"{picture.shape} -> {large.shape} {large.dtype}")


if __name__ == "__main__":
    main()
