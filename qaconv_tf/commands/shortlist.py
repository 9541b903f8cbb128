"""Short lists of the gallery: what the flags ask for, and the curve by which their size was chosen."""

from rich.console import Console
from rich.table import Table

from qaconv_tf.commands.evaluation import short_name
from qaconv_tf.commands.program import FLAGS
from qaconv_tf.errors import UserError
from qaconv_tf.evaluation.shortlist_size import Shortlist


def wanted_shortlist():
    """Returns the `Shortlist` that the flags ask for, or None.

    Raises:
        UserError: if they ask for a fixed and for a chosen size, for a sample of neither, or nothing is matched.
    """
    size, loss = FLAGS.shortlist, FLAGS.shortlist_loss
    if FLAGS["shortlist_sample"].present and loss is None:
        raise UserError(
            "Expected --shortlist_loss with --shortlist_sample. Received: --shortlist_sample alone. Add "
            "--shortlist_loss=0.1"
        )
    if size is None and loss is None:
        return None
    if size is not None and loss is not None:
        raise UserError(
            "Expected either --shortlist or --shortlist_loss. Received: "
            f"--shortlist={size}, --shortlist_loss={loss:g}. Leave one out"
        )
    if "matching" not in FLAGS.scoring:
        flag = "shortlist_loss" if size is None else "shortlist"
        raise UserError(f"Expected --scoring with matching for --{flag}. Received: --scoring={','.join(FLAGS.scoring)}")
    return Shortlist(size, None if loss is None else loss / 100, FLAGS.shortlist_sample)


def print_curves(sections):
    """Prints what short lists of every measured size cost and lose, and which was taken.

    Args:
        sections: as `evaluate_model` returns.
    """
    for result in (section.result for section in sections):
        shortlist = result.processing.get("shortlist")
        if shortlist is None:
            continue
        name, size, number = short_name(result.dataset), shortlist["size"], result.ranking.num_gallery
        if "curve" not in shortlist:
            print(f"short list of {name}: {min(size, number):,} of {number:,} gallery images, as asked")
            continue
        title = f"Short lists of {name}: mAP, and its loss in points, of {shortlist['num_sample']} queries"
        Console().print(_table(title, shortlist["curve"], size))
        limit = f"which loses {100 * shortlist['loss']:g} points at most on the sample"
        print(f"short list of {name}: {size:,} of {number:,} gallery images, {limit}")


def _table(title, curve, chosen):
    table = Table(title=title)
    for column in ("images", "% of pairs", "seconds (predicted)", "mAP", "loss", "recall of the first 20"):
        table.add_column(column, justify="right")
    for point in curve:
        mark = "> " if point["size"] == chosen else ""
        table.add_row(
            f"{mark}{point['size']:,}", f"{100 * point['share']:.2f}", f"{point['seconds']:,.1f}",
            f"{100 * point['mAP']:.2f}", f"{100 * point['loss']:.2f} ± {100 * point['error']:.2f}",
            f"{100 * point['recall']:.1f}",
        )  # fmt: skip
    return table
