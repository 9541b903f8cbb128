"""k-reciprocal re-ranking in plain loops over whole tables, from its definition; NumPy only for the number formats."""

import numpy as np

single = np.float32


def rerank(
    query_gallery, query_query, gallery_gallery, k1=20, k2=6, lambda_value=0.3, mode="qaconv", gallery_query=None
):
    """Returns the re-ranked distances as a float32 array; every step is rounded as the mode says."""
    weight_type = {"qaconv": np.float16, "standard": np.float32}[mode]
    num_query, num_gallery = len(query_gallery), len(query_gallery[0])
    images = range(num_query + num_gallery)

    def distance(image, other):
        if image < num_query and other < num_query:
            value = query_query[other][image]
        elif image >= num_query and other >= num_query:
            value = gallery_gallery[other - num_query][image - num_query]
        elif image >= num_query and gallery_query is not None:
            value = gallery_query[image - num_query][other]
        else:
            value = query_gallery[min(image, other)][max(image, other) - num_query]
        return single(value) * single(value) if mode == "standard" else single(value)

    distances = [[distance(image, other) for other in images] for image in images]
    order = [sorted(images, key=lambda other, row=row: (row[other], other)) for row in distances]
    scaled = [[value / max(row) for value in row] for row in distances]

    def reciprocal(image, length):
        return {other for other in order[image][:length] if image in order[other][:length]}

    def described_by(image):
        mutual = reciprocal(image, k1 + 1)
        expanded = set(mutual)
        for other in mutual:
            candidates = reciprocal(other, round_half_to_even(k1) + 1)
            if 3 * len(candidates & mutual) > 2 * len(candidates):
                expanded |= candidates
        return sorted(expanded)

    weights = []
    for image in images:
        members = described_by(image)
        exponentials = np.exp(-np.array([scaled[image][other] for other in members], single))
        total = np.sum(exponentials)
        weights.append({o: weight_type(e / total) for o, e in zip(members, exponentials, strict=True)})
    if k2 > 1:
        weights = [average([weights[other] for other in order[image][:k2]], weight_type) for image in images]

    result = np.empty((num_query, num_gallery), single)
    for query in range(num_query):
        for gallery in range(num_gallery):
            one, other = weights[query], weights[num_query + gallery]
            shared = weight_type(0)
            for image in sorted(one.keys() & other.keys()):
                shared = shared + min(one[image], other[image])
            jaccard = 1 - shared / (2 - shared)
            kept = scaled[query][num_query + gallery] * lambda_value
            result[query, gallery] = jaccard * (1 - lambda_value) + kept
    return result


def round_half_to_even(doubled):
    """A half of `doubled`, as an integer."""
    half = doubled // 2
    return half if doubled % 2 == 0 else half + half % 2


def average(descriptions, weight_type):
    members = sorted(set().union(*descriptions))
    sums = {}
    for member in members:
        total = single(0)
        for description in descriptions:
            total = total + single(description.get(member, 0))
        sums[member] = weight_type(total / single(len(descriptions)))
    return sums
