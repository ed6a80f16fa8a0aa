"""PyAV + cv2.dnn_superres FSRCNN: `python fsrcnn_loop.py CLIP MODEL.pb`. Needs av and opencv-contrib-python 4."""

import json
import sys
import tempfile
import time

import av
import cv2


def main(clip: str, model: str) -> None:
    network = cv2.dnn_superres.DnnSuperResImpl_create()
    network.readModel(model)
    network.setModel("fsrcnn", 2)
    wall, cpu, frames = time.perf_counter(), time.process_time(), 0
    with av.open(clip) as source, tempfile.NamedTemporaryFile(suffix=".mp4") as file, av.open(file.name, "w") as target:
        video = source.streams.video[0]
        video.thread_type = "AUTO"
        output = target.add_stream("libx264", video.average_rate, options={"crf": "20", "preset": "veryfast"})
        output.width, output.height, output.pix_fmt = 2 * video.width, 2 * video.height, "yuv420p"
        for frame in source.decode(video):
            upscaled = network.upsample(frame.to_ndarray(format="bgr24"))
            target.mux(output.encode(av.VideoFrame.from_ndarray(upscaled, "bgr24")))
            frames += 1
        target.mux(output.encode(None))
    cost = {"frames": frames, "wall_seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    print(json.dumps(cost))


if __name__ == "__main__":
    main(*sys.argv[1:])
