"""What turned joints make of a surface."""

import numpy as np

from qaconv_tf.people.compiled import compiled


@compiled
def skin(vertices, bones, weights, rotations, shifts):
    """Moves each vertex by the weighted motions of its four joints; float32 `(num_vertices, 3)`."""
    moved = np.empty((len(vertices), 3), np.float32)
    for vertex in range(len(vertices)):
        x, y, z = vertices[vertex, 0], vertices[vertex, 1], vertices[vertex, 2]
        first = second = third = np.float32(0)
        for slot in range(4):
            weight = weights[vertex, slot]
            if weight > 0:
                joint = bones[vertex, slot]
                turn, shift = rotations[joint], shifts[joint]
                first += weight * (turn[0, 0] * x + turn[0, 1] * y + turn[0, 2] * z + shift[0])
                second += weight * (turn[1, 0] * x + turn[1, 1] * y + turn[1, 2] * z + shift[1])
                third += weight * (turn[2, 0] * x + turn[2, 1] * y + turn[2, 2] * z + shift[2])
        moved[vertex, 0], moved[vertex, 1], moved[vertex, 2] = first, second, third
    return moved
