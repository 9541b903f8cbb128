"""The camera networks: what their cameras, places and boxes have in common."""

import dataclasses

from qaconv_tf.errors import UserError

CAMERAS_PER_NETWORK = 6


@dataclasses.dataclass(frozen=True)
class NetworkStyle:
    """The ranges from which the cameras of one network draw. A pair is the least and greatest value of a uniform draw.

    Args:
        outdoor: float. Share of cameras in the open, with direct sun.
        sunny: float. Share of the outdoor cameras with a clear sky.
        uneven: float. How much more light some lamps give than others, from 0.
        grounds: tuple of str. Floors, of `grounds.GROUNDS`.
        walls: tuple of str. Backdrops, of `walls.WALLS`.
        things: tuple of str. Furniture that stands around, of `things.THINGS`.
        camera_height: pair. Metres.
        view: pair. Width of the picture, degrees.
        person_pixels: pair. Height of a person of 1.7 m, from the far to the near end of the lanes.
        exposure: pair. Gain.
        cast: float. Standard deviation of the logarithm of the red and blue gains.
        cast_lean: tuple of 3 floats. Gains that all cameras of the network share.
        contrast: pair.
        saturation: pair.
        black_level: pair. What the darkest surfaces are lifted to.
        detail: pair. Share of the pixels that the lens resolves; below 1 the picture is softened.
        blur: pair. Standard deviation in pixels.
        sharpness: pair. How strongly the camera exaggerates edges.
        fringe: float. Greatest shift of red against blue, pixels.
        noise: pair. Standard deviation, of values in [0, 1].
        quality: pair. Of the JPEG file, 1 to 95.
        box_scale: pair. Mean and standard deviation of box height beside the person's.
        box_aspect: pair. Mean and standard deviation of width beside height.
        box_shift: float. Standard deviation of the box's centre, in box sizes.
        crowd: float. Chance that a stranger walks near.
    """

    outdoor: float
    sunny: float
    uneven: float
    grounds: tuple
    walls: tuple
    things: tuple
    camera_height: tuple
    view: tuple
    person_pixels: tuple
    exposure: tuple
    cast: float
    cast_lean: tuple
    contrast: tuple
    saturation: tuple
    black_level: tuple
    detail: tuple
    blur: tuple
    sharpness: tuple
    fringe: float
    noise: tuple
    quality: tuple
    box_scale: tuple
    box_aspect: tuple
    box_shift: float
    crowd: float


NETWORKS = {
    "campus": NetworkStyle(
        outdoor=0.8,
        sunny=0.55,
        uneven=0.5,
        grounds=("asphalt", "slabs", "bricks", "grass", "concrete"),
        walls=("bricks", "facade", "hedge", "panels", "windows"),
        things=("post", "bin", "bench", "tree", "planter", "hedge", "car", "bollard"),
        camera_height=(2.3, 4.8),
        view=(38, 68),
        person_pixels=(92, 190),
        exposure=(0.82, 1.18),
        cast=0.06,
        cast_lean=(1.0, 1.0, 1.0),
        contrast=(0.85, 1.2),
        saturation=(0.75, 1.2),
        black_level=(0.0, 0.05),
        detail=(0.6, 1.0),
        blur=(0.0, 0.7),
        sharpness=(0.0, 1.1),
        fringe=0.7,
        noise=(0.005, 0.018),
        quality=(60, 93),
        box_scale=(1.07, 0.06),
        box_aspect=(0.46, 0.05),
        box_shift=0.04,
        crowd=0.3,
    ),
    "station": NetworkStyle(
        outdoor=0.15,
        sunny=0.3,
        uneven=1.5,
        grounds=("tiles", "terrazzo", "strips"),
        walls=("tiles", "posters", "shutters", "cladding"),
        things=("pillar", "bin", "barrier", "sign", "kiosk", "machine"),
        camera_height=(3.2, 5.6),
        view=(50, 78),
        person_pixels=(86, 145),
        exposure=(0.62, 1.05),
        cast=0.12,
        cast_lean=(0.97, 1.04, 0.90),
        contrast=(0.75, 1.1),
        saturation=(0.45, 0.85),
        black_level=(0.02, 0.10),
        detail=(0.45, 0.8),
        blur=(0.4, 1.1),
        sharpness=(0.0, 0.8),
        fringe=0.4,
        noise=(0.012, 0.028),
        quality=(45, 80),
        box_scale=(1.06, 0.06),
        box_aspect=(0.45, 0.05),
        box_shift=0.04,
        crowd=0.4,
    ),
    "arcade": NetworkStyle(
        outdoor=0.35,
        sunny=0.5,
        uneven=1.0,
        grounds=("terrazzo", "slabs", "carpet", "boards"),
        walls=("windows", "posters", "shop", "stone"),
        things=("post", "planter", "kiosk", "bench", "pillar", "sign"),
        camera_height=(2.6, 4.8),
        view=(45, 72),
        person_pixels=(80, 150),
        exposure=(0.75, 1.2),
        cast=0.09,
        cast_lean=(1.06, 1.0, 0.90),
        contrast=(0.8, 1.15),
        saturation=(0.65, 1.1),
        black_level=(0.0, 0.07),
        detail=(0.6, 0.95),
        blur=(0.2, 0.9),
        sharpness=(0.0, 1.0),
        fringe=0.6,
        noise=(0.008, 0.022),
        quality=(55, 88),
        box_scale=(1.24, 0.11),
        box_aspect=(0.50, 0.08),
        box_shift=0.065,
        crowd=0.35,
    ),
    "quay": NetworkStyle(
        outdoor=0.9,
        sunny=0.45,
        uneven=0.8,
        grounds=("boards", "gravel", "concrete", "slabs"),
        walls=("cladding", "stone", "plaster", "shutters"),
        things=("bollard", "crates", "barrier", "cone", "bench", "car", "post"),
        camera_height=(2.6, 5.2),
        view=(40, 72),
        person_pixels=(84, 165),
        exposure=(0.72, 1.2),
        cast=0.09,
        cast_lean=(0.95, 1.0, 1.07),
        contrast=(0.8, 1.2),
        saturation=(0.6, 1.1),
        black_level=(0.0, 0.08),
        detail=(0.5, 0.9),
        blur=(0.2, 1.0),
        sharpness=(0.0, 1.0),
        fringe=0.6,
        noise=(0.008, 0.024),
        quality=(50, 88),
        box_scale=(1.07, 0.06),
        box_aspect=(0.46, 0.05),
        box_shift=0.04,
        crowd=0.3,
    ),
}


def network_style(network):
    """Returns the style of a network by name.

    Args:
        network: str. "campus", "station", "arcade" or "quay".

    Returns:
        A `NetworkStyle`.

    Raises:
        UserError: if there is no network of that name.

    Example:
        >>> from qaconv_tf.people.networks import network_style
        >>> network_style("station").crowd
        0.4
    """
    if network not in NETWORKS:
        raise UserError(f"Expected a network among {', '.join(NETWORKS)}. Received: network={network!r}")
    return NETWORKS[network]
