"""The losses of qaconv_tf/losses.py in plain Python loops, from their definitions."""

import math


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def minus_log_sigmoid(x):
    return math.log1p(math.exp(-x)) if x >= 0 else math.log1p(math.exp(x)) - x


def class_memory_loss(scores, labels, counted=None, gamma=2.0):
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        for index, score in enumerate(row):
            if counted is not None and not counted[index]:
                continue
            signed = score if index == label else -score
            total += (1 - sigmoid(signed)) ** gamma * minus_log_sigmoid(signed)
    return total / len(labels)


def pairwise_matching_loss(scores, labels):
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        for score, other in zip(row, labels, strict=True):
            total += minus_log_sigmoid(score if label == other else -score)
    return total / len(labels)


def hard_triplet_loss(scores, labels, margin=16.0):
    losses = []
    for i, label in enumerate(labels):
        same = [scores[i][j] for j, other in enumerate(labels) if other == label and j != i]
        different = [scores[i][j] for j, other in enumerate(labels) if other != label]
        if same and different:
            losses.append(max(0.0, margin - min(same) + max(different)))
    return sum(losses) / len(losses) if losses else 0.0
