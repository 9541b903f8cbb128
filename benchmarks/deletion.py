"""Do shares say what a score rests on? `python benchmarks/deletion.py --dataset=market1501:DIR [--model=FILE.keras]`.

Of pairs of the same person at two cameras, places of the query image are covered one by one, with its mean colour,
grey or noise, and the pair is matched anew after each step: in the order of their shares (the greatest first, what the
other image's places add by matching there included), in random orders, and in the order of the shares turned round.
The area under the curve of scores is the mean over the steps, where 1 is the whole image's score and 0 that of an image
all covered; the lower, the more of the score lay in what was covered first. The rank correlation is Spearman's, between
the places' shares and what covering each place alone takes from the score.

Shares are counted from images of others, as in the report (`--references=0`: from the mean best response of training,
which gives the most to background that matches background). Places in an order of shares lie together and random ones
do not, so whole windows are compared too, all of one size: what covering the window with the greatest shares takes, in
times of what a window takes on average, and the rank correlation over all windows.
"""

import argparse
import collections

import measure
import numpy as np

ORDERS = {"by share": 1, "random": 0, "by share, turned round": -1}


def same_person_pairs(dataset, number, rng):
    """Records of a query and a gallery image of its identity at another camera, `number` pairs at most."""
    pairs = []
    for query in rng.permutation(np.array(dataset.query, object)):
        right = [one for one in dataset.gallery if one.identity == query.identity and one.camera != query.camera]
        if right:
            pairs.append((query, right[rng.integers(len(right))]))
    return pairs[:number]


def shares_of_places(found):
    """What each place of the query adds, and what the other image's places add by matching there."""
    return found.query_shares + np.bincount(found.best_of_gallery, found.gallery_shares, len(found.query_shares))


def covered(image, places, feature_shape, filling):
    """The image with the rectangles of some places filled, from `filling`, an image of the same size."""
    rows, columns = feature_shape
    height, width = image.shape[0] // rows, image.shape[1] // columns
    filled = image.copy()
    for place in places:
        row, column = divmod(int(place), columns)
        place = slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width)
        filled[place] = filling[place]
    return filled


def fillings(image, rng):
    """What covers a place: the image's mean colour, grey, or noise."""
    return {
        "mean colour": np.broadcast_to(image.mean(axis=(0, 1)).astype(np.uint8), image.shape),
        "grey": np.full(image.shape, 124, np.uint8),
        "noise": rng.integers(0, 256, image.shape, np.uint8),
    }


def measure_pair(scores_of, found, image, filling, steps, rng):
    """Returns the curve of each order, `(steps + 1,)` from 1 to 0, and the rank correlation."""
    import scipy.stats

    shares, shape = shares_of_places(found), found.feature_shape
    counts = np.linspace(0, len(shares), steps + 1).round().astype(int)
    orders = [
        np.argsort(-sign * shares, kind="stable") if sign else rng.permutation(len(shares)) for sign in ORDERS.values()
    ]
    covers = [order[:count] for order in orders for count in counts] + [[place] for place in range(len(shares))]
    scores = scores_of(np.stack([covered(image, places, shape, filling) for places in covers]))
    curves = scores[: len(orders) * len(counts)].reshape(len(orders), -1)
    curves = (curves - curves[0, -1]) / (curves[0, 0] - curves[0, -1])
    correlation = scipy.stats.spearmanr(shares, found.score - scores[-len(shares) :]).statistic
    return dict(zip(ORDERS, curves, strict=True)), correlation


def measure_windows(scores_of, found, image, filling, window):
    """Returns what the window of greatest shares takes from the score, beside the mean window, and the correlation."""
    import scipy.stats

    numbers = np.arange(len(found.query_shares)).reshape(found.feature_shape)
    windows = np.lib.stride_tricks.sliding_window_view(numbers, window).reshape(-1, window[0] * window[1])
    shares = shares_of_places(found)[windows].sum(axis=1)
    taken = found.score - scores_of(np.stack([covered(image, one, found.feature_shape, filling) for one in windows]))
    return taken[shares.argmax()], taken.mean(), scipy.stats.spearmanr(shares, taken).statistic


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, help="as evaluate.py's --test_datasets, one")
    parser.add_argument("--model", help="a model.keras; by default the package's")
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--window", type=int, nargs=2, default=(3, 2), help="rows and columns, in places")
    parser.add_argument("--references", type=int, default=32, help="images of others that shares are counted from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    measure.print_machine()
    import tensorflow as tf

    from qaconv_tf import load_dataset, load_model
    from qaconv_tf.commands.shipped_model import chosen_model
    from qaconv_tf.matching.correspondence import correspondences
    from qaconv_tf.pipeline import read_image

    name, path = options.dataset.split(":", 1)
    model, rng = load_model(chosen_model("", options.model)), np.random.default_rng(options.seed)
    size = model.backbone.image_height, model.backbone.image_width
    extract = tf.function(model.extract)
    areas, correlations, windows = (collections.defaultdict(list) for _ in range(3))
    dataset = load_dataset(name, path)
    for pair in same_person_pairs(dataset, options.pairs, rng):
        others = [record for record in dataset.gallery if record.identity != pair[0].identity]
        others = rng.permutation(np.array(others, object))[: options.references]
        images = [read_image(record.path, *size) for record in (*pair, *others)]
        maps = extract(np.stack(images)).numpy()
        found = correspondences(model.matcher, *maps[:2], maps[2:] if len(others) else None)
        for filling, content in fillings(images[0], rng).items():

            def scores_of(covers, gallery=maps[1:2]):
                return model.match(extract(covers), gallery).numpy()[:, 0]

            windows[filling].append(measure_windows(scores_of, found, images[0], content, options.window))
            curves, correlation = measure_pair(scores_of, found, images[0], content, options.steps, rng)
            correlations[filling].append(correlation)
            for order, curve in curves.items():
                areas[filling, order].append(curve.mean())
    show(options, areas, correlations)
    for filling, measured in windows.items():
        greatest, average, correlation = np.array(measured).T
        print(
            f"windows covered by {filling}: that of greatest shares takes {greatest.mean() / average.mean():.2f} times "
            f"the average window's, more than it in {np.mean(greatest > average):.0%} of the pairs; "
            f"rank correlation {np.nanmedian(correlation):.2f}"
        )


def show(options, areas, correlations):
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{options.pairs} pairs, {options.steps} steps each, seed {options.seed}")
    for column in ("covered by", "order", "area, median", "quartiles", "below random's", "rank correlation"):
        table.add_column(column, justify="left" if column in ("covered by", "order") else "right")
    for (filling, order), values in areas.items():
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
        below = "" if order == "random" else f"{np.mean(np.array(values) < areas[filling, 'random']):.0%}"
        rank = f"{np.nanmedian(correlations[filling]):.2f}" if order == "by share" else ""
        table.add_row(filling, order, f"{middle:.3f}", f"{low:.3f} to {high:.3f}", below, rank)
    Console().print(table)


if __name__ == "__main__":
    main()
