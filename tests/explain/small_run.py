"""A small evaluation with everything that a report can show: made-up feature maps of real images."""

import dataclasses
import pathlib

import numpy as np

import qaconv_tf as qt
from qaconv_tf.datasets.records import ReidDataset
from qaconv_tf.evaluation.evaluator import Evaluator
from qaconv_tf.explain.matches import match_pairs
from qaconv_tf.explain.references import choose_references
from qaconv_tf.explain.report import ReportSection, write_report
from qaconv_tf.explain.shown import ReportLimits, pairs_of, shown_queries

PETS2009 = pathlib.Path(__file__).parents[1] / "data" / "pets2009"
SHAPE = 8, 4, 16  # of a feature map
RERANKING = {"k1": 6, "k2": 3, "lambda_value": 0.3}
LIFTING = {"tau": 8.0, "sigma": 5.0, "top_k": 6, "alpha": 0.2, "pivot": "multiset", "online": False}


@dataclasses.dataclass(frozen=True)
class SmallRun:
    dataset: ReidDataset
    matcher: qt.QAConv
    maps: np.ndarray
    sections: list

    def correspondences(self, row, column):
        """Each image's shares counted from images of others, as `qt.correspondences` alone does for both at once."""
        pair = self.maps[row], self.maps[len(self.dataset.query) + column]
        references = self.references
        of_query, of_gallery = (
            qt.correspondences(self.matcher, *pair, references.maps[others])
            for others in (references.of_query[row], references.of_gallery[column])
        )
        constant = of_query.score - of_query.query_shares.sum() - of_gallery.gallery_shares.sum()
        return dataclasses.replace(of_query, gallery_shares=of_gallery.gallery_shares, constant=constant)

    @property
    def references(self):
        query, gallery = self.dataset.query, self.dataset.gallery
        return choose_references(query, gallery, self.maps[len(query) :])

    def write(self, path):
        write_report(path, "A small run", self.sections, {"seed": 5, "flags": {"scoring": ["matching", "pooled"]}})
        return path


def small_dataset():
    """Enough queries for two pages; and one image twice at once at one camera."""
    pets = qt.load_dataset("market1501", PETS2009)
    gallery = list(pets.gallery[::4])
    gallery.append(dataclasses.replace(pets.gallery[1], timestamp=gallery[0].timestamp))
    return ReidDataset("market1501:somewhere/pets2009", (), pets.query[::1], tuple(gallery))


def made_up_maps(dataset, generator):
    """Maps of unit vectors: of a person alike, but not so much that all would be found."""
    of_person = {}
    maps = []
    for record in (*dataset.query, *dataset.gallery):
        person = of_person.setdefault(record.identity, generator.normal(size=SHAPE))
        maps.append(0.65 * person + generator.normal(size=SHAPE))
    maps = np.array(maps, np.float32)
    return maps / np.linalg.norm(maps, axis=-1, keepdims=True)


def small_run(dataset=None):
    dataset = dataset or small_dataset()
    generator = np.random.default_rng(62)
    maps = made_up_maps(dataset, generator)
    matcher = qt.QAConv(head="split")
    matcher(maps[:1], maps[1:2])
    matcher.location_weights.assign(matcher.location_weights * generator.uniform(-0.3, 2.0, (2, SHAPE[0] * SHAPE[1])))
    matcher.location_normalization.moving_mean.assign(0.6)
    matcher.score_normalization.scale.assign(60.0)
    matcher.score_normalization.offset.assign(-4.0)
    matcher.temperature.assign(5.0)
    evaluator = Evaluator(dataset, engine="xla")
    results = evaluator.evaluate_maps(matcher, maps, ("matching", "pooled"), None, RERANKING, LIFTING)
    shown = shown_queries(results, dataset.query, dataset.gallery, ReportLimits(), SHAPE[0] * SHAPE[1])
    num_query = len(dataset.query)
    references = choose_references(dataset.query, dataset.gallery, maps[num_query:])
    matches = match_pairs(matcher, maps[:num_query], maps[num_query:], pairs_of(shown), references)
    sections = [ReportSection(result, dataset.query, dataset.gallery, matches) for result in results]
    return SmallRun(dataset, matcher, maps, sections)
