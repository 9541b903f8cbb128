"""The paper's claim, tested: `python benchmarks/claim.py --folder=DIR`.

Does matching generalise better than one pooled vector an image? Each method trains the demo's backbone on the demo's
people for about the same seconds, with several seeds, and ranks another network like training's, an unseen one and the
real pedestrians of tests/data/pets2009; each result is also re-ranked, and on generated networks lifted by time (on
pets2009 all cameras see one place at once: time would give the answer away). A pooled vector is ranked, re-ranked and
lifted by the same code, as a feature map of one location. The methods with matching start from common steps of hard
triplet, but for the last: class memory as published, from the first step, with one seed. Those with a pooled vector
start from common steps of softmax, without which the hardest triplets draw all vectors together.

On two cores it takes about half an hour a seed. What is finished in DIR by the same flags is kept. Ends with the tables
of RESULTS.md; `--picture=FILE.svg` draws mAP. All seeds have the same people, so a spread over them is that of training
alone.
"""

import argparse
import dataclasses
import json
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from qaconv_tf.commands import demo, stages
from qaconv_tf.commands.run_folder import RunFolder
from qaconv_tf.people.files import write_whole

RECIPE = "recipes/demo.flags"
PLACES = ("like training", "unseen network", "real pedestrians")
KINDS = {
    "": "",
    " + re-ranking": "re-ranked",
    " + temporal lifting": "lifted",
    " + re-ranking + temporal lifting": "both",
}
SOFTMAX = ("--loss=pooled_softmax", "--learning_rate=0.02")
POOLED_BRANCH = ("--initial_model={root}/pooled_start/model.keras", "--epochs=7", "--decay_epochs=4")
# recipes/memory_1_1.flags but for the demo's backbone, its first layers frozen, its changes to images, and without
# trials, whose steps would come out of the same seconds.
PUBLISHED = (
    "--loss=class_memory", "--head=split", "--weight_init=random", "--trainable_scales", "--scale_floor=0",
    "--nofill_memory", "--sampler=random", "--identities_per_batch=8", "--instances_per_identity=1",
    "--learning_rate=0.005", "--backbone_factor=0.1", "--clip_norm=0", "--nofreeze_batch_norm",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Method:
    """How one model is trained.

    Args:
        flags: of `train`, beside the recipe's; `{root}` stands for the folder of the seed's runs.
        pooled: whether images are compared by one vector each.
        measured: whether its results are in the tables; else others start from it.
        seeds: with how many seeds at most.
    """

    flags: tuple
    pooled: bool = False
    measured: bool = True
    seeds: int = 99


# The steps that take about the same seconds on the machine of RESULTS.md. Rates were chosen on the networks quay and
# arcade, and fall tenfold for the last steps. Start and class memory are the demo's own.
METHODS = {
    "warm_start": Method(demo.RUNS["warm_start"], measured=False),
    "QAConv, class memory": Method(demo.RUNS["class_memory"]),
    "QAConv, hard triplet": Method((*demo.BRANCH, "--steps_per_epoch=46")),
    "QAConv, graph sampling": Method((*demo.BRANCH, "--sampler=graph", "--steps_per_epoch=36")),
    "pooled_start": Method(
        (*SOFTMAX, "--epochs=8", "--steps_per_epoch=42", "--decay_epochs="), measured=False
    ),
    "pooled, softmax": Method((*SOFTMAX, "--steps_per_epoch=46", *POOLED_BRANCH), pooled=True),
    "pooled, hard triplet": Method(
        ("--loss=pooled_triplet", "--steps_per_epoch=46", "--learning_rate=0.005", *POOLED_BRANCH), pooled=True
    ),
    "QAConv, class memory as published": Method(
        (*PUBLISHED, "--epochs=10", "--steps_per_epoch=140", "--decay_epochs=7"), seeds=1
    ),
}


def main(options):
    folder = pathlib.Path(options.folder)
    people = folder / "people"
    generate(people)
    path = folder / "claim.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    results = {}
    for seed in range(options.seeds):
        for name, method in METHODS.items():
            if seed >= method.seeds:
                continue
            run = train(folder, name, seed)
            if not method.measured:
                continue
            key = f"{name}, seed {seed}"
            made_by = {"training": made_by_now(name, seed, people), "people": manifests(people)}
            if kept.get(key, {}).get("made_by") != made_by:
                runs = [run, *(run_folder(folder, start, seed) for start in starts_of(method))]
                facts = {"made_by": made_by, "seconds": sum(map(seconds_of, runs))}
                kept[key] = {**facts, **evaluate(run, method.pooled, people)}
                write_whole(path, json.dumps(kept, indent=1).encode())
            results[key] = kept[key]
    print_tables(results)
    if options.picture:
        draw(results, pathlib.Path(options.picture))


def train(folder, name, seed):
    """Trains a method with a seed; one that was trained by the same flags is kept, by others refused."""
    run, people = run_folder(folder, name, seed), folder / "people"
    record, made_by = run.with_name(f"{run.name}.json"), made_by_now(name, seed, people)
    if run.exists() and (not record.exists() or json.loads(record.read_text()) != made_by):
        sys.exit(f"Expected a run made by the flags of now. Received: {run}, made by others. Name another folder")
    write_whole(record, json.dumps(made_by, indent=1).encode())
    training = ",".join(f"market1501:{people}/campus_{number}" for number in range(len(demo.NETWORKS)))
    flags = (flag.format(root=run.parent) for flag in METHODS[name].flags)
    stages.train(run, f"--flagfile={RECIPE}", f"--dataset={training}", "--noexport", f"--seed={seed}", *flags)
    return run


def made_by_now(name, seed, people):
    """Returns what a run of a method is made of: flags, recipe, training people, and the runs that it starts from."""
    method, manifest_of = METHODS[name], manifests(people)
    return {
        "seed": seed,
        "flags": list(method.flags),
        "recipe": pathlib.Path(RECIPE).read_text(),
        "people": [manifest_of[f"campus_{number}"] for number in range(len(demo.NETWORKS))],
        "starts": [made_by_now(start, seed, people) for start in starts_of(method)],
    }


def starts_of(method):
    return [name for name, other in METHODS.items() if not other.measured and f"/{name}/" in str(method.flags)]


def run_folder(folder, name, seed):
    return folder / f"seed_{seed}" / name.replace(",", "").replace(" ", "_")


def generate(people):
    """Draws the demo's people of training, other ones at other cameras of the same kind, and an unseen network."""
    wanted = {f"campus_{number}": flags for number, flags in enumerate(demo.NETWORKS)}
    for network, seed in (("campus", len(demo.NETWORKS)), ("station", 0)):
        flags = (f"--network={network}", f"--seed={seed}", "--train_identities=0", "--test_identities=100")
        wanted[f"test_{network}"] = flags
    for name, flags in wanted.items():
        stages.run("generate", *flags, f"--output_dir={people / name}")  # keeps what it finds, refuses what differs


def manifests(people):
    """Returns what each folder of people holds: its name -> its manifest."""
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(people.glob("*/manifest.json"))}


def seconds_of(run):
    """Seconds of the training steps."""
    return sum(session["seconds"] for session in RunFolder(run).read_results()["training"])


def evaluate(run, pooled, people):
    """Returns what a run ranks: place -> kind of result -> (rank-1, mAP)."""
    from qaconv_tf.datasets import load_dataset
    from qaconv_tf.evaluation.evaluator import Evaluator
    from qaconv_tf.model import load_model

    model = load_model(run / "model.keras")
    matcher = vector_matcher(model, people) if pooled else model.matcher
    found = {}
    for place, root in zip(PLACES, (people / "test_campus", people / "test_station", demo.REAL), strict=True):
        evaluator = Evaluator(load_dataset("market1501", root))
        records = (*evaluator.dataset.query, *evaluator.dataset.gallery)
        maps = maps_of(model, records, pooled)
        lifting = None if root == demo.REAL else {}
        each = evaluator.evaluate_maps(matcher, maps, ("matching",), reranking={}, lifting=lifting)
        found[place] = {one.scoring.removeprefix("matching"): (one.ranking.rank1, one.ranking.mAP) for one in each}
    return found


def maps_of(model, records, pooled):
    from qaconv_tf.evaluation.extraction import extract_feature_maps
    from qaconv_tf.training.pooled_classifier import pooled as pool

    maps = extract_feature_maps(model, records, 64)
    return pool(maps).numpy()[:, None, None] if pooled else maps


def vector_matcher(model, people):
    """Returns a matcher of maps of one location, whose scores rank as cosines do, calibrated as `train` does it."""
    import numpy as np

    from qaconv_tf.datasets import load_dataset, training_labels
    from qaconv_tf.datasets.combined import combine_training_parts
    from qaconv_tf.matching import QAConv
    from qaconv_tf.matching.calibration import calibrate

    parts = [load_dataset("market1501", people / f"campus_{number}") for number in range(len(demo.NETWORKS))]
    records = combine_training_parts(parts).train
    labels, _ = training_labels(records)
    rng = np.random.default_rng(0)
    identities = rng.permutation(np.unique(labels))[:64]
    chosen = np.concatenate([rng.permutation(np.flatnonzero(labels == identity))[:4] for identity in identities])
    maps = maps_of(model, [records[index] for index in chosen], pooled=True)
    matcher = QAConv("uniform", trainable_scales=False)
    matcher(maps[:1], maps[:1])
    calibrate(matcher, maps, labels[chosen])
    return matcher


def by_method(results):
    """Returns method -> its results, one a seed."""
    return {
        name: [result for key, result in results.items() if key.rsplit(", seed", 1)[0] == name]
        for name, method in METHODS.items() if method.measured
    }  # fmt: skip


def told(values):
    """Mean and standard deviation, in per cent."""
    values = [100 * value for value in values]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def print_tables(results):
    print("\nmean ± standard deviation over seeds, per cent\n")
    print("| method | seconds, least | " + " | ".join(f"{place}: rank-1 | mAP" for place in PLACES) + " |")
    print("|---" * (2 + 2 * len(PLACES)) + "|")
    for name, runs in by_method(results).items():
        cells = [told([one[place][""][which] for one in runs]) for place in PLACES for which in (0, 1)]
        print(f"| {name} | {min(one['seconds'] for one in runs):.0f} | " + " | ".join(cells) + " |")
    columns = [(place, kind) for place in PLACES for kind in KINDS if kind in next(iter(results.values()))[place]]
    print("\nmAP\n")
    print("| method | " + " | ".join(f"{place} {KINDS[kind]}".strip() for place, kind in columns) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for name, runs in by_method(results).items():
        print(f"| {name} | " + " | ".join(told([one[p][k][1] for one in runs]) for p, k in columns) + " |")


def draw(results, path):
    """Draws mAP of every seed as a dot and the mean as a bar."""
    import jinja2

    rows = []
    for place in PLACES:
        for name, runs in by_method(results).items():
            values = [100 * one[place][""][1] for one in runs]
            rows.append({"place": place, "name": name, "values": values, "mean": statistics.mean(values)})
    template = pathlib.Path(__file__).with_name("claim.svg.jinja").read_text()
    path.write_text(jinja2.Template(template, autoescape=True).render(rows=rows, places=PLACES))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="for people and runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--picture", help="SVG file to draw mAP to")
    started = time.perf_counter()
    main(parser.parse_args())
    print(f"\n{(time.perf_counter() - started) / 60:.1f} minutes")
