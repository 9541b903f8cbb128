"""What a person wears and carries: layers of clothes, shoes, bags, hats."""

import dataclasses

from qaconv_tf.people.fabrics import Fabric

# What fits each kind of upper garment. `ease` is metres off the body, `cling` how fast it finds back to the body below
# what stands out (metres a metre), `hem` the height of its lower edge on the average body (hips are at 0.86).
TOPS = {
    "tee": {"ease": (0.006, 0.013), "cling": (0.12, 0.5), "hem": (0.80, 0.92), "folds": 0.0035},
    "polo": {"ease": (0.006, 0.012), "cling": (0.15, 0.5), "hem": (0.80, 0.90), "folds": 0.003},
    "tank": {"ease": (0.003, 0.006), "cling": (0.5, 1.2), "hem": (0.82, 0.95), "folds": 0.002},
    "shirt": {"ease": (0.008, 0.015), "cling": (0.1, 0.4), "hem": (0.76, 0.88), "folds": 0.0045},
    "sweater": {"ease": (0.012, 0.022), "cling": (0.15, 0.5), "hem": (0.82, 0.92), "folds": 0.004},
    "hoodie": {"ease": (0.014, 0.024), "cling": (0.1, 0.4), "hem": (0.81, 0.90), "folds": 0.0055},
    "jacket": {"ease": (0.016, 0.026), "cling": (0.08, 0.35), "hem": (0.78, 0.93), "folds": 0.005},
    "puffer": {"ease": (0.030, 0.045), "cling": (0.1, 0.3), "hem": (0.76, 0.90), "folds": 0.003},
    "blazer": {"ease": (0.014, 0.020), "cling": (0.15, 0.35), "hem": (0.76, 0.83), "folds": 0.003},
    "coat": {"ease": (0.020, 0.030), "cling": (0.05, 0.25), "hem": (0.38, 0.70), "folds": 0.005},
    "dress": {"ease": (0.005, 0.010), "cling": (0.3, 1.0), "hem": (0.25, 0.62), "folds": 0.004},
    "tunic": {"ease": (0.008, 0.014), "cling": (0.05, 0.3), "hem": (0.55, 0.72), "folds": 0.004},
}
BAGS = {"none": 46, "backpack": 22, "shoulder bag": 13, "cross bag": 9, "hand bag": 5, "shopping bag": 4, "trolley": 2}
HATS = {"none": 86, "cap": 7, "beanie": 5, "hat": 2}


@dataclasses.dataclass(frozen=True)
class Top:
    """An upper garment. Lengths are metres on the average body.

    Args:
        kind: str. A key of `TOPS`.
        fabric: `Fabric`.
        sleeve_fabric: `Fabric`. Of the sleeves, mostly the same.
        sleeve: float. Share of the arm that is covered, 1 down to the wrist.
        hem: float. Height of the lower edge.
        ease, cling, flare: floats. How it hangs, as of `hang`.
        neck: str. "crew", "scoop", "vee", "collar" or "high".
        opening: float. Half the width of an open front; 0 is closed.
        fastening: str. "none", "buttons" or "zip".
        decoration: str. "none", "print", "logo", "letters" or "pocket".
        hood: bool.
        trim: tuple of 3 floats. Colour of zip, ribs, print.
    """

    kind: str
    fabric: Fabric
    sleeve_fabric: Fabric
    sleeve: float
    hem: float
    ease: float
    cling: float
    flare: float
    neck: str
    opening: float
    fastening: str
    decoration: str
    hood: bool
    trim: tuple


@dataclasses.dataclass(frozen=True)
class Bottom:
    """What covers the legs.

    Args:
        kind: str. "trousers", "jeans", "leggings", "shorts", "skirt" or "none" (below a dress).
        fabric: `Fabric`.
        hem: float. Height of the lower edge on the average body.
        ease, cling, flare: floats. As of `hang`.
        stockings: tuple of 3 floats or None. Colour of what covers bare legs.
    """

    kind: str
    fabric: Fabric
    hem: float
    ease: float
    cling: float
    flare: float
    stockings: tuple | None


@dataclasses.dataclass(frozen=True)
class Outfit:
    """All that a person wears and carries.

    Args:
        tops: tuple of `Top`, from the skin outwards.
        bottom: `Bottom`.
        shoes: str. "sneakers", "shoes", "boots", "sandals" or "pumps".
        shoe_colours: tuple of two colours: upper and sole.
        socks: tuple of 3 floats.
        bag, hat: str. Keys of `BAGS` and `HATS`.
        bag_colours: tuple of two colours.
        bag_side: int. 1 for the left, -1 for the right.
        bag_size: float. Beside the usual, 1.
        hat_colour: tuple of 3 floats.
        scarf: tuple of 3 floats or None.
        glasses: str. "none", "clear" or "dark".
    """

    tops: tuple
    bottom: Bottom
    shoes: str
    shoe_colours: tuple
    socks: tuple
    bag: str
    bag_colours: tuple
    bag_side: int
    bag_size: float
    hat: str
    hat_colour: tuple
    scarf: tuple | None
    glasses: str
