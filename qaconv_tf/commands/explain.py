"""`qaconv-explain A.jpg B.jpg`: why two images match, as numbers, a picture and JSON."""

import importlib.resources
import io
import json
import math
import os

import numpy as np
from PIL import Image, ImageOps

from qaconv_tf.commands.program import FLAGS
from qaconv_tf.commands.shipped_model import chosen_model
from qaconv_tf.datasets.files import list_images
from qaconv_tf.errors import UserError
from qaconv_tf.explain.drawing import draw_explanation
from qaconv_tf.matching.correspondence import correspondences
from qaconv_tf.model import load_model
from qaconv_tf.pipeline import read_image

_MOST_REFERENCES = 64
_DRAWN_PIXELS = 960  # no image is drawn from more rows than these


def main(query_path, gallery_path):
    """Explains by the flags."""
    picture, listing = _outputs(query_path, gallery_path)
    references = _references((query_path, gallery_path))
    path = chosen_model(FLAGS.run_dir, FLAGS.model)
    print(f"model: {path}", flush=True)
    model = load_model(path)
    size = model.backbone.image_height, model.backbone.image_width
    images = [read_image(one, *size) for one in (query_path, gallery_path)]
    maps = model.extract(np.stack([*images, *(read_image(one, *size) for one in references)])).numpy()
    found = correspondences(model.matcher, *maps[:2], maps[2:])
    paths = {"query": query_path, "gallery": gallery_path}
    facts = paths | {"model": path, "references": references}
    shown = [read_image(one, *_drawn_size(one)) for one in paths.values()]
    names = [os.path.basename(one) for one in paths.values()]
    drawn = draw_explanation(*shown, found, names, num_lines=FLAGS.lines, mutual_only=FLAGS.mutual_only)
    # Both are made before either is written: one alone would stand in the way of the next attempt.
    contents = {listing: json.dumps(facts | found.to_json(), indent=1).encode(), picture: _as_png(drawn)}
    os.makedirs(os.path.dirname(listing), exist_ok=True)
    for file, content in contents.items():
        _write(file, content)
    print(f"score: {found.score:.3f}   probability of the same identity: {found.probability:.3f}")
    mutual = found.mutual_of_query
    print(
        f"of the score: query's places {found.query_shares.sum():+.3f}, gallery image's "
        f"{found.gallery_shares.sum():+.3f}, constant {found.constant:+.3f}; "
        f"{mutual.sum()} of {mutual.size} places match both ways"
    )
    print(f"picture: {picture}   shares: {listing}")


def _references(explained):
    """Paths of the images that shares are counted from: not those explained, though they may lie in the same folder."""
    folder = FLAGS.references or str(importlib.resources.files("qaconv_tf") / "assets" / "references")
    own = {os.path.realpath(path) for path in explained}
    paths = list_images(folder) if os.path.isdir(folder) else []
    paths = [path for path in paths if os.path.realpath(path) not in own]
    if not paths:
        raise UserError(f"Expected a folder of images of others. Received: --references={folder}, which holds none")
    # Evenly, since images of one person usually follow each other.
    return paths[:: math.ceil(len(paths) / _MOST_REFERENCES)]


def _outputs(query_path, gallery_path):
    """Where the picture and the JSON go; neither may be there."""
    folder = FLAGS.output_dir or "."
    stems = [os.path.splitext(os.path.basename(path))[0] for path in (query_path, gallery_path)]
    outputs = [os.path.join(folder, f"{stems[0]}_and_{stems[1]}.{ending}") for ending in ("png", "json")]
    for path in outputs:
        if os.path.exists(path):
            raise UserError(
                f"Expected no file to be overwritten. Received: {path}, which exists. Pass --output_dir=DIR"
            )
    return outputs


def _drawn_size(path):
    """The image's own height and width as it is looked at, or less, for the picture shows no more."""
    with Image.open(path) as image:
        width, height = ImageOps.exif_transpose(image).size
    shrink = min(1, _DRAWN_PIXELS / height)
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def _as_png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def _write(path, content):
    with open(path, "xb") as file:
        file.write(content)
