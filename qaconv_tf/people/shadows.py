"""Where the sun and the sky do not reach: shadows on people, ground and walls."""

import numpy as np

from qaconv_tf.people.compiled import compiled


@compiled
def take_sun(maps, softness, bias, on_background, samples):
    """Takes the sun from the samples that something hides from it.

    Args:
        maps: `ShadowMaps` of one direction, the sun's.
        softness: float. Radius of the half shadow, in metres.
        bias: float. Metres by which a hiding thing must be nearer to the sun.
        on_background: bool. Whether also from what no mesh covers.
        samples: `Samples`; `lit` is multiplied.
    """
    height, axes, origin = maps.height[0], maps.axes[0], maps.origin
    size, middle = height.shape[0], np.float32(0.5) * height.shape[0]
    rows, columns = samples.lit.shape
    for row in range(rows):
        for column in range(columns):
            if samples.inverse_depth[row, column] <= 0 or samples.lit[row, column] <= 0:
                continue
            if samples.mesh_of[row, column] < 0 and not on_background:
                continue
            x = samples.position[row, column, 0] + bias * samples.normal[row, column, 0] - origin[0]
            y = samples.position[row, column, 1] + bias * samples.normal[row, column, 1] - origin[1]
            z = samples.position[row, column, 2] + bias * samples.normal[row, column, 2] - origin[2]
            across = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * maps.scale + middle
            down = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * maps.scale + middle
            level = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z + bias
            # Four places on a disc, turned from sample to sample (Jimenez, "Next generation post processing in Call of
            # Duty", 2014: interleaved gradient noise), so that half shadows have no steps.
            turn = 0.06711056 * column + 0.00583715 * row
            turn = 52.9829189 * (turn - np.floor(turn))
            turn -= np.floor(turn)
            cosine, sine, reached = np.cos(6.2831853 * turn), np.sin(6.2831853 * turn), 0.0
            for step in range(4):
                distance = np.sqrt((step + turn) * 0.25) * softness * maps.scale
                i, j = int(np.floor(down + distance * sine)), int(np.floor(across + distance * cosine))
                reached += 0.25 if i < 0 or j < 0 or i >= size or j >= size or height[i, j] <= level else 0.0
                cosine, sine = -sine, cosine  # a quarter further round
            samples.lit[row, column] *= reached


@compiled
def take_sky(maps, colours, shift, bias, samples):
    """Darkens what no mesh of people covers, the ground under their feet above all, where people hide the sky.

    Args:
        maps: `ShadowMaps` of the sky's directions, with the people in them.
        colours: `(directions,)` float32. How bright each direction is.
        shift: float. Points are moved along their normals before they are looked up, metres.
        bias: float. What is at most this much nearer to the sky hides nothing, metres.
        samples: `Samples`; `ambient` is multiplied, the same for each two by two.
    """
    size, middle = maps.height.shape[1], np.float32(0.5) * maps.height.shape[1]
    rows, columns = samples.lit.shape
    reach = middle / maps.scale
    for row in range(0, rows - 1, 2):
        for column in range(0, columns - 1, 2):
            # The first of the four that shows something of the background.
            first_row, first_column = row, column
            while first_row < row + 2 and samples.mesh_of[first_row, first_column] >= 0:
                first_row, first_column = (first_row, column + 1) if first_column == column else (first_row + 1, column)
            if first_row == row + 2 or samples.inverse_depth[first_row, first_column] <= 0:
                continue
            place, normal = samples.position[first_row, first_column], samples.normal[first_row, first_column]
            x = place[0] + shift * normal[0] - maps.origin[0]
            y = place[1] + shift * normal[1] - maps.origin[1]
            z = place[2] + shift * normal[2] - maps.origin[2]
            if max(abs(x), abs(y), abs(z)) > 2 * reach:
                continue
            seen, total = 0.0, 1e-9
            for number in range(len(maps.height)):
                axes = maps.axes[number]
                facing = axes[2, 0] * normal[0] + axes[2, 1] * normal[1] + axes[2, 2] * normal[2]
                facing *= colours[number]
                if facing <= 0:
                    continue
                total += facing
                across = (axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z) * maps.scale + middle - 0.5
                down = (axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z) * maps.scale + middle - 0.5
                level = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z + bias
                j, i = int(np.floor(across)), int(np.floor(down))
                if j < 0 or i < 0 or j + 1 >= size or i + 1 >= size:
                    seen += facing
                    continue
                right, low = across - j, down - i
                height = maps.height[number]
                above = (1 - right) * (height[i, j] <= level) + right * (height[i, j + 1] <= level)
                below = (1 - right) * (height[i + 1, j] <= level) + right * (height[i + 1, j + 1] <= level)
                seen += facing * ((1 - low) * above + low * below)
            for i in range(row, row + 2):
                for j in range(column, column + 2):
                    if samples.mesh_of[i, j] < 0:
                        for channel in range(3):
                            samples.ambient[i, j, channel] *= seen / total


@compiled
def develop(samples):
    """Returns the picture: the mean of each two by two samples, `(rows / 2, columns / 2, 3)` float32, linear light."""
    rows, columns = samples.lit.shape
    picture = np.empty((rows // 2, columns // 2, 3), np.float32)
    for row in range(rows // 2):
        for column in range(columns // 2):
            for channel in range(3):
                total = 0.0
                for i in range(2 * row, 2 * row + 2):
                    for j in range(2 * column, 2 * column + 2):
                        total += samples.ambient[i, j, channel] + samples.direct[i, j, channel] * samples.lit[i, j]
                picture[row, column, channel] = 0.25 * total
    return picture
