"""One thing that is wrong with a data set, as the `audit_*` modules find it."""

import dataclasses

SEVERITIES = ("error", "warning", "note")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and what mends it. The doctor itself changes nothing.

    Args:
        severity: str. `"error"`: it spoils results or stops the work; `"warning"`: it may; `"note"`: good to know.
        title: str. What it is, in a few words.
        count: int. How many images, files, identities or numbers are concerned: the title says which.
        expected: str. What there should be.
        found: str. What there is.
        remedy: str. How to mend it, in words.
        examples: tuple of str. What is concerned, one each. Defaults to `unwanted`.
        unwanted: tuple of str. The image files that the remedy takes out. Defaults to none.
        candidates: tuple of str. The image files of which the remedy takes out some: which ones is to be found out.
            Defaults to none.
        commands: tuple of str. Shell commands that mend it, besides taking out what is unwanted. Defaults to none.
        workarounds: tuple of str. Commands with which it can stay as it is. Defaults to none.

    Example:
        >>> from qaconv_tf.datasets.finding import Finding
        >>> finding = Finding("error", "Damaged", 1, "whole images", "1 truncated", "Remove it", unwanted=("a.jpg",))
        >>> finding.examples
        ('a.jpg',)
    """

    severity: str
    title: str
    count: int
    expected: str
    found: str
    remedy: str
    examples: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    workarounds: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.examples:
            object.__setattr__(self, "examples", self.unwanted)
