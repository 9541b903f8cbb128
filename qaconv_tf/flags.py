"""Every command-line flag. Only `commands/` reads their values; flags.md is made from this file."""

import collections

from absl import flags

# Command -> names of its flags, in the order of --helpshort and of flags.md.
COMMAND_FLAGS = collections.defaultdict(list)

_TRAIN = ("train",)
_EVALUATE = ("evaluate",)
_ALL_RUNS = ("train", "evaluate")
_GENERATE = ("generate",)
_CHECK_DATASET = ("check_dataset",)
_IMPORT = ("import_checkpoint",)


def _add(commands, define, name, default, *details, **limits):
    define(name, default, *details, **limits)
    for command in commands:
        COMMAND_FLAGS[command].append(name)


# Data
_add(
    _ALL_RUNS + _CHECK_DATASET, flags.DEFINE_string, "data_dir", "",
    "Folder (or CSV file) of the data sets that name no path.",
)
_add(
    _TRAIN + _CHECK_DATASET, flags.DEFINE_string, "dataset", "market1501",
    "Training set (check_dataset: the set to check), NAME or NAME:PATH, or several, separated by commas; "
    "NAME+combine_all trains on all parts. See --test_datasets.",
)
_add(
    _ALL_RUNS, flags.DEFINE_list, "test_datasets", [],
    "Evaluated data sets, separated by commas: NAME (in --data_dir) or NAME:PATH, NAME with options as in "
    "market1501+clock=official. Names: market1501, dukemtmc, cuhk03, msmt17, image_folder, csv_table and others: see "
    "README.md.",
)
_add(
    _ALL_RUNS, flags.DEFINE_string, "clock_pattern", "",
    "How paths say times and cameras, for data sets named NAME+clock=pattern: a regular expression with groups "
    "(?P<NAME>...) of camera, seconds, frame, year, month, day, hour, minute, second. (NAME+clock=exif reads the times "
    "of the images' EXIF.)",
)
_add(
    _ALL_RUNS, flags.DEFINE_float, "frames_per_second", 25.0, "What the frames of --clock_pattern are divided by.",
    lower_bound=0.001,
)

# Run
_add(
    _ALL_RUNS + ("export",), flags.DEFINE_string, "run_dir", "",
    "Run folder: made by train, which refuses one that exists unless --resume; read by evaluate and export. Without "
    "it these two take the model that the package ships.",
)
_add(_TRAIN, flags.DEFINE_bool, "resume", False, "Continue the run in --run_dir from its newest checkpoint.")
_add(
    _TRAIN + _GENERATE, flags.DEFINE_integer, "seed", 0, "Seed of everything random.", lower_bound=0,
    upper_bound=2**31 - 1,
)
_add(
    ("evaluate", "export"), flags.DEFINE_string, "model", "", "A model.keras file, instead of the one in --run_dir."
)

# Model
_add(
    _TRAIN, flags.DEFINE_string, "initial_model", "",
    "A model.keras file to start from. The flags that describe a model are then not used.",
)
_add(
    _TRAIN, flags.DEFINE_enum, "backbone", "mobilenet_v2",
    ["mobilenet_v2", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152"], "Network that makes the maps.",
)
_add(
    _TRAIN, flags.DEFINE_string, "weights", "imagenet",
    "The backbone's first weights: imagenet, none, or the path of a PyTorch state dict.",
)
_add(
    _TRAIN + _IMPORT, flags.DEFINE_integer, "image_height", 256,
    "Pixels that images are resized to. import_checkpoint: those that a QAConv checkpoint was trained on, by default "
    "384.", lower_bound=32,
)
_add(_TRAIN + _IMPORT, flags.DEFINE_integer, "image_width", 128, "As --image_height.", lower_bound=32)
_add(
    _TRAIN, flags.DEFINE_list, "levels", ["16", "32"],
    "Strides of the backbone's levels that are joined into the feature map: of 8, 16 and 32.",
)
_add(_TRAIN, flags.DEFINE_enum, "ibn", "none", ["none", "a", "b"], "Instance normalisation in a ResNet (IBN-Net).")
_add(
    _TRAIN, flags.DEFINE_integer, "neck_channels", 96, "Channels of the feature maps; 0 for no neck.", lower_bound=0
)
_add(_TRAIN, flags.DEFINE_integer, "neck_kernel_size", 1, "Size of the neck's convolution, odd.", lower_bound=1)
_add(_TRAIN, flags.DEFINE_bool, "neck_batch_norm", False, "BatchNorm after the neck, instead of its bias.")
_add(
    _TRAIN, flags.DEFINE_enum, "neck_init", "pca", ["pca", "random"],
    "First weights of the neck: principal components of the maps of training images, or random.",
)
_add(
    _TRAIN, flags.DEFINE_bool, "normalize_input", True,
    "Subtract ImageNet's mean and divide by its deviation (the official QAConv does not).",
)
_add(
    _TRAIN, flags.DEFINE_enum, "head", "uniform", ["shared", "split", "uniform"],
    "Location weights of the matcher: one set for both directions (QAConv 2.x), one a direction (1.x), or all equal.",
)
_add(
    _TRAIN, flags.DEFINE_bool, "trainable_scales", False,
    "Learn scale and offset of the matcher's normalisations. Frozen ones cannot collapse.",
)
_add(
    _TRAIN, flags.DEFINE_float, "score_scale", None,
    "First scale of the scores, also of an --initial_model's; by default unchanged. Rankings do not depend on it.",
)
_add(
    _TRAIN, flags.DEFINE_float, "score_offset", None,
    "First offset of the scores, as --score_scale. A class memory has hundreds of wrong answers for each right one: a "
    "scale of 2 and an offset of -7 make its loss see the hardest of them.",
)
_add(_TRAIN, flags.DEFINE_bool, "mixed_bfloat16", False, "Run the backbone in bfloat16; weights stay float32.")

# Training
_add(
    _TRAIN, flags.DEFINE_enum, "loss", "triplet", ["triplet", "class_memory", "pairwise"],
    "Batch-hard triplet, focal loss against the class memory, or cross-entropy of the batch's pairs.",
)
_add(_TRAIN, flags.DEFINE_float, "margin", 16.0, "Margin of the triplet loss, in units of scores.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "gamma", 2.0, "Focusing power of the class-memory loss.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_enum, "unseen", "mask", ["mask", "zeros"],
    "Classes not yet in the memory: left out of the loss, or counted as maps of zeros.",
)
_add(
    _TRAIN, flags.DEFINE_bool, "fill_memory", True,
    "Fill the class memory with an image of each class before the first step. Otherwise the first epoch has wrong "
    "answers only, which spoils a model that can match already.",
)
_add(
    _TRAIN, flags.DEFINE_enum, "sampler", "identity", ["identity", "random"],
    "Batches of some images of some identities, or of any images.",
)
_add(
    _TRAIN + _CHECK_DATASET, flags.DEFINE_integer, "identities_per_batch", 16,
    "Identities in a batch (with --sampler=random: only their product with --instances_per_identity counts).",
    lower_bound=1,
)
_add(
    _TRAIN + _CHECK_DATASET, flags.DEFINE_integer, "instances_per_identity", 2, "Images of each identity in a batch.",
    lower_bound=1,
)
_add(_TRAIN, flags.DEFINE_integer, "epochs", 15, "Epochs in all; 0 writes the untrained model.", lower_bound=0)
_add(
    _TRAIN, flags.DEFINE_integer, "steps_per_epoch", 0,
    "Steps between two checkpoints; 0 for as many as visit every identity (or image) once.", lower_bound=0,
)
_add(_TRAIN, flags.DEFINE_float, "learning_rate", 0.005, "First learning rate.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "backbone_factor", 0.1, "The backbone's share of the learning rate.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_list, "decay_epochs", ["10"], "Epochs after which the rate is multiplied by --decay_factor.")
_add(_TRAIN, flags.DEFINE_float, "decay_factor", 0.1, "See --decay_epochs.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "momentum", 0.9, "Nesterov momentum.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "weight_decay", 5e-4, "Coupled weight decay, as PyTorch's.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "clip_norm", 8.0, "Largest norm of the gradients; 0 for none.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_bool, "freeze_batch_norm", True,
    "Keep the backbone's moving statistics, and normalise by them.",
)
_add(
    _TRAIN, flags.DEFINE_integer, "frozen_stride", 0,
    "Do not train the backbone's first layers, those of this stride (2, 4, ...) or finer; 0 trains all.", lower_bound=0,
)
_add(
    _TRAIN, flags.DEFINE_bool, "jit_backbone", False,
    "Compile the whole step with XLA, the backbone too. Slower on a CPU (benchmarks/backbone.py); the matcher is "
    "always compiled.",
)
_add(
    _TRAIN, flags.DEFINE_integer, "tile_bytes", 8 * 2**20,
    "Largest tile of responses that the matcher holds. Changes no result.", lower_bound=1,
)

# Augmentation
_add(_TRAIN, flags.DEFINE_bool, "flip", True, "Mirror half of the images.")
_add(_TRAIN, flags.DEFINE_integer, "pad", 10, "Pad by so many pixels and crop back at random.", lower_bound=0)
_add(_TRAIN, flags.DEFINE_float, "rotation_degrees", 5.0, "Largest rotation either way.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "brightness", 0.25, "Brightness factor is 1 +- this.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "contrast", 0.25, "Contrast factor is 1 +- this.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "saturation", 0.25, "Saturation factor is 1 +- this.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "hue", 0.0, "Largest shift of the hue, 0 to 0.5.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_float, "occlusion_probability", 0.5, "Share of images with a white square.", lower_bound=0.0
)
_add(
    _TRAIN, flags.DEFINE_float, "occlusion_max_size", 0.8, "Largest white square, in shorter sides of the image.",
    lower_bound=0.0,
)

# Evaluation
_add(
    _ALL_RUNS, flags.DEFINE_integer, "evaluation_batch_size", 64, "Images extracted at a time.", lower_bound=1
)
_add(
    _TRAIN, flags.DEFINE_integer, "evaluate_every", 0,
    "Epochs between two evaluations on --test_datasets, for TensorBoard; 0: only at the end.", lower_bound=0,
)
_add(
    _EVALUATE, flags.DEFINE_list, "scoring", ["matching"],
    "matching (QAConv), pooled (cosine of mean-pooled maps), or both, separated by a comma.",
)

# Generated people
_add(
    _GENERATE, flags.DEFINE_enum, "network", "campus", ["campus", "station", "arcade"],
    "Camera network: campus is meant for training, arcade for validation, station as the unseen test.",
)
_add(_GENERATE, flags.DEFINE_integer, "train_identities", 300, "People in the training part.", lower_bound=0)
_add(_GENERATE, flags.DEFINE_integer, "test_identities", 60, "Other people, in query and gallery.", lower_bound=0)
_add(_GENERATE, flags.DEFINE_integer, "images_per_camera", 2, "Images of a person at a camera.", lower_bound=1)
_add(_GENERATE, flags.DEFINE_integer, "cameras_per_identity", 4, "Cameras that a person passes.", lower_bound=2)
_add(
    _GENERATE + _CHECK_DATASET, flags.DEFINE_integer, "processes", None,
    "Processes that draw, or that decode images; by default one a core.", lower_bound=1,
)

# Data set doctor
_add(
    _CHECK_DATASET, flags.DEFINE_bool, "read_images", True,
    "Read and decode every image. If not, damaged images and copies are not found.",
)
_add(
    _CHECK_DATASET, flags.DEFINE_string, "mend_script", "",
    "Shell script to write all commands to that mend what was found; look through it before you run it.",
)

# PyTorch checkpoints
_add(
    _IMPORT, flags.DEFINE_string, "checkpoint", "",
    "PyTorch file: a checkpoint of the official QAConv (.pth.tar), or ImageNet weights of torchvision or IBN-Net.",
)
_add(_IMPORT, flags.DEFINE_bool, "all_tensors", False, "List every tensor of --checkpoint, instead of groups of them.")

# Output
_add(_TRAIN, flags.DEFINE_bool, "export", True, "Write a SavedModel when training ends.")
_add(
    ("evaluate", "export", "generate", "import_checkpoint", "demo"), flags.DEFINE_string, "output_dir", "",
    "Folder for what is written. evaluate: results.json (added to) and report.html (of this evaluation), by default "
    "the run folder. export: the SavedModel, by default RUN_DIR/saved_model. generate: the data set. "
    "import_checkpoint: model.keras. demo: data and runs.",
)


def flags_markdown():
    """Returns flags.md: every flag of every command, with default and meaning."""
    lines = [
        "# Flags",
        "",
        "Made from `qaconv_tf/flags.py` by `make flags.md`. Every command also takes `--helpshort` and "
        "`--flagfile=FILE`, a file of flags, one a line.",
    ]
    for command, names in COMMAND_FLAGS.items():
        lines += ["", f"## {command}", "", "| flag | default | meaning |", "|---|---|---|"]
        lines += [f"| `--{name}` | {_default(flags.FLAGS[name])} | {_help(flags.FLAGS[name])} |" for name in names]
    return "\n".join(lines) + "\n"


def _default(flag):
    text = flag.default_as_str
    return f"`{text.strip(chr(39))}`" if text and text != "''" else ""


def _help(flag):
    return flag.help.replace("|", "\\|")
