"""The three camera networks: what their cameras, places and boxes have in common."""

import dataclasses

from qaconv_tf.errors import UserError

CAMERAS_PER_NETWORK = 6


@dataclasses.dataclass(frozen=True)
class NetworkStyle:
    """The ranges from which the cameras of one network draw. A pair is the least and greatest value of a uniform draw.

    Args:
        outdoor: float. Share of cameras in the open, with direct sun.
        grounds: tuple of str. Floors, of `scenery.GROUNDS`.
        walls: tuple of str. Backdrops, of `scenery.WALLS`.
        things: tuple of str. Furniture that stands around, of `scenery.THINGS`.
        camera_height: pair. Metres.
        person_pixels: pair. Height of a person of 1.7 m, from the far to the near end of the lanes.
        exposure: pair. Gain.
        cast: float. Standard deviation of the logarithm of the red and blue gains.
        cast_lean: tuple of 3 floats. Gains that all cameras of the network share.
        contrast: pair.
        saturation: pair.
        black_level: pair. What the darkest surfaces are lifted to.
        detail: pair. Share of the pixels that the lens resolves; below 1 the picture is softened.
        blur: pair. Standard deviation in pixels.
        noise: pair. Standard deviation, of values in [0, 1].
        quality: pair. Of the JPEG file, 1 to 95.
        box_scale: pair. Mean and standard deviation of box height beside the person's.
        box_aspect: pair. Mean and standard deviation of width beside height.
        box_shift: float. Standard deviation of the box's centre, in box sizes.
        crowd: float. Chance that a stranger walks near.
    """

    outdoor: float
    grounds: tuple
    walls: tuple
    things: tuple
    camera_height: tuple
    person_pixels: tuple
    exposure: tuple
    cast: float
    cast_lean: tuple
    contrast: tuple
    saturation: tuple
    black_level: tuple
    detail: tuple
    blur: tuple
    noise: tuple
    quality: tuple
    box_scale: tuple
    box_aspect: tuple
    box_shift: float
    crowd: float


NETWORKS = {
    "campus": NetworkStyle(
        outdoor=0.75,
        grounds=("asphalt", "slabs", "bricks", "grass"),
        walls=("bricks", "hedge", "panels", "windows"),
        things=("post", "bin", "bench", "planter", "sign"),
        camera_height=(2.4, 4.6),
        person_pixels=(100, 172),
        exposure=(0.82, 1.15),
        cast=0.07,
        cast_lean=(1.0, 1.0, 1.0),
        contrast=(0.85, 1.2),
        saturation=(0.75, 1.15),
        black_level=(0.0, 0.05),
        detail=(0.75, 1.0),
        blur=(0.0, 0.7),
        noise=(0.005, 0.016),
        quality=(70, 92),
        box_scale=(1.07, 0.06),
        box_aspect=(0.46, 0.05),
        box_shift=0.04,
        crowd=0.22,
    ),
    "station": NetworkStyle(
        outdoor=0.15,
        grounds=("tiles", "terrazzo", "strips"),
        walls=("tiles", "posters", "shutters", "panels"),
        things=("pillar", "bin", "barrier", "sign", "kiosk"),
        camera_height=(3.4, 5.6),
        person_pixels=(92, 138),
        exposure=(0.62, 1.05),
        cast=0.12,
        cast_lean=(0.97, 1.04, 0.90),
        contrast=(0.75, 1.1),
        saturation=(0.45, 0.85),
        black_level=(0.02, 0.10),
        detail=(0.45, 0.8),
        blur=(0.4, 1.1),
        noise=(0.012, 0.028),
        quality=(45, 80),
        box_scale=(1.06, 0.06),
        box_aspect=(0.45, 0.05),
        box_shift=0.04,
        crowd=0.38,
    ),
    "arcade": NetworkStyle(
        outdoor=0.35,
        grounds=("terrazzo", "slabs", "tiles", "boards"),
        walls=("windows", "posters", "shutters", "bricks"),
        things=("post", "planter", "kiosk", "bench", "pillar"),
        camera_height=(2.6, 4.8),
        person_pixels=(92, 145),
        exposure=(0.75, 1.2),
        cast=0.09,
        cast_lean=(1.06, 1.0, 0.90),
        contrast=(0.8, 1.15),
        saturation=(0.65, 1.1),
        black_level=(0.0, 0.07),
        detail=(0.6, 0.95),
        blur=(0.2, 0.9),
        noise=(0.008, 0.022),
        quality=(55, 88),
        box_scale=(1.24, 0.11),
        box_aspect=(0.50, 0.08),
        box_shift=0.065,
        crowd=0.3,
    ),
}


def network_style(network):
    """Returns the style of a network by name.

    Args:
        network: str. "campus", "station" or "arcade".

    Returns:
        A `NetworkStyle`.

    Raises:
        UserError: if there is no network of that name.

    Example:
        >>> from qaconv_tf.people.networks import network_style
        >>> network_style("station").crowd
        0.38
    """
    if network not in NETWORKS:
        raise UserError(f"Expected a network among {', '.join(NETWORKS)}. Received: network={network!r}")
    return NETWORKS[network]
