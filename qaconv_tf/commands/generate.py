"""`qaconv-generate`: makes a data set of generated pedestrians."""

from absl import flags
from rich.console import Console

from qaconv_tf.commands.program import require_flag
from qaconv_tf.commands.progress import progress_bar
from qaconv_tf.people import generate_people
from qaconv_tf.people.dataset import PREVIEW

FLAGS = flags.FLAGS


def main():
    """Generates the data set that the flags describe and says what is in it."""
    directory = require_flag("output_dir")
    console = Console(highlight=False, soft_wrap=True)
    with progress_bar(console) as bar:
        task = bar.add_task(f"people of {FLAGS.network}", total=None, note="")
        dataset = generate_people(
            directory,
            network=FLAGS.network,
            train_identities=FLAGS.train_identities,
            test_identities=FLAGS.test_identities,
            images_per_camera=FLAGS.images_per_camera,
            cameras_per_identity=FLAGS.cameras_per_identity,
            seed=FLAGS.seed,
            layout=FLAGS.layout,
            ground_truth=FLAGS.ground_truth,
            processes=FLAGS.processes,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        images = len(dataset.train) + len(dataset.query) + len(dataset.gallery)
        bar.update(task, completed=images, total=images)
    counts = f"{len(dataset.train)} training, {len(dataset.query)} query, {len(dataset.gallery)} gallery images"
    console.print(f"{dataset.name}: {counts} in {directory} (a glance: {PREVIEW})", markup=False)
