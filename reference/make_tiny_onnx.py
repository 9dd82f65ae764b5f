"""Writes ONNX models of a few kilobytes that have the inputs, outputs and oddities of the public CLIP and WD14 exports
and compute something simple, for the captioner's tests: src/captioning/fixtures/*.onnx. Their numbers are checked by
onnxruntime here and by onnxruntime-web there (expected.json). Usage: python make_tiny_onnx.py"""

import json
import os

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "captioning", "fixtures")
WIDE = 16
rng = np.random.default_rng(20240701)


def weights(name, *shape, dtype=np.float32):
    return numpy_helper.from_array((rng.standard_normal(shape) * 0.3).astype(dtype), name)


def save(name, nodes, inputs, outputs, constants):
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, os.path.join(OUT, f"{name}.onnx"))


def value(name, kind, *shape):
    return helper.make_tensor_value_info(name, kind, shape)


def vision(name, kind, batch, side, patch, embeds="image_embeds", wide=WIDE):
    """Patches, a map of places that only one side fits, a mean, a projection."""
    dtype = np.float16 if kind == T.FLOAT16 else np.float32
    places = ((side or 224) - 8) // patch + 1
    nodes = [
        helper.make_node("Conv", ["pixel_values", "patches"], ["p"], strides=[patch, patch]),
        helper.make_node("Add", ["p", "places"], ["q"]),
        helper.make_node("Tanh", ["q"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["m"]),
        helper.make_node("Flatten", ["m"], ["f"]),
        helper.make_node("MatMul", ["f", "projection"], [embeds]),
    ]
    constants = [
        weights("patches", 8, 3, 8, 8, dtype=dtype),
        weights("places", 1, 1, places, places, dtype=dtype),
        weights("projection", 8, wide, dtype=dtype),
    ]
    height, width = (side, side) if side else ("height", "width")
    save(
        name,
        nodes,
        [value("pixel_values", kind, batch, 3, height, width)],
        [value(embeds, kind, batch, wide)],
        constants,
    )


def text(name, kind, batch, length, mask):
    """Sines of the ids, a mean of those the mask keeps (of all without one), a projection."""
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["n"], to=T.FLOAT),
        helper.make_node("Unsqueeze", ["n", "last"], ["u"]),
        helper.make_node("Mul", ["u", "waves"], ["w"]),
        helper.make_node("Sin", ["w"], ["s"]),
    ]
    if mask:
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["k"], to=T.FLOAT),
            helper.make_node("Unsqueeze", ["k", "last"], ["l"]),
            helper.make_node("Mul", ["s", "l"], ["t"]),
            helper.make_node("ReduceSum", ["t", "second"], ["m"], keepdims=0),
        ]
    else:
        nodes += [helper.make_node("ReduceSum", ["s", "second"], ["m"], keepdims=0)]
    nodes += [helper.make_node("MatMul", ["m", "projection"], ["text_embeds"])]
    constants = [
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "second"),
        weights("waves", 8),
        weights("projection", 8, WIDE),
    ]
    inputs = [value("input_ids", kind, batch, length)]
    if mask:
        inputs.append(value("attention_mask", kind, batch, length))
    save(name, nodes, inputs, [value("text_embeds", T.FLOAT, batch, WIDE)], constants)


def tagger(name, tags, side, channels_first=False):
    axes = [2, 3] if channels_first else [1, 2]
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["m"], axes=axes, keepdims=0),
        helper.make_node("MatMul", ["m", "weights"], ["w"]),
        helper.make_node("Add", ["w", "bias"], ["b"]),
        helper.make_node("Sigmoid", ["b"], ["output"]),
    ]
    # Tag i leans on one of blue, green, red, so that a test can see which channel is which.
    lean = np.zeros((3, tags), np.float32)
    lean[np.arange(tags) % 3, np.arange(tags)] = 0.04
    constants = [
        numpy_helper.from_array(lean, "weights"),
        numpy_helper.from_array(np.linspace(-5, -3, tags).astype(np.float32), "bias"),
    ]
    save(
        name,
        nodes,
        [value("input", T.FLOAT, "batch", *((3, side, side) if channels_first else (side, side, 3)))],
        [value("output", T.FLOAT, "batch", tags)],
        constants,
    )


def external(name, of):
    """The same model with its weights in a file beside it, as exporters write it; numbers stay the same."""
    model = onnx.load(os.path.join(OUT, f"{of}.onnx"))
    beside = f"{name}.onnx_data"
    path = os.path.join(OUT, beside)
    if os.path.exists(path):
        os.remove(path)
    onnx.save(
        model,
        os.path.join(OUT, f"{name}.onnx"),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=beside,
        size_threshold=0,
    )


def wave(*shape):
    """A picture that a test makes without us."""
    return np.sin(np.arange(np.prod(shape)) * 0.05).astype(np.float32).reshape(shape)


def run(name, **feeds):
    path = os.path.join(OUT, f"{name}.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return [round(float(x), 6) for x in session.run(None, feeds)[0].astype(np.float32).ravel()]


def main():
    os.makedirs(OUT, exist_ok=True)
    vision("vision", T.FLOAT, "batch", 32, 8)
    vision("vision_half", T.FLOAT16, 1, None, 56)
    vision("vision_narrow", T.FLOAT, "batch", 32, 8, wide=8)
    vision("vision_unprojected", T.FLOAT, "batch", 32, 8, embeds="pooler_output")
    text("text", T.INT64, "batch", "length", True)
    text("text_fixed", T.INT32, 1, 77, False)
    tagger("tagger", 6, 48)
    tagger("tagger_channels_first", 6, 48, channels_first=True)
    external("tagger_external", "tagger")
    ids = np.array([[1212, 5, 6, 1213, 1213]], np.int64)
    expected = {
        "vision": run("vision", pixel_values=wave(1, 3, 32, 32)),
        "vision_half": run("vision_half", pixel_values=wave(1, 3, 224, 224).astype(np.float16)),
        "text": run("text", input_ids=ids, attention_mask=(np.arange(5) < 4).astype(np.int64)[None]),
        "tagger": run("tagger", input=(wave(1, 48, 48, 3) * 100 + 120).astype(np.float32)),
    }
    with open(os.path.join(OUT, "expected.json"), "w") as file:
        json.dump(expected, file)
        file.write("\n")
    with open(os.path.join(OUT, "tags.csv"), "w", newline="") as file:
        file.write(
            "tag_id,name,category,count\n9999999,general,9,807858\n470575,1girl,0,4225150\n"
            "212816,>_<,0,3515897\n13197,long_hair,0,2982517\n"
            "1,hatsune_miku,4,100\n2,\"artist_(a,b)\",1,90\n"
        )
    print({f: os.path.getsize(os.path.join(OUT, f)) for f in sorted(os.listdir(OUT))})


if __name__ == "__main__":
    main()
