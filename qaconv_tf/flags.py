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
_EXPLAIN = ("explain",)


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
    _ALL_RUNS + _CHECK_DATASET, flags.DEFINE_string, "clock_pattern", "",
    "How paths say times and cameras, for data sets named NAME+clock=pattern: a regular expression with groups "
    "(?P<NAME>...) of camera, seconds, frame, year, month, day, hour, minute, second. (NAME+clock=exif reads the times "
    "of the images' EXIF.)",
)
_add(
    _ALL_RUNS + _CHECK_DATASET, flags.DEFINE_float, "frames_per_second", 25.0,
    "What the frames of --clock_pattern are divided by.", lower_bound=0.001,
)

# Run
_add(
    _ALL_RUNS + ("export",) + _EXPLAIN, flags.DEFINE_string, "run_dir", "",
    "Run folder: made by train, which refuses one that exists unless --resume; read by evaluate, export and explain. "
    "Without it these three take the model that the package ships.",
)
_add(_TRAIN, flags.DEFINE_bool, "resume", False, "Continue the run in --run_dir from its newest checkpoint.")
_add(
    _ALL_RUNS + _GENERATE, flags.DEFINE_integer, "seed", 0, "Seed of everything random.", lower_bound=0,
    upper_bound=2**31 - 1,
)
_add(
    ("evaluate", "export", "explain"), flags.DEFINE_string, "model", "",
    "A model.keras file, instead of the one in --run_dir."
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
    _TRAIN, flags.DEFINE_bool, "normalize_levels", True,
    "Give the neck the levels L2-normalised (the official QAConv, which has one level, does not).",
)
_add(
    _TRAIN, flags.DEFINE_bool, "normalize_input", True,
    "Subtract ImageNet's mean and divide by its deviation (the official QAConv does not).",
)
_add(
    _TRAIN, flags.DEFINE_enum, "head", "uniform", ["shared", "split", "positive", "uniform"],
    "Location weights of the matcher: one set for both directions (QAConv 2.x), one a direction (1.x), one of positive "
    "weights, or all equal.",
)
_add(
    _TRAIN, flags.DEFINE_enum, "weight_init", "mean", ["mean", "random"],
    "First location weights: all equal, or random as PyTorch's (QAConv before 2.1).",
)
_add(
    _TRAIN, flags.DEFINE_bool, "trainable_scales", False,
    "Learn scale and offset of the matcher's normalisations.",
)
_add(
    _TRAIN, flags.DEFINE_float, "scale_floor", 1.0,
    "What learned scales never fall below. Without a floor (0, as published) a margin loss can shrink them until all "
    "scores are equal, where it cannot separate right from wrong yet.", lower_bound=0.0,
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
    _TRAIN, flags.DEFINE_enum, "loss", "triplet",
    ["triplet", "class_memory", "pairwise", "pooled_softmax", "pooled_triplet"],
    "Batch-hard triplet, focal loss against the class memory, or cross-entropy of the batch's pairs; or, without "
    "matching, the baselines of one pooled vector an image: softmax of classes, or batch-hard triplet on cosines "
    "(evaluate these by --scoring=pooled).",
)
_add(
    _TRAIN, flags.DEFINE_float, "margin", None,
    "Margin of the triplet losses, in units of scores (by default 16) or of cosines (0.3).", lower_bound=0.0,
)
_add(
    _TRAIN, flags.DEFINE_float, "softmax_scale", 16.0, "What --loss=pooled_softmax multiplies its cosines by.",
    lower_bound=0.0,
)
_add(_TRAIN, flags.DEFINE_float, "gamma", 2.0, "Focusing power of the class-memory loss.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_enum, "unseen", "mask", ["mask", "zeros"],
    "Classes not yet in the memory: left out of the loss, or counted as maps of zeros.",
)
_add(
    _TRAIN, flags.DEFINE_integer, "memory_chunk", 0,
    "Normalise the scores of so many classes of the memory at a time by their own statistics (QAConv 1.2: 16); 0 for "
    "all classes at once. Has nothing to do with --tile_bytes.", lower_bound=0,
)
_add(
    _TRAIN, flags.DEFINE_integer, "nearest_classes", 0,
    "Match a batch against so many classes of the memory only: its own, and those whose average map is nearest. A step "
    "then costs the same for any number of classes. 0 for all classes.", lower_bound=0,
)
_add(
    _TRAIN, flags.DEFINE_bool, "fill_memory", True,
    "Fill the class memory with an image of each class before the first step. Otherwise the first epoch has wrong "
    "answers only, which spoils a model that can match already. The class vectors of --loss=pooled_softmax start so "
    "too, instead of at random. Not with --pretrain_trials.",
)
_add(
    _TRAIN, flags.DEFINE_integer, "pretrain_trials", 0,
    "Short trainings from different first weights, of which that with the greatest 100 x accuracy - loss is trained "
    "on (QAConv 1.1 and 1.2: 10). A run that is stopped during its trials begins these anew.", lower_bound=0,
)
_add(
    _TRAIN, flags.DEFINE_integer, "pretrain_epochs", 1, "Epochs of a trial, if --pretrain_steps are not fewer.",
    lower_bound=1,
)
_add(_TRAIN, flags.DEFINE_integer, "pretrain_steps", 2000, "Steps of a trial at most.", lower_bound=1)
_add(
    _TRAIN, flags.DEFINE_enum, "sampler", "identity", ["identity", "random", "graph"],
    "Batches of some images of some identities, of any images, or of some images of each identity and those nearest "
    "to it by the model as it is at the epoch's start (graph sampling).",
)
_add(
    _TRAIN, flags.DEFINE_bool, "graph_rerank", False, "Re-rank the distances of graph sampling (QAConv 2.0).",
)
_add(
    _TRAIN, flags.DEFINE_integer, "group_epochs", 0,
    "With --sampler=graph: first epochs whose batches are groups of --instances_per_identity images of an identity, "
    "all groups once and in random order (QAConv 2.0: 1).", lower_bound=0,
)
_add(
    _TRAIN, flags.DEFINE_bool, "save_graph", False,
    "Write the graph of each epoch to RUN/graph/epoch_NNNN.npz: identities, images, neighbors, distances.",
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
    "Steps between two checkpoints; 0 for as many as visit every identity (or image) once, with --sampler=graph at "
    "the centre of a batch.", lower_bound=0,
)
_add(_TRAIN, flags.DEFINE_float, "learning_rate", 0.005, "First learning rate.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "backbone_factor", 0.1, "The backbone's share of the learning rate.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_list, "decay_epochs", ["10"], "Epochs after which the rate is multiplied by --decay_factor.")
_add(_TRAIN, flags.DEFINE_float, "decay_factor", 0.1, "See --decay_epochs.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_float, "dynamic_factor", 0.0,
    "Instead of --decay_epochs: decay the rate after the first epoch whose mean loss is below this share of the second "
    "epoch's, and end when half as many epochs again have passed, after --epochs at the latest (QAConv 2.1: 0.7).",
    lower_bound=0.0, upper_bound=1.0,
)
_add(_TRAIN, flags.DEFINE_float, "momentum", 0.9, "Nesterov momentum.", lower_bound=0.0)
_add(_TRAIN, flags.DEFINE_float, "weight_decay", 5e-4, "Coupled weight decay, as PyTorch's.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_float, "clip_norm", 8.0,
    "Largest norm of the backbone's gradients, and of the matcher's, each by itself; 0 for none.", lower_bound=0.0,
)
_add(
    _TRAIN, flags.DEFINE_bool, "skip_nonfinite", False,
    "Leave out steps whose loss or gradient is not finite (QAConv 2.1). Twenty in a row still end the run, as a single "
    "one does otherwise.",
)
_add(
    _TRAIN, flags.DEFINE_bool, "freeze_batch_norm", True,
    "Keep the backbone's moving statistics, and normalise by them.",
)
_add(
    _TRAIN, flags.DEFINE_integer, "freeze_statistics_after", 0,
    "Epochs after which all moving statistics are kept and used, the matcher's too; 0 for never (QAConv 2.0: 1, since "
    "its graph sampler leaves the network in evaluation mode).", lower_bound=0,
)
_add(
    _TRAIN, flags.DEFINE_integer, "frozen_stride", 0,
    "Do not train the backbone's first layers, those of this stride (2, 4, ...) or finer; 0 trains all.", lower_bound=0,
)
_add(
    _TRAIN, flags.DEFINE_bool, "calibrate", True,
    "At the end fit temperature and offset of the scores to pairs of training images, where the matcher's scales are "
    "frozen: else its probabilities would all be near 0.5. Changes no ranking, and no checkpoint.",
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
_add(
    _TRAIN, flags.DEFINE_float, "augment_above", 0.0,
    "Take the images as they are until an epoch's mean accuracy is above this (QAConv 1.1 and 1.2: 0.6); 0 augments "
    "from the start.", lower_bound=0.0, upper_bound=1.0,
)
_add(_TRAIN, flags.DEFINE_bool, "flip", True, "Mirror half of the images.")
_add(_TRAIN, flags.DEFINE_integer, "pad", 10, "Pad by so many pixels and crop back at random.", lower_bound=0)
_add(_TRAIN, flags.DEFINE_float, "rotation_degrees", 5.0, "Largest rotation either way.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_enum, "rotation_interpolation", "bilinear", ["bilinear", "nearest"],
    "How a rotated image is read between pixels (QAConv: nearest).",
)
_add(
    _TRAIN, flags.DEFINE_list, "brightness", ["0.25"],
    "Brightness factor is 1 +- this; or its lowest and highest value, as in 0.5,2.0 (QAConv from 1.2 on).",
)
_add(_TRAIN, flags.DEFINE_list, "contrast", ["0.25"], "Contrast factor, as --brightness.")
_add(_TRAIN, flags.DEFINE_list, "saturation", ["0.25"], "Saturation factor, as --brightness.")
_add(_TRAIN, flags.DEFINE_float, "hue", 0.0, "Largest shift of the hue, 0 to 0.5.", lower_bound=0.0)
_add(
    _TRAIN, flags.DEFINE_bool, "shuffle_colors", False,
    "Change brightness, contrast, saturation and hue in random order (QAConv from 1.2 on).",
)
_add(
    _TRAIN, flags.DEFINE_float, "occlusion_probability", 0.5, "Share of images with a white square.", lower_bound=0.0
)
_add(
    _TRAIN, flags.DEFINE_float, "occlusion_min_size", 0.0, "Smallest white square, as --occlusion_max_size.",
    lower_bound=0.0,
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
_add(
    _ALL_RUNS, flags.DEFINE_enum, "engine", "auto", ["auto", "native", "xla"],
    "What matches: compiled code for this processor, TensorFlow's compiler, or the first where it was built (and, for "
    "train's steps, there is no GPU). Their results differ by rounding.",
)
_add(
    _EVALUATE, flags.DEFINE_enum, "precision", "fp32", ["fp32", "bf16"],
    "Of the matching. bf16 is of the native engine only: faster where the processor has AMX, and moves scores by a "
    "hundredth of their deviation at most (of random maps, by a few hundredths).",
)
_add(
    _EVALUATE, flags.DEFINE_enum, "extraction_precision", "fp32", ["fp32", "bf16"],
    "Of the network that makes the maps. bf16 takes half the time on a processor that has it (AMX), and moves the maps "
    "more than --precision does: see README.md.",
)
_add(
    _EVALUATE, flags.DEFINE_integer, "threads", None, "Threads of the native engine; by default one a core.",
    lower_bound=1,
)
_add(
    _EVALUATE, flags.DEFINE_float, "shortlist_loss", None,
    "For large galleries: match each query only with those gallery images that pooled maps show to be most alike, as "
    "many as lose so many points of mAP at most (0.1, say) on a sample of queries. Prints what lists of every size "
    "cost and lose. Not with --rerank or --tlift, which need all scores.", lower_bound=0.0, upper_bound=100.0,
)
_add(
    _EVALUATE, flags.DEFINE_integer, "shortlist_sample", 200,
    "Queries of the sample of --shortlist_loss, which are matched with the whole gallery: more cost time, fewer "
    "measure worse.", lower_bound=1,
)
_add(
    _EVALUATE, flags.DEFINE_integer, "shortlist", None,
    "As --shortlist_loss, with lists of so many images, whatever that loses.", lower_bound=1,
)
_add(
    _ALL_RUNS, flags.DEFINE_enum, "protocol", "market1501", ["market1501", "cuhk03_single_shot"],
    "How rank-k counts: in the whole gallery, or in ten drawings of one image of each identity (CUHK03's classic "
    "splits).",
)
_add(
    _ALL_RUNS, flags.DEFINE_enum, "camera_filter", "same_identity", ["same_identity", "none"],
    "Ignore gallery images of the query's identity and camera, or none: for images of one camera.",
)
_add(
    _ALL_RUNS, flags.DEFINE_integer, "report_queries", 200,
    "Queries of each data set that report.html shows: of more, the worst, those of suspected labels, and others evenly "
    "along the average precision.",
    lower_bound=1,
)
_add(
    _ALL_RUNS, flags.DEFINE_integer, "report_answers", 10,
    "First answers to a query that report.html shows and explains; right answers beyond these as far as the file stays "
    "below 25 MB.",
    lower_bound=1,
)
_add(
    _EVALUATE, flags.DEFINE_bool, "keep_maps", False,
    "Keep the feature maps in the run folder, and take those that an earlier evaluation of this model and these images "
    "has kept there.",
)
_add(
    _EVALUATE, flags.DEFINE_string, "label_fixes", "",
    "CSV file of wrong labels, columns path, identity (-1: leave out) and, if wanted, dataset and was, as the report "
    "saves it: applied to queries and gallery before ranking. Implies --keep_maps where there is a folder to keep "
    "them.",
)
_add(
    _EVALUATE, flags.DEFINE_string, "compare_run", "",
    "A run folder whose newest evaluations of the same data sets, by the same scoring, protocol, camera filter and "
    "labels, are compared with these ones, query by query: differences with 95 % intervals and the p-values of a "
    "permutation test, over identities. Kept in results.json.",
)
_add(
    _EVALUATE, flags.DEFINE_string, "pairs", "",
    "CSV file of pairs of images, columns query_path, gallery_path, same (1 or 0) and, if wanted, fold: prints how "
    "well matching tells same from different (the LFW protocol). Instead of --test_datasets or beside them.",
)
_add(
    _EVALUATE, flags.DEFINE_bool, "correspondence_score", False,
    "Also score where images match, on --test_datasets made by qaconv-generate --ground_truth: how often a matched "
    "location shows the same part of the body, or lies within 10 cm, by viewpoint change, beside what chance reaches.",
)
_add(
    _EVALUATE, flags.DEFINE_bool, "rerank", False,
    "Also re-rank what matching found, by k-reciprocal neighbours. Matches the queries, and the gallery, among "
    "themselves.",
)
_add(
    _EVALUATE, flags.DEFINE_enum, "rerank_mode", "qaconv", ["qaconv", "standard"],
    "As the official QAConv, or as the re-ranking's authors, who square the distances.",
)
_add(_EVALUATE, flags.DEFINE_integer, "rerank_k1", 20, "Neighbours that must be mutual.", lower_bound=1)
_add(_EVALUATE, flags.DEFINE_integer, "rerank_k2", 6, "Neighbours averaged over; 1 for none.", lower_bound=1)
_add(
    _EVALUATE, flags.DEFINE_float, "rerank_lambda", 0.3, "Share of the distance before re-ranking.", lower_bound=0.0,
    upper_bound=1.0,
)
_add(
    _EVALUATE, flags.DEFINE_bool, "tlift", False,
    "Also lift what matching (with --rerank: re-ranking) found by the times of the images: TLift. Uses all queries "
    "together, so a query's result depends on the others.",
)
_add(
    _EVALUATE, flags.DEFINE_float, "tlift_tau", 100.0, "Seconds within which queries of one camera are companions.",
    lower_bound=1e-6,
)
_add(
    _EVALUATE, flags.DEFINE_float, "tlift_sigma", 200.0, "Seconds by which the weight falls to 1/e.", lower_bound=1e-6
)
_add(
    _EVALUATE, flags.DEFINE_integer, "tlift_top_k", 10, "Best matches of the companions, from whose times is counted.",
    lower_bound=1,
)
_add(
    _EVALUATE, flags.DEFINE_float, "tlift_alpha", 0.2, "What images far in time keep of their probability.",
    lower_bound=0.0,
)
_add(
    _EVALUATE, flags.DEFINE_enum, "tlift_pivot", "set", ["set", "multiset"],
    "Count an image once, however many companions it matches (the paper), or once for each (the official code).",
)
_add(
    _EVALUATE, flags.DEFINE_bool, "tlift_online", False,
    "Use only what is not later than the query. All cameras must have one clock.",
)

# Generated people
_add(
    _GENERATE, flags.DEFINE_enum, "network", "campus", ["campus", "quay", "arcade", "station"],
    "Camera network: campus is meant for training, quay and (with looser boxes) arcade for validation, station as the "
    "unseen test.",
)
_add(
    _GENERATE, flags.DEFINE_enum, "layout", "market1501", ["market1501", "randperson"],
    "Folders and file names of the data set; a table images.csv is written too.",
)
_add(
    _GENERATE, flags.DEFINE_bool, "ground_truth", False,
    "Write for each image which part of the body, and which place on its surface, each pixel shows.",
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
    ("evaluate", "export", "generate", "import_checkpoint", "demo", "people", "explain"), flags.DEFINE_string,
    "output_dir", "",
    "Folder for what is written. evaluate: results.json (added to) and report.html (of this evaluation), by default "
    "the run folder. export: the SavedModel, by default RUN_DIR/saved_model. generate: the data set. "
    "import_checkpoint: model.keras. demo, people: data and runs. explain: picture and JSON, by default the current "
    "folder.",
)

# Explanation
_add(_EXPLAIN, flags.DEFINE_integer, "lines", 24, "Lines drawn between matched places, at most.", lower_bound=0)
_add(
    _EXPLAIN, flags.DEFINE_string, "references", "",
    "Folder of images of others: a place's share is what it matches better than it does in these. At most 64, spread "
    "evenly over the folder; never A or B. By default the package's, of generated people.",
)
_add(_EXPLAIN, flags.DEFINE_bool, "mutual_only", False, "Draw only matches that hold both ways.")


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
