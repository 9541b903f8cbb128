"""A class memory as a dict of each class's last sample."""

import numpy as np


class DictMemory:
    def __init__(self, num_classes, feature_shape):
        self.num_classes = num_classes
        self.empty = np.zeros(feature_shape, np.float32)
        self.last = {}
        self.written = {}
        self.updates = 0

    def update(self, maps, labels):
        for one, label in zip(maps, labels, strict=True):
            self.last[int(label)] = one
            self.written[int(label)] = self.updates
        self.updates += 1

    def maps(self):
        return np.array([self.last.get(label, self.empty) for label in range(self.num_classes)])

    def filled(self):
        return [label in self.last for label in range(self.num_classes)]

    def ages(self):
        return {label: self.updates - 1 - step for label, step in self.written.items()}
